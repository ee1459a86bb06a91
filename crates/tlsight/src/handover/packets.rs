//! Packets that wait until the secrets of their sessions, which probes take, are where they are to be.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use endpoint::{Peer, Remote};
use handover::{Hold, Label, OnDeadline, Reached, Tallies};
use nfqueue::{
    Action, Fate, Gate, GateCounts, Greeting, KernelCounts, Limits, Next, Overflow, Queue,
    Resetter, Told, Verdict,
};
use probe::TakenKey;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::time::{ClockId, clock_gettime};
use secrets::{Role, SessionSecrets, ShortText};

use super::hellos::{Hello, KnownHellos};
use crate::cli::HandoverAgentArgs;
use crate::message;

/// A thread that answers for the packets of a queue.
pub(super) struct PacketHold {
    held: Held,
    thread: JoinHandle<Ended>,
}

/// What packets wait for is told here.
#[derive(Clone)]
pub(super) struct Held {
    queue: u16,
    wait: Reached,
    notices: Arc<Notices>,
    hellos: KnownHellos,
}

/// What is told to the thread.
struct Notices {
    waiting: Mutex<Vec<Notice>>,
    wake: OwnedFd,
    lost: AtomicU64,
}

enum Notice {
    Taken { random: [u8; 32], label: Label, owner: Peer },
    Acknowledged { random: [u8; 32], label: Label },
    Denied { random: [u8; 32] },
}

/// How the thread ended.
#[derive(Default)]
struct Ended {
    gate: GateCounts,
    kernel: KernelCounts,
    overruns: u64,
    malformed: u64,
    refused: u64,
    /// Connections that could not be reset.
    not_reset: u64,
    /// What became of sessions, and could not be told.
    untold: u64,
}

impl PacketHold {
    /// Begins to answer for the queue.
    ///
    /// # Errors
    /// A kernel or rights that do not suffice.
    pub(super) fn start(
        args: &HandoverAgentArgs,
        held: Held,
        remote: &Remote,
        stop: &Arc<AtomicBool>,
    ) -> Result<Self> {
        let hold = args.hold.hold();
        let number = held.queue;
        // Who is to go on without an answer is not to be stopped by an agent that hangs either.
        let overflow = match hold.on_deadline {
            OnDeadline::Open => Overflow::Pass,
            OnDeadline::Abort => Overflow::Drop,
        };
        let queue = Queue::bind(number, overflow).context("cannot hold packets")?;
        let resetter = Resetter::open().context("cannot hold packets")?;
        let limits =
            Limits { hash_seed: RandomState::new().build_hasher().finish(), ..Limits::default() };
        let keeper = Keeper {
            queue,
            gate: Gate::new(hold, limits),
            resetter,
            mark: args.hold_mark,
            held: held.clone(),
            remote: remote.clone(),
            ended: Ended::default(),
        };
        let stop = Arc::clone(stop);
        let thread = thread::Builder::new().name("packets".to_owned());
        let thread = thread.spawn(move || keeper.run(&stop)).context("cannot start a thread")?;
        message::notice(&format!("holds packets of queue {number}"));
        Ok(Self { held, thread })
    }

    /// Waits for the end, and says what was met.
    pub(super) fn finish(self) {
        let lost = self.held.notices.lost.load(Ordering::Relaxed);
        let Ok(ended) = self.thread.join() else {
            return message::error("the thread that holds packets ended");
        };
        let Ended { gate, kernel, overruns, malformed, refused, not_reset, untold } = ended;
        message::error(&format!(
            "{} packets passed the queue, {} were held; {} waits ended with an acknowledgement",
            gate.packets, gate.held, gate.acknowledged
        ));
        for (count, what) in [
            (gate.opened, "sessions went on without an acknowledgement"),
            (gate.aborted, "sessions were aborted without an acknowledgement"),
            (gate.refused, "sessions were aborted because those before had waited in vain"),
            (gate.untaken, "of them: no secret had been taken when their deadline was over"),
            (gate.no_room, "of them: too many packets waited"),
            (gate.denied, "sessions did not wait because rules keep their secrets back"),
            (gate.not_tls, "connections in the queue are not TLS"),
            (gate.not_tcp, "packets in the queue are no whole TCP segments"),
            (gate.forwarded, "packets in the queue are only passed on by this host: not held"),
            (gate.unknown, "packets of connections whose beginning was not in the queue: not held"),
            (gate.lost, "connections in the queue could not be followed"),
            (gate.evicted, "connections were forgotten because there were too many"),
            (kernel.dropped_full.into(), "packets were dropped because the queue was full"),
            (kernel.dropped_untold.into(), "packets were dropped because the agent was too slow"),
            (overruns, "times the kernel had no room to tell of packets"),
            (malformed, "messages of the kernel could not be read"),
            (refused, "verdicts came too late"),
            (not_reset, "sessions could not be reset: their packets were dropped"),
            (untold, "sessions went on or were aborted, and the agent had no room to tell"),
            (lost, "notices on secrets found no room"),
        ] {
            if count > 0 {
                message::error(&format!("{count} {what}"));
            }
        }
    }
}

