//! The programs in the kernel, and the rings that they fill.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aya::Ebpf;
use aya::maps::{HashMap, MapData, MapError, PerCpuArray, RingBuf};
use rustix::time::{ClockId, clock_gettime};

use super::account::{Account, TALLIES};
use super::budget::{Budget, BudgetChange, Ledger, Usage};
use super::cost::Cost;
use super::host::Listeners;
use super::kernel;
use super::programs::{self, Table};
use super::record::Progress;
use super::rules::Rules;
use super::scan::{Found, Scanner, Swept, Uncovered};
use super::scope::Scope;
use super::streams::{Host, Sink, StreamCounts, Streams};
use super::targets::{Target, Targets};
use crate::clock::Clock;
use crate::counters::total;
use crate::error::ProbeError;
use crate::load::{TYPES, map, may_open_libraries};
use crate::record::ProcessKey;

/// What to copy.
#[derive(Clone, Debug, Default)]
pub struct ClearTextOptions {
    /// Whose clear text is copied.
    pub rules: Rules,
    /// Length of all rings together in bytes; it is rounded up to a power of two for each.
    pub rings_len: Option<u32>,
    /// What probes may cost a process; as much as they do if there is none.
    pub budget: Option<Budget>,
}

/// The clear text of this host's TLS connections. Nothing of it outlives the process.
pub struct ClearText {
    /// Holds the programs and their links: with it they end.
    programs: Ebpf,
    /// Names the rings to the programs.
    _table: Table,
    rings: Vec<RingBuf<MapData>>,
    counters: PerCpuArray<MapData, u64>,
    processes: HashMap<MapData, u32, [u64; PROCESS_WORDS]>,
    dismissed: HashMap<MapData, u64, u8>,
    paused: HashMap<MapData, u32, [u64; 2]>,
    ledger: Option<Ledger>,
    budget_changes: Vec<BudgetChange>,
    pauses: u64,
    objects: HashMap<MapData, [u64; 2], [u64; OBJECT_WORDS]>,
    scope: Scope,
    scanner: Scanner,
    swept: Swept,
    targets: Targets,
    streams: Streams,
    listeners: Listeners,
    looked_at: Instant,
    forgot_at: Instant,
    idle_since: Instant,
    is_finished: bool,
}

/// What was met beside clear text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClearTextCounts {
    /// What was met of connections.
    pub streams: StreamCounts,
    /// Objects of libraries that there was no room for.
    pub objects_refused: u64,
    /// Records other than clear text that a ring had no room for.
    pub notices_lost: u64,
    /// Calls that claim to have moved what they cannot have.
    pub calls_unreadable: u64,
    /// Times that a process had exceeded its budget.
    pub pauses: u64,
    /// Files with a library whose probes were taken away, because nobody had them mapped any longer.
    pub libraries_detached: u64,
    /// Times that there was no room for another file with code.
    pub files_refused: u64,
    /// Files that the kernel had no room to tell of as they were mapped; the next sweep finds them.
    pub mappings_lost: u64,
}

/// The clear text of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessAccount {
    /// Its process id.
    pub pid: u32,
    /// Whether the rules on processes allow it.
    pub is_allowed: bool,
    /// What became of its bytes.
    pub account: Account,
}

