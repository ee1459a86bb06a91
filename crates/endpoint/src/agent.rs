//! The loop that takes messages and sends answers.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use event::Timestamp;
use handover::{Answer, MAX_MESSAGE_LEN, Message, Reached, Tallies};
use rustix::event::{EventfdFlags, Timespec, epoll, eventfd};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, SocketFlags, accept_with, recv, send};
use secrets::SessionSecrets;
use zeroize::Zeroize as _;

use crate::counts::{AgentCounts, Counters, add};
use crate::peer::Peer;
use crate::receipt::{Answers, Receipt, Teller};
use crate::sink::Sink;
use crate::socket::{BindError, Listener};

/// Takes the secrets that processes hand over.
pub struct Agent<S> {
    listener: Listener,
    epoll: OwnedFd,
    answers: Arc<Answers>,
    connections: HashMap<u64, Connection>,
    next: u64,
    sink: S,
    remote: Remote,
}

/// What other threads may ask of an agent.
#[derive(Clone)]
pub struct Remote {
    stop: Arc<AtomicBool>,
    counters: Arc<Counters>,
    answers: Arc<Answers>,
    inbox: Arc<Mutex<Vec<Delivered>>>,
}

/// What came some other way than over the socket.
enum Delivered {
    Secrets(SessionSecrets, Receipt),
    Missed { peer: Peer, client_random: Option<[u8; 32]>, tallies: Tallies },
}

struct Connection {
    socket: OwnedFd,
    peer: Peer,
}

impl Remote {
    /// Has the agent take what was sent so far, and end.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.answers.wake();
    }

    /// Has the agent take secrets that came some other way; whether it has room for them.
    #[must_use]
    pub fn deliver(&self, secrets: SessionSecrets) -> bool {
        self.put(Delivered::Secrets(secrets, Receipt::to_nobody()))
    }

    /// The same, and has somebody told when they have come as far as that.
    #[must_use]
    pub fn deliver_and_tell(&self, secrets: SessionSecrets, wait: Reached, teller: Teller) -> bool {
        self.put(Delivered::Secrets(secrets, Receipt::to_teller(teller, wait)))
    }

    /// Has the agent take note of what became of a session of a process, as if that had told it; whether it
    /// has room for it.
    #[must_use]
    pub fn miss(&self, peer: Peer, client_random: Option<[u8; 32]>, tallies: Tallies) -> bool {
        self.put(Delivered::Missed { peer, client_random, tallies })
    }

    fn put(&self, delivered: Delivered) -> bool {
        let mut inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = inbox.len() < MAX_INBOX;
        if has_room {
            inbox.push(delivered);
        }
        drop(inbox);
        self.answers.wake();
        has_room
    }

    /// What it has met.
    #[must_use]
    pub fn counts(&self) -> AgentCounts {
        self.counters.read()
    }
}

impl<S: Sink> Agent<S> {
    /// Listens on a socket that whoever `mode` allows may connect to.
    ///
    /// # Errors
    /// [`BindError`].
    pub fn bind(path: &Path, mode: u32, sink: S) -> Result<Self, BindError> {
        let failed = |error: Errno| BindError::System { path: path.into(), source: error.into() };
        let listener = Listener::bind(path, mode)?;
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(failed)?;
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(failed)?;
        for (fd, number) in [(&listener.socket, LISTENER), (&wake, WAKE)] {
            let data = epoll::EventData::new_u64(number);
            epoll::add(&poll, fd, data, epoll::EventFlags::IN).map_err(failed)?;
        }
        let answers = Arc::new(Answers::new(wake));
        let remote = Remote {
            stop: Arc::default(),
            counters: Arc::default(),
            answers: Arc::clone(&answers),
            inbox: Arc::default(),
        };
        Ok(Self {
            listener,
            epoll: poll,
            answers,
            connections: HashMap::new(),
            next: FIRST_CONNECTION,
            sink,
            remote,
        })
    }

    /// What other threads may ask of it.
    #[must_use]
    pub fn remote(&self) -> Remote {
        self.remote.clone()
    }

    /// What takes the secrets further.
    pub const fn sink(&mut self) -> &mut S {
        &mut self.sink
    }

    /// Takes messages until [`Remote::stop`] is called; then all that was sent before.
    ///
    /// # Errors
    /// What the system reports of its queue of events.
    pub fn run(&mut self) -> io::Result<()> {
        while !self.remote.stop.load(Ordering::Relaxed) {
            self.turn(TURN)?;
        }
        while self.turn(Duration::ZERO)? {}
        Ok(())
    }

