//! The programs in the kernel, and the ring that they fill.

use std::collections::VecDeque;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aya::maps::{HashMap, MapData, PerCpuArray, RingBuf};
use aya::programs::UProbe;
use aya::programs::uprobe::{UProbeAttachLocation, UProbeAttachPoint, UProbeScope};
use aya::{Ebpf, EbpfLoader};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::find::{KeyPlace, KeySource};
use super::proof::{Layout, Steps};
use super::record::{KeyRecord, TakenKey};
use super::scan::{Candidate, Found, Scanner};
use crate::clear_text::Rules;
use crate::clear_text::place::Stepping;
use crate::clear_text::scope::Scope;
use crate::counters::total;
use crate::error::ProbeError;
use crate::load::{TYPES, map, may_open_libraries, may_read_kernel};

/// The secrets of this host's sessions, from programs that need not be started anew. Nothing of it outlives
/// the process.
pub struct KeyLogProbes {
    /// Holds the programs and their links: with it they end.
    programs: Ebpf,
    ring: RingBuf<MapData>,
    layouts: HashMap<MapData, u32, [u32; 7]>,
    counters: PerCpuArray<MapData, u64>,
    scope: Scope,
    scanner: Scanner,
    targets: Vec<KeyLogTarget>,
    /// Records that cannot be secrets.
    malformed: u64,
    taken: VecDeque<TakenKey>,
}

/// A file whose function has a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyLogTarget {
    /// Its path, as the first process that had it mapped sees it.
    pub path: String,
    /// Whose function it is.
    pub source: KeySource,
    /// What the kernel does at the probe.
    pub stepping: Stepping,
    /// What the kernel said, if it refused a probe.
    pub refused: Option<String>,
}

/// What was met beside secrets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyLogCounts {
    /// Secrets that the ring had no room for.
    pub ring_full: u64,
    /// Calls whose arguments could not be read.
    pub unreadable: u64,
    /// Calls of processes that no rule allows.
    pub filtered: u64,
    /// Records that cannot be secrets.
    pub malformed: u64,
}

impl KeyLogProbes {
    /// Loads the programs and puts probes into what runs.
    ///
    /// Rules on ports and addresses have no meaning here: what calls the function knows no socket.
    ///
    /// # Errors
    /// [`ProbeError::NoTypes`], [`ProbeError::NoLibraries`], [`ProbeError::Permission`],
    /// [`ProbeError::Refused`], [`ProbeError::NotACgroup`], [`ProbeError::System`].
    pub fn open(rules: &Rules) -> Result<Self, ProbeError> {
        if !Path::new(TYPES).exists() {
            return Err(ProbeError::NoTypes { path: TYPES });
        }
        may_open_libraries()?;
        for matches in [&rules.allow, &rules.deny] {
            if !matches.ports.is_empty() || !matches.nets.is_empty() || matches.local.is_some() {
                let reason = "the function that is attached to knows no socket".to_owned();
                return Err(ProbeError::Refused { what: "rules on ports and networks", reason });
            }
        }
        let mut programs = EbpfLoader::new()
            .load(PROGRAMS)
            .map_err(|error| ProbeError::refused("the maps of key logs", &error))?;
        for name in [FOR_C, FOR_GO] {
            program(&mut programs, name)?.load().map_err(|error| {
                if may_read_kernel() {
                    ProbeError::refused("a program", &error)
                } else {
                    ProbeError::Permission
                }
            })?;
        }
        let refused =
            |error: aya::maps::MapError| ProbeError::refused("the maps of key logs", &error);
        let ring = RingBuf::try_from(map(&mut programs, "ring")?).map_err(refused)?;
        let layouts = HashMap::try_from(map(&mut programs, "layouts")?).map_err(refused)?;
        let counters = PerCpuArray::try_from(map(&mut programs, "counters")?).map_err(refused)?;
        let mut scope = Scope::take(&mut programs)?;
        scope.set(rules)?;
        let mut probes = Self {
            programs,
            ring,
            layouts,
            counters,
            scope,
            scanner: Scanner::start(rules.allow.clone())?,
            targets: Vec::new(),
            malformed: 0,
            taken: VecDeque::new(),
        };
        while let Some(found) = probes.scanner.wait() {
            let is_all = matches!(found, Found::Swept(_));
            probes.take_note(found);
            if is_all {
                break;
            }
        }
        Ok(probes)
    }