impl ClearText {
    /// Loads the programs and puts probes into the libraries that are in use.
    ///
    /// # Errors
    /// [`ProbeError::Kernel`], [`ProbeError::NoTypes`], [`ProbeError::NoLibraries`],
    /// [`ProbeError::Permission`],
    /// [`ProbeError::Refused`], [`ProbeError::NoCgroups`], [`ProbeError::NotACgroup`],
    /// [`ProbeError::System`].
    pub fn open(options: &ClearTextOptions) -> Result<Self, ProbeError> {
        if let Some(obstacle) = kernel::obstacle() {
            return Err(ProbeError::Kernel { obstacle });
        }
        if !Path::new(TYPES).exists() {
            return Err(ProbeError::NoTypes { path: TYPES });
        }
        may_open_libraries()?;
        programs::raise_open_files();
        let mut programs = programs::load(options.rings_len.unwrap_or(RINGS_LEN))?;
        let (table, rings) = programs::take_rings(&mut programs)?;
        let refused = |error: MapError| ProbeError::refused("the maps of clear text", &error);
        let counters = PerCpuArray::try_from(map(&mut programs, "counters")?).map_err(refused)?;
        let processes = HashMap::try_from(map(&mut programs, "processes")?).map_err(refused)?;
        let dismissed = HashMap::try_from(map(&mut programs, "dismissed")?).map_err(refused)?;
        let objects = HashMap::try_from(map(&mut programs, "objects")?).map_err(refused)?;
        let paused = HashMap::try_from(map(&mut programs, "paused")?).map_err(refused)?;
        let mut scope = Scope::take(&mut programs)?;
        scope.set(&options.rules)?;
        programs::attach(&mut programs)?;
        let ledger = match options.budget {
            Some(budget) => {
                Some(Ledger::new(budget, Cost::measure(&mut programs)?, Instant::now()))
            }
            None => None,
        };
        let targets = Targets::new()
            .map_err(|source| ProbeError::System { action: "starting a thread", source })?;
        let mut capture = Self {
            programs,
            _table: table,
            rings,
            counters,
            processes,
            dismissed,
            paused,
            ledger,
            budget_changes: Vec::new(),
            pauses: 0,
            objects,
            scope,
            scanner: Scanner::start()?,
            swept: Swept::default(),
            targets,
            streams: Streams::new(Clock::read()),
            listeners: Listeners::default(),
            looked_at: Instant::now(),
            forgot_at: Instant::now(),
            idle_since: Instant::now(),
            is_finished: false,
        };
        while let Some(found) = capture.scanner.wait(LONGEST_SWEEP) {
            let is_sweep = matches!(found, Found::Swept(_));
            capture.take_found(found);
            if is_sweep {
                break;
            }
        }
        Ok(capture)
    }

    /// Tells `sink` what there is, or waits for that up to `timeout`; whether there was anything.
    pub fn poll(&mut self, timeout: Duration, sink: &mut Sink<'_>) -> bool {
        let began = Instant::now();
        loop {
            let any = self.drain(sink);
            self.look_around(!any, sink);
            if any {
                self.idle_since = Instant::now();
                return true;
            }
            let left = timeout.saturating_sub(began.elapsed());
            if left.is_zero() {
                return false;
            }
            let is_idle = self.idle_since.elapsed() > IDLE_AFTER;
            // A program that has just begun gets its probes at once.
            if let Some(found) = self.scanner.wait(left.min(if is_idle { IDLE_WAIT } else { WAIT }))
            {
                self.take_found(found);
            }
        }
    }

    /// Changes whose clear text is copied.
    ///
    /// # Errors
    /// [`ProbeError::NotACgroup`], [`ProbeError::Refused`]; the rules are those of before then.
    pub fn set_rules(&mut self, rules: &Rules) -> Result<(), ProbeError> {
        self.scope.set(rules)
    }

    /// Changes which pods are allowed, if there are rules on pods: the directories of their cgroups.
    ///
    /// # Errors
    /// [`ProbeError::Refused`]; some of them may not be allowed then.
    pub fn set_pods(&mut self, cgroups: Vec<PathBuf>) -> Result<(), ProbeError> {
        self.scope.set_pods(cgroups)
    }

    /// The files with a TLS library, so far.
    #[must_use]
    pub fn targets(&self) -> &[Target] {
        self.targets.all()
    }

    /// Processes with TLS that is not covered, as they were at the last look.
    #[must_use]
    pub fn uncovered(&self) -> Vec<Uncovered> {
        let paused = self.ledger.iter().flat_map(Ledger::paused);
        let over_budget = paused.map(Uncovered::over_budget);
        self.swept.uncovered.iter().cloned().chain(over_budget).collect()
    }

    /// Processes that have exceeded their budget, or go on after that, since the last call.
    pub fn take_budget_changes(&mut self) -> Vec<BudgetChange> {
        std::mem::take(&mut self.budget_changes)
    }

    /// What became of all bytes.
    #[must_use]
    pub fn account(&self) -> Account {
        let mut tallies = [0; TALLIES];
        for (tally, counter) in tallies.iter_mut().zip(0..) {
            *tally = self.count(counter);
        }
        self.settle(self.streams.taken(None).account(tallies))
    }

    /// What became of the bytes of each process that is remembered.
    #[must_use]
    pub fn processes(&self) -> Vec<ProcessAccount> {
        let known = self.processes.iter().flatten();
        let mut all: Vec<_> = known.map(|(pid, words)| self.process(pid, words)).collect();
        all.sort_unstable_by_key(|process| process.pid);
        all
    }