impl Held {
    /// What packets of the queue wait for, if there is to be one.
    ///
    /// # Errors
    /// Settings that make no sense.
    pub(super) fn new(args: &HandoverAgentArgs) -> Result<Option<Self>> {
        let hold = args.hold.hold();
        let Some(queue) = args.hold_packets else {
            if hold != Hold::default() {
                bail!(
                    "what sessions wait for is said with --hold-packets; `tlsight run` has its own"
                );
            }
            return Ok(None);
        };
        let wait = hold.wait.context("--hold-packets needs --wait received, live or durable")?;
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let notices =
            Arc::new(Notices { waiting: Mutex::default(), wake, lost: AtomicU64::default() });
        Ok(Some(Self { queue, wait, notices, hellos: KnownHellos::default() }))
    }

    /// Where the hellos of packets are put.
    pub(super) fn hellos(&self) -> KnownHellos {
        self.hellos.clone()
    }

    /// Takes note that a secret was taken.
    pub(super) fn take_note(&self, key: &TakenKey) {
        let owner = Peer {
            pid: Some(key.pid),
            uid: key.uid,
            executable: ShortText::default(),
            command: ShortText::new(&key.command),
        };
        self.notices.put(Notice::Taken { random: key.random, label: key.secret.label(), owner });
    }

    /// Takes note that a secret is not told.
    pub(super) fn deny(&self, random: [u8; 32]) {
        self.notices.put(Notice::Denied { random });
    }

    /// Delivers a secret, and lets its packets go on when it has come as far as they wait for; whether the
    /// agent has room for it.
    pub(super) fn deliver(&self, remote: &Remote, label: Label, secrets: SessionSecrets) -> bool {
        let (notices, random) = (Arc::clone(&self.notices), secrets.client_random);
        let teller = move || notices.put(Notice::Acknowledged { random, label });
        remote.deliver_and_tell(secrets, self.wait, Arc::new(teller))
    }
}

impl Notices {
    fn put(&self, notice: Notice) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < MAX_NOTICES {
            waiting.push(notice);
        } else {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        drop(waiting);
        // If its counter is full, the thread is awake.
        rustix::io::write(&self.wake, &1_u64.to_ne_bytes()).ok();
    }