    /// The next secret; waits up to `timeout` if there is none.
    ///
    /// # Errors
    /// [`ProbeError::System`].
    pub fn next(&mut self, timeout: Duration) -> Result<Option<TakenKey>, ProbeError> {
        while let Some(found) = self.scanner.take() {
            self.take_note(found);
        }
        if self.taken.is_empty() && !self.fill() && self.wait(timeout)? {
            self.fill();
        }
        Ok(self.taken.pop_front())
    }

    /// The files whose function was found, so far.
    #[must_use]
    pub fn targets(&self) -> &[KeyLogTarget] {
        &self.targets
    }

    /// What was met beside secrets.
    #[must_use]
    pub fn counts(&self) -> KeyLogCounts {
        let count = |counter| total(&self.counters, counter);
        KeyLogCounts {
            ring_full: count(RING_FULL),
            unreadable: count(UNREADABLE),
            filtered: count(FILTERED),
            malformed: self.malformed,
        }
    }

    /// Takes what is in the ring; whether there was anything.
    fn fill(&mut self) -> bool {
        let mut any = false;
        for _ in 0..MAX_RECORDS {
            let Some(record) = self.ring.next() else { break };
            any = true;
            match KeyRecord::parse(&record) {
                KeyRecord::Taken(key) => self.taken.push_back(key),
                KeyRecord::Other => {}
                KeyRecord::Malformed => self.malformed = self.malformed.saturating_add(1),
            }
        }
        any
    }

    fn wait(&self, timeout: Duration) -> Result<bool, ProbeError> {
        let timeout = Timespec::try_from(timeout).ok();
        let mut ready = [PollFd::from_borrowed_fd(self.ring.as_fd(), PollFlags::IN)];
        match poll(&mut ready, timeout.as_ref()) {
            Ok(ready) => Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => {
                Err(ProbeError::System { action: "waiting for secrets", source: error.into() })
            }
        }
    }

    fn take_note(&mut self, found: Found) {
        match found {
            Found::Swept(pids) => pids.iter().for_each(|pid| self.scope.learn(*pid)),
            Found::File(candidate) => {
                let refused = self.attach(&candidate).err().map(|error| error.to_string());
                let Candidate { path, place, .. } = candidate;
                let KeyPlace { source, stepping, .. } = place;
                self.targets.push(KeyLogTarget { path, source, stepping, refused });
            }
        }
    }

    fn attach(&mut self, candidate: &Candidate) -> Result<(), ProbeError> {
        let number = u32::try_from(self.targets.len()).unwrap_or(u32::MAX);
        let name = match candidate.place.layout {
            Some(layout) => {
                self.layouts
                    .insert(number, words(&layout), 0)
                    .map_err(|error| ProbeError::refused("a file", &error))?;
                FOR_C
            }
            None => FOR_GO,
        };
        let reach = PathBuf::from(format!("/proc/self/fd/{}", candidate.file.as_raw_fd()));
        let location = UProbeAttachLocation::AbsoluteOffset(candidate.place.offset);
        let point = UProbeAttachPoint { location, cookie: Some(number.into()) };
        program(&mut self.programs, name)?
            .attach(point, reach, UProbeScope::AllProcesses)
            .map(|_link| ())
            .map_err(|error| ProbeError::refused("a probe", &error))
    }
}

fn program<'a>(programs: &'a mut Ebpf, name: &'static str) -> Result<&'a mut UProbe, ProbeError> {
    let program = programs.program_mut(name).and_then(|program| program.try_into().ok());
    program.ok_or(ProbeError::Refused { what: name, reason: "no such program".into() })
}

/// A layout as the kernel's side has it (`struct layout`).
const fn words(layout: &Layout) -> [u32; 7] {
    let Layout { label, random, secret, len, steps } = *layout;
    let (depth, first, second) = match steps {
        Steps::None => (0, 0, 0),
        Steps::Near(offset) => (1, offset, 0),
        Steps::Behind(first, second) => (2, first, second),
    };
    [label, random, secret, len, depth, first.cast_unsigned(), second.cast_unsigned()]
}

static PROGRAMS: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/key_log.bpf.o"));

const FOR_C: &str = "write_line";
const FOR_GO: &str = "write_line_go";

const RING_FULL: u32 = 0;
const UNREADABLE: u32 = 1;
const FILTERED: u32 = 2;

/// Records that are taken at once.
const MAX_RECORDS: usize = 1024;