    /// What was met beside clear text.
    #[must_use]
    pub fn counts(&self) -> ClearTextCounts {
        ClearTextCounts {
            streams: self.streams.counts(),
            objects_refused: self.count(OBJECTS_FULL),
            notices_lost: self.count(NOTICES_LOST),
            calls_unreadable: self.count(NONSENSE),
            pauses: self.pauses,
            libraries_detached: self.targets.detached(),
            files_refused: self.swept.files_refused,
            mappings_lost: self.swept.notices_lost,
        }
    }

    /// Takes the probes away, tells what is left and the end of all connections.
    pub fn finish(&mut self, sink: &mut Sink<'_>) {
        self.targets.remove_all();
        while self.drain(sink) {}
        let objects: Vec<_> = self.objects.iter().flatten().collect();
        for (_, words) in objects {
            let object = Object::new(&words);
            self.streams.tell_untold(object.id, boot_ns(), object.progress, sink);
        }
        self.streams.finish(boot_ns(), sink);
        self.is_finished = true;
    }

    /// Tells what is in the rings; whether there was anything.
    fn drain(&mut self, sink: &mut Sink<'_>) -> bool {
        let mut host = Asked { listeners: &mut self.listeners, targets: &self.targets };
        let mut any = false;
        for ring in &mut self.rings {
            for _ in 0..MAX_RECORDS {
                let Some(record) = ring.next() else { break };
                self.streams.take(&record, &mut host, sink);
                any = true;
            }
        }
        for object in self.streams.take_dismissed() {
            // A verdict that is not heard costs some copies more.
            self.dismissed.insert(object, 1, 0).ok();
        }
        let orphans = self.streams.take_orphans();
        if !orphans.is_empty() {
            let all = self.objects.iter().flatten();
            let is_orphan = |words: &_| orphans.contains(&Object::new(words).id);
            let keys: Vec<_> =
                all.filter(|(_, words)| is_orphan(words)).map(|(key, _)| key).collect();
            // The next call makes another one.
            keys.iter().for_each(|key| drop(self.objects.remove(key)));
        }
        any
    }

    /// Every now and then: what is due, new libraries and processes.
    fn look_around(&mut self, all_is_told: bool, sink: &mut Sink<'_>) {
        while let Some(found) = self.scanner.take() {
            self.take_found(found);
        }
        self.look_at_costs();
        if self.looked_at.elapsed() < LOOK_EVERY {
            return;
        }
        self.looked_at = Instant::now();
        self.streams.set_clock(Clock::read());
        self.streams.advance(boot_ns(), sink);
        self.streams.sweep();
        // What an object did last may be in a ring as long as there is something in one.
        if all_is_told && self.forgot_at.elapsed() >= FORGET_EVERY {
            self.forgot_at = Instant::now();
            self.forget_objects(sink);
        }
    }

    /// Pauses processes that have cost more than they may, and goes on with others.
    fn look_at_costs(&mut self) {
        let now = Instant::now();
        let Some(ledger) = self.ledger.as_mut().filter(|ledger| ledger.is_due(now)) else { return };
        let known = self.processes.iter().flatten();
        let used: Vec<_> = known.map(|(_, words)| (key_of(&words), usage_of(&words))).collect();
        let changes = ledger.look(now, &used);
        for pid in ledger.take_gone() {
            self.paused.remove(&pid).ok();
        }
        for (key, change) in &changes {
            let value = [key.start, u64::from(key.exec) << 32 | u64::from(key.pid)];
            // If there is no room, what it costs is told, and once more with the next look.
            if change.is_covered {
                self.paused.remove(&key.pid).ok();
            } else if self.paused.insert(key.pid, value, 0).is_ok() {
                self.pauses += 1;
            }
        }
        if !changes.is_empty() {
            self.scope.begin_anew();
        }
        self.budget_changes.extend(changes.into_iter().map(|(_, change)| change));
    }

    fn take_found(&mut self, found: Found) {
        match found {
            Found::Process(pid) => self.scope.learn(pid),
            Found::Library(candidate) => {
                self.targets.add(&mut self.programs, &candidate, boot_ns());
            }
            Found::Gone(file) => self.targets.remove(&file),
            Found::Swept(swept) => {
                swept.pids.iter().for_each(|pid| self.scope.learn(*pid));
                self.scope.renew_executables(&swept.pids);
                self.swept = swept;
            }
        }
    }