    /// Waits for what comes next, and takes it; whether there was anything.
    fn turn(&mut self, timeout: Duration) -> io::Result<bool> {
        let mut events = Vec::with_capacity(MAX_EVENTS);
        let timeout = Timespec::try_from(timeout).ok();
        let buffer = rustix::buffer::spare_capacity(&mut events);
        match epoll::wait(&self.epoll, buffer, timeout.as_ref()) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        let any = !events.is_empty();
        for event in events {
            match event.data.u64() {
                LISTENER => self.accept(),
                WAKE => {
                    rustix::io::read(&self.answers.wake, &mut [0; 8]).ok();
                }
                number => self.read(number),
            }
        }
        self.take_delivered();
        self.answer();
        Ok(any)
    }

    fn accept(&mut self) {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        for _ in 0..MAX_EVENTS {
            let Ok(socket) = accept_with(&self.listener.socket, flags) else { return };
            let Some(peer) = Peer::of(&socket).filter(|peer| self.has_room_for(peer)) else {
                add(&self.remote.counters.connections_refused, 1);
                continue;
            };
            let number = self.next;
            self.next = self.next.wrapping_add(1);
            let data = epoll::EventData::new_u64(number);
            if epoll::add(&self.epoll, &socket, data, epoll::EventFlags::IN).is_ok() {
                self.connections.insert(number, Connection { socket, peer });
            }
        }
    }

    /// One user must not keep all others out.
    fn has_room_for(&self, peer: &Peer) -> bool {
        let own = self.connections.values().filter(|other| other.peer.uid == peer.uid);
        self.connections.len() < MAX_CONNECTIONS && own.count() < MAX_OF_USER
    }

    /// Takes what one process has sent, but no more than others may wait for.
    fn read(&mut self, number: u64) {
        let mut packet = [0; MAX_MESSAGE_LEN];
        for _ in 0..MAX_MESSAGES {
            let Some(connection) = self.connections.get(&number) else { return };
            let len = match recv(&connection.socket, &mut packet[..], RecvFlags::TRUNC) {
                Ok((_, len)) => len,
                Err(Errno::AGAIN | Errno::INTR) => break,
                Err(_) => 0,
            };
            if len == 0 {
                self.connections.remove(&number);
                break;
            }
            let message = packet.get(..len).and_then(|packet| Message::decode(packet).ok());
            let Some(message) = message else {
                add(&self.remote.counters.malformed, 1);
                self.connections.remove(&number);
                break;
            };
            self.take(number, &message);
        }
        packet.zeroize();
    }

    fn take(&mut self, number: u64, message: &Message) {
        let Some(Connection { peer, .. }) = self.connections.get(&number) else { return };
        let counters = &self.remote.counters;
        let is_of_secrets = !message.secrets.is_empty();
        add(&counters.messages, is_of_secrets.into());
        add(&counters.secrets, message.secrets.len() as u64);
        counters.add_tallies(&message.tallies);
        if message.tallies != Tallies::default() {
            let client_random = Some(&message.session.client_random).filter(|_| !is_of_secrets);
            self.sink.miss(peer, client_random, &message.tallies);
        }
        if !is_of_secrets {
            return;
        }
        let receipt = Receipt::to_process(&self.answers, number, message.sequence, message.wait);
        self.sink.take(peer.says(message, wall_clock()), receipt);
    }

    /// Takes what came some other way than over the socket.
    fn take_delivered(&mut self) {
        let inbox = &self.remote.inbox;
        let delivered = std::mem::take(&mut *inbox.lock().unwrap_or_else(PoisonError::into_inner));
        for delivered in delivered {
            match delivered {
                Delivered::Secrets(secrets, receipt) => {
                    add(&self.remote.counters.messages, 1);
                    add(&self.remote.counters.secrets, secrets.secrets.len() as u64);
                    self.sink.take(secrets, receipt);
                }
                Delivered::Missed { peer, client_random, tallies } => {
                    self.remote.counters.add_tallies(&tallies);
                    self.sink.miss(&peer, client_random.as_ref(), &tallies);
                }
            }
        }
    }

    /// Sends answers.
    fn answer(&mut self) {
        for (number, answer) in self.answers.take() {
            let Some(connection) = self.connections.get(&number) else { continue };
            if !sends(&connection.socket, answer) {
                add(&self.remote.counters.deaf, 1);
                self.connections.remove(&number);
            }
        }
    }
}

fn sends(socket: &OwnedFd, answer: Answer) -> bool {
    send(socket, &answer.encode(), SendFlags::NOSIGNAL).is_ok()
}

fn wall_clock() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

const LISTENER: u64 = 0;
const WAKE: u64 = 1;
const FIRST_CONNECTION: u64 = 2;

/// Processes with up to 16 connections each.
const MAX_CONNECTIONS: usize = 4096;
const MAX_OF_USER: usize = 2048;

/// Secrets that came some other way, and wait: some hundred bytes each.
const MAX_INBOX: usize = 65_536;

/// Events that are taken at once.
const MAX_EVENTS: usize = 64;

/// Messages of one process that are taken before others have their turn.
const MAX_MESSAGES: usize = 64;

/// How long it sleeps where nobody wakes it.
const TURN: Duration = Duration::from_secs(60);