    fn take(&self) -> Vec<Notice> {
        rustix::io::read(&self.wake, &mut [0; 8]).ok();
        std::mem::take(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What the thread has.
struct Keeper {
    queue: Queue,
    gate: Gate<Peer>,
    resetter: Resetter,
    mark: Option<u32>,
    held: Held,
    remote: Remote,
    ended: Ended,
}

impl Keeper {
    /// Answers for packets until it is to stop; then none waits any longer.
    fn run(mut self, stop: &AtomicBool) -> Ended {
        while !stop.load(Ordering::Relaxed) {
            self.wait();
            self.take_notices();
            if let Err(error) = self.take_packets() {
                message::error(&format!("packets are not held any more: {error}"));
                break;
            }
            self.gate.time_out(now_ns());
            self.act();
        }
        self.gate.open();
        self.act();
        // What nobody has looked at would be dropped with the queue.
        if let Err(error) = self.take_packets() {
            message::error(&format!("packets were left in the queue: {error}"));
        }
        self.gate.open();
        self.act();
        self.ended.kernel = KernelCounts::read(self.queue.number()).unwrap_or_default();
        self.ended.overruns = self.queue.overruns();
        self.ended.malformed = self.queue.malformed();
        self.ended.refused = self.queue.refused();
        self.ended.gate = *self.gate.counts();
        self.ended
    }

    /// Waits for a packet, a notice or a deadline.
    fn wait(&self) {
        let deadline = self.gate.deadline_ns().map(|at| at.saturating_sub(now_ns()));
        let longest = deadline.map_or(WAIT, |left| WAIT.min(Duration::from_nanos(left)));
        let timeout = Timespec::try_from(longest).ok();
        let ready = &mut [
            PollFd::new(&self.queue, PollFlags::IN),
            PollFd::new(&self.held.notices.wake, PollFlags::IN),
        ];
        // A signal ends the wait.
        poll(ready, timeout.as_ref()).ok();
    }

    fn take_notices(&mut self) {
        let now = now_ns();
        for notice in self.held.notices.take() {
            match notice {
                Notice::Taken { random, label, owner } => {
                    self.gate.take_note(now, &random, label, owner);
                }
                Notice::Acknowledged { random, label } => {
                    self.gate.acknowledge(now, &random, label);
                }
                Notice::Denied { random } => self.gate.deny(now, &random),
            }
        }
        self.act();
    }

    fn take_packets(&mut self) -> std::io::Result<()> {
        for _ in 0..MAX_PACKETS {
            match self.queue.receive()? {
                Next::Packet(packet) => self.gate.take_packet(now_ns(), &packet),
                Next::Other => {}
                Next::Nothing => break,
            }
            self.act();
        }
        Ok(())
    }

    fn act(&mut self) {
        while let Some(action) = self.gate.next_action() {
            match action {
                Action::Accept { id, is_done } => {
                    self.answer(id, Verdict::Accept(self.mark.filter(|_| is_done)));
                }
                Action::Drop { id } => self.answer(id, Verdict::Drop),
                Action::Reset(reset) => {
                    let failed = self.resetter.reset(&reset).is_err();
                    self.ended.not_reset = self.ended.not_reset.saturating_add(failed.into());
                }
                Action::Greeting(greeting) => {
                    self.held.hellos.add(greeting.client_random, hello(&greeting));
                }
                Action::Told(told) => self.tell(told),
            }
        }
    }

    fn answer(&mut self, id: u32, verdict: Verdict) {
        if self.queue.answer(id, verdict).is_err() {
            self.ended.refused = self.ended.refused.saturating_add(1);
        }
    }

    fn tell(&mut self, told: Told<Peer>) {
        let none = Tallies::default();
        let tallies = match told.fate {
            Fate::Opened => Tallies { opened: 1, ..none },
            Fate::Aborted => Tallies { aborted: 1, ..none },
            Fate::Refused => Tallies { refused: 1, ..none },
        };
        let owner = told.owner.unwrap_or_else(|| Peer {
            pid: None,
            uid: NO_USER,
            executable: ShortText::default(),
            command: ShortText::new("an unknown program"),
        });
        if !self.remote.miss(owner, told.client_random, tallies) {
            self.ended.untold = self.ended.untold.saturating_add(1);
        }
    }
}

/// What packets say of a session. They do not say whose it is.
fn hello(greeting: &Greeting) -> Hello {
    Hello {
        pid: None,
        role: if greeting.is_client_here { Role::Client } else { Role::Server },
        server_name: greeting.server_name.as_deref().map(Arc::from),
        local: Some(greeting.local),
        peer: Some(greeting.peer),
        version: if (0x0301..=0x0304).contains(&greeting.version) { greeting.version } else { 0 },
        cipher_suite: greeting.cipher_suite,
        server_random: Some(greeting.server_random),
    }
}

fn now_ns() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0))
}

/// How long a request to end may wait.
const WAIT: Duration = Duration::from_millis(50);

/// Packets that are taken before acknowledgements and deadlines have their turn.
const MAX_PACKETS: usize = 64;

/// As many as the agent has room for, each with a notice when it is taken and when it is acknowledged.
const MAX_NOTICES: usize = 128 << 10;

/// What the kernel calls none: -1.
const NO_USER: u32 = u32::MAX;