    /// Has the kernel's side forget objects that no library will free: their socket is closed, or their
    /// process is gone. Tells the end of those of which a ring had no room to tell it.
    fn forget_objects(&mut self, sink: &mut Sink<'_>) {
        let now = boot_ns();
        let mut alive: hashbrown::HashMap<u32, bool> = hashbrown::HashMap::new();
        let mut is_alive = |pid: u32| {
            *alive.entry(pid).or_insert_with(|| Path::new(&format!("/proc/{pid}")).exists())
        };
        let mut over = Vec::new();
        for (key, words) in self.objects.iter().flatten() {
            let object = Object::new(&words);
            let is_closed =
                object.closed_at > 0 && now.saturating_sub(object.closed_at) > CLOSED_NS;
            let [_, pid] = key;
            if is_closed || u32::try_from(pid).is_ok_and(|pid| !is_alive(pid)) {
                over.push((key, object));
            }
        }
        for (key, object) in over {
            self.streams.close_untold(object.id, now, object.progress, sink);
            // It may have been freed meanwhile.
            self.objects.remove(&key).ok();
        }
    }

    fn process(&self, pid: u32, words: [u64; PROCESS_WORDS]) -> ProcessAccount {
        let [_, _, a, b, c, d, e, f, g, h, i, .., verdict] = words;
        let tallies = [a, b, c, d, e, f, g, h, i];
        let account = self.streams.taken(Some(&key_of(&words))).account(tallies);
        let account = self.settle(account);
        ProcessAccount { pid, is_allowed: verdict >> 32 & 0xffff != 0, account }
    }

    const fn settle(&self, account: Account) -> Account {
        if self.is_finished { account.settled() } else { account }
    }

    fn count(&self, counter: u32) -> u64 {
        total(&self.counters, counter)
    }
}

/// `struct process_key` of a `struct process` (`bpf/clear_scope.h`).
fn key_of(words: &[u64; PROCESS_WORDS]) -> ProcessKey {
    let [start, number, ..] = *words;
    let [a, b, c, d, e, f, g, h] = number.to_le_bytes();
    ProcessKey {
        start,
        pid: u32::from_le_bytes([a, b, c, d]),
        exec: u32::from_le_bytes([e, f, g, h]),
    }
}

/// What a `struct process` says of its costs.
const fn usage_of(words: &[u64; PROCESS_WORDS]) -> Usage {
    let [.., emulated, stepped, copying, _] = *words;
    Usage { calls: [emulated, stepped], copying }
}

/// `struct object` of `bpf/clear_objects.h`, as far as it is of interest.
struct Object {
    id: u64,
    progress: [Progress; 2],
    closed_at: u64,
}

impl Object {
    fn new(words: &[u64; OBJECT_WORDS]) -> Self {
        let [id, a, b, c, d, e, f, .., closed_at, _, _, _, _, _, _, _, _] = *words;
        let progress = |position, ring_full, faults| Progress { position, ring_full, faults };
        Self { id, progress: [progress(a, b, c), progress(d, e, f)], closed_at }
    }
}

struct Asked<'a> {
    listeners: &'a mut Listeners,
    targets: &'a Targets,
}

impl Host for Asked<'_> {
    fn listens(&mut self, pid: u32, netns: u32, local: std::net::SocketAddr) -> bool {
        self.listeners.listens(pid, netns, local)
    }

    fn probed_since(&self, target: u32) -> Option<u64> {
        self.targets.since(target)
    }
}

/// Nanoseconds since the machine started.
fn boot_ns() -> u64 {
    let time = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0))
}

/// Length of all rings in bytes: some 50 ms of clear text at the pace of a fast core.
const RINGS_LEN: u32 = 64 << 20;

/// Words of `struct process` of `bpf/clear_scope.h`.
const PROCESS_WORDS: usize = 15;

/// Words of `struct object` of `bpf/clear_objects.h`.
const OBJECT_WORDS: usize = 26;

const OBJECTS_FULL: u32 = 9;
const NOTICES_LOST: u32 = 10;
const NONSENSE: u32 = 11;

/// A first look reads the symbols of all programs that run.
const LONGEST_SWEEP: Duration = Duration::from_secs(60);

/// Records of one ring that are taken before the next ring has its turn.
const MAX_RECORDS: usize = 1024;

/// How often what is due is looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often objects that are of no use are looked for, which are some ten thousand at most.
const FORGET_EVERY: Duration = Duration::from_secs(5);

/// How long what was received before a socket was closed may still be read, in nanoseconds.
const CLOSED_NS: u64 = 5_000_000_000;

/// How long an empty ring is left alone: nobody is woken by a record, which would cost whoever writes
/// it more than the copy.
const WAIT: Duration = Duration::from_millis(1);

/// The same where nothing came for a while.
const IDLE_WAIT: Duration = Duration::from_millis(5);
const IDLE_AFTER: Duration = Duration::from_millis(100);
