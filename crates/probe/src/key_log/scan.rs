//! Looks for the function in what processes have mapped.

use std::fs::{self, File};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use hashbrown::HashMap;

use super::find::{KeyPlace, KeySource, Sought, find};
use crate::clear_text::Matches;
use crate::clear_text::elf::Elf;
use crate::clear_text::maps::{self, FileId, Mapping};
use crate::error::ProbeError;

/// How the secrets of a process can be taken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyWay {
    /// Its process id.
    pub pid: u32,
    /// Its name.
    pub command: String,
    /// The file that its TLS is in, as the process sees it.
    pub path: String,
    /// Whose function can be attached to while it runs, or why none can.
    pub attach: Result<KeySource, String>,
    /// Whether it would also work to start it anew with a library that is preloaded.
    pub preload: bool,
}

/// A thread that looks at all processes, again and again.
pub(crate) struct Scanner {
    found: Receiver<Found>,
    stop: Arc<AtomicBool>,
}

/// What was found.
pub(crate) enum Found {
    /// A file with the function.
    File(Candidate),
    /// All processes have been looked at.
    Swept(Vec<u32>),
}

/// A file with the function.
pub(crate) struct Candidate {
    /// It is open, so that it can be reached when its process has ended.
    pub(crate) file: File,
    pub(crate) path: String,
    pub(crate) place: KeyPlace,
}

impl Scanner {
    /// Begins to look.
    ///
    /// # Errors
    /// [`ProbeError::System`] if there can be no thread.
    pub(crate) fn start(allow: Matches) -> Result<Self, ProbeError> {
        let (sender, found) = mpsc::sync_channel(MAX_FOUND);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        thread::Builder::new()
            .name("key logs".into())
            .spawn(move || run(&allow, &sender, &stopped))
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

fn run(allow: &Matches, found: &SyncSender<Found>, stop: &AtomicBool) {
    let mut known = HashMap::new();
    while !stop.load(Ordering::Relaxed) {
        let began = Instant::now();
        let Some(pids) = sweep(allow, &mut known, found) else { return };
        if found.send(Found::Swept(pids)).is_err() {
            return;
        }
        thread::sleep(SWEEP_EVERY.saturating_sub(began.elapsed()).max(SHORTEST_PAUSE));
    }
}

/// Looks at all processes that rules may allow; `None` if nobody wants to know any longer.
fn sweep(
    allow: &Matches,
    known: &mut HashMap<FileId, ()>,
    found: &SyncSender<Found>,
) -> Option<Vec<u32>> {
    let own = std::process::id();
    let mut pids = Vec::new();
    // Without `/proc` there is nothing to be found.
    for pid in maps::processes().into_iter().flatten().filter(|pid| *pid != own) {
        if !may_allow(allow, pid) {
            continue;
        }
        let mappings = maps::mapped(pid);
        if !mappings.is_empty() {
            pids.push(pid);
        }
        for mapping in mappings {
            if known.contains_key(&mapping.file) || known.len() >= MAX_FILES {
                continue;
            }
            // Whoever has it mapped next is asked again.
            let Ok(file) = File::open(mapping.reach(pid)) else { continue };
            known.insert(mapping.file, ());
            if let Sought::Found(place) = find(&file) {
                let candidate = Candidate { file, path: mapping.path, place };
                found.send(Found::File(candidate)).ok()?;
            }
        }
    }
    Some(pids)
}

/// Whether rules on processes may allow one. Those on cgroups are the kernel's to apply.
fn may_allow(allow: &Matches, pid: u32) -> bool {
    let is_executable = || {
        let path = fs::read_link(format!("/proc/{pid}/exe"));
        path.is_ok_and(|path| allow.executables.contains(&path))
    };
    (allow.pids.is_empty() || allow.pids.contains(&pid))
        && (allow.executables.is_empty() || is_executable())
}

/// How the secrets of each process with TLS can be taken, as it is now.
///
/// # Errors
/// If `/proc` cannot be read.
pub fn key_ways() -> std::io::Result<Vec<KeyWay>> {
    let mut known: HashMap<FileId, Option<Result<KeySource, String>>> = HashMap::new();
    let mut ways = Vec::new();
    let own = std::process::id();
    for pid in maps::processes()?.filter(|pid| *pid != own) {
        let command = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        for mapping in maps::mapped(pid) {
            let attach = match known.get(&mapping.file) {
                Some(attach) => attach.clone(),
                None => {
                    let Ok(file) = File::open(mapping.reach(pid)) else { continue };
                    let attach = attachment(file, &mapping);
                    if known.len() < MAX_FILES {
                        known.insert(mapping.file, attach.clone());
                    }
                    attach
                }
            };
            let Some(attach) = attach else { continue };
            let preload = file_name(&mapping).starts_with("libssl.so");
            let command = command.trim_end().to_owned();
            ways.push(KeyWay { pid, command, path: mapping.path, attach, preload });
        }
    }
    ways.sort();
    Ok(ways)
}

/// Whose function a file has, or why it has none though there is TLS in it.
fn attachment(file: File, mapping: &Mapping) -> Option<Result<KeySource, String>> {
    match find(&file) {
        Sought::Found(place) => return Some(Ok(place.source)),
        Sought::Unproved => {
            return Some(Err("its code does not say where the client's random is".to_owned()));
        }
        Sought::Nothing => {}
    }
    let name = file_name(mapping);
    if let Some((_, library)) = OTHERS.iter().find(|(prefix, _)| name.starts_with(prefix)) {
        return Some(Err(format!("{library} has no function that is known")));
    }
    let elf = Elf::read(file, &[]).ok()?;
    elf.reason().map(|reason| Err(reason.to_string()))
}

fn file_name(mapping: &Mapping) -> &str {
    mapping.path.rsplit('/').next().unwrap_or_default()
}

/// Libraries whose key log is not attached to, by the beginnings of their names.
const OTHERS: [(&str, &str); 5] = [
    ("libgnutls.so", "GnuTLS"),
    ("libssl3.so", "NSS"),
    ("libwolfssl.so", "wolfSSL"),
    ("libmbedtls.so", "Mbed TLS"),
    ("libjvm.so", "Java"),
];

/// How often all processes are looked at.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// Between two looks on a host with so many processes that one takes as long as that.
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);

/// A first look reads the code of all programs that run.
const LONGEST_SWEEP: Duration = Duration::from_secs(60);

/// Files that are known: some hundred on a host, more with containers.
const MAX_FILES: usize = 65_536;

/// Files that wait for their probe.
const MAX_FOUND: usize = 64;
