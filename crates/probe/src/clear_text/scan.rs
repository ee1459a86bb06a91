//! Looks for TLS libraries in what processes have mapped.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use hashbrown::HashMap;

use super::elf::Elf;
use super::hints::Reason;
use super::library::{self, Probe};
use super::maps::{self, FileId, Mapping};
use crate::error::ProbeError;

/// A thread that looks at all processes, again and again. To read the symbols of a large program takes
/// longer than a ring has room for.
pub(crate) struct Scanner {
    found: Receiver<Found>,
    stop: Arc<AtomicBool>,
}

/// What was found.
pub(crate) enum Found {
    /// A file with a TLS library.
    Library(Box<Candidate>),
    /// All processes have been looked at.
    Swept(Swept),
}

/// The processes with code of their own.
#[derive(Debug, Default)]
pub(crate) struct Swept {
    pub(crate) pids: Vec<u32>,
    pub(crate) uncovered: Vec<Uncovered>,
}

/// A process with TLS whose clear text cannot be copied.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Uncovered {
    /// Its process id.
    pub pid: u32,
    /// The file that the TLS is in, as the process sees it.
    pub path: String,
    /// Why not.
    pub reason: Reason,
}

/// A file with a TLS library that has no probes yet.
pub(crate) struct Candidate {
    /// It is open, so that it can be reached when its process has ended, or if it was deleted.
    pub(crate) file: File,
    /// Its path, as the first process that had it mapped sees it.
    pub(crate) path: String,
    pub(crate) probes: Vec<Probe>,
}

impl Scanner {
    /// Begins to look.
    ///
    /// # Errors
    /// [`ProbeError::System`] if there can be no thread.
    pub(crate) fn start() -> Result<Self, ProbeError> {
        let (sender, found) = mpsc::sync_channel(MAX_FOUND);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::Builder::new().name("libraries".into());
        thread
            .spawn(move || run(&sender, &stopped))
            .map_err(|source| ProbeError::System { action: "starting a thread", source })?;
        Ok(Self { found, stop })
    }

    /// What was found since the last call.
    pub(crate) fn take(&self) -> Option<Found> {
        self.found.try_recv().ok()
    }

    /// Waits for what is found next, but not for ever.
    pub(crate) fn wait(&self) -> Option<Found> {
        self.found.recv_timeout(LONGEST_SWEEP).ok()
    }
}

impl Drop for Scanner {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn run(found: &SyncSender<Found>, stop: &AtomicBool) {
    let mut known = HashMap::new();
    while !stop.load(Ordering::Relaxed) {
        let began = Instant::now();
        let Some(swept) = sweep(&mut known, found) else { return };
        if found.send(Found::Swept(swept)).is_err() {
            return;
        }
        thread::sleep(SWEEP_EVERY.saturating_sub(began.elapsed()).max(SHORTEST_PAUSE));
    }
}

/// Looks at all processes; `None` if nobody wants to know any longer.
fn sweep(known: &mut HashMap<FileId, Option<Reason>>, found: &SyncSender<Found>) -> Option<Swept> {
    let own = std::process::id();
    let mut swept = Swept::default();
    // Without `/proc` there is nothing to be found.
    for pid in maps::processes().into_iter().flatten().filter(|pid| *pid != own) {
        let mappings = maps::mapped(pid);
        if mappings.is_empty() {
            continue;
        }
        swept.pids.push(pid);
        for mapping in mappings {
            if !known.contains_key(&mapping.file) && known.len() < MAX_FILES {
                // Whoever has it mapped next is asked again.
                let Ok(file) = File::open(mapping.reach(pid)) else { continue };
                let (candidate, reason) = look(file, &mapping);
                known.insert(mapping.file.clone(), reason);
                if let Some(candidate) = candidate {
                    found.send(Found::Library(Box::new(candidate))).ok()?;
                }
            }
            if let Some(Some(reason)) = known.get(&mapping.file) {
                swept.uncovered.push(Uncovered { pid, path: mapping.path, reason: *reason });
            }
        }
    }
    Some(swept)
}

/// What is in a file: a library, or why there is TLS in it that cannot be copied.
fn look(mut file: File, mapping: &Mapping) -> (Option<Candidate>, Option<Reason>) {
    let by_name = Reason::of_name(&mapping.path);
    let elf = file.try_clone().and_then(|file| Elf::read(file, &library::names()));
    let Ok(elf) = elf else { return (None, by_name) };
    if elf.is_empty() {
        return (None, by_name.or(elf.reason()));
    }
    let probes = library::probes(&elf, &mut file);
    let path = mapping.path.clone();
    ((!probes.is_empty()).then_some(Candidate { file, path, probes }), by_name)
}

/// How often all processes are looked at.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// Between two looks on a host with so many processes that one takes as long as that.
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);

/// A first look reads the symbols of all programs that run.
const LONGEST_SWEEP: Duration = Duration::from_secs(60);

/// Files that are known to have a library or none: some hundred on a host, more with containers.
const MAX_FILES: usize = 65_536;

/// Libraries that wait for their probes.
const MAX_FOUND: usize = 64;
