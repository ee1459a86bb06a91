//! Looks for TLS libraries in what processes have mapped.

use std::fs::{self, File, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::boringssl;
use super::elf::Elf;
use super::files::{Content, Files, Standing, Version};
use super::hints::Reason;
use super::library::{self, Probe};
use super::linker;
use super::mapped::{Mapped, Notice};
use super::maps::{self, FileId, Mapping};
use crate::error::ProbeError;

/// A thread that looks at what processes map as they do, and at all processes now and then. To read the
/// symbols of a large program takes longer than a ring has room for.
pub(crate) struct Scanner {
    found: Receiver<Found>,
    stop: Arc<AtomicBool>,
}

/// What was found.
pub(crate) enum Found {
    /// A process that has mapped a file which was not known.
    Process(u32),
    /// A file with a TLS library.
    Library(Box<Candidate>),
    /// Such a file that nobody has mapped any longer.
    Gone(FileId),
    /// All processes have been looked at.
    Swept(Swept),
}

/// The processes with code of their own.
#[derive(Debug, Default)]
pub(crate) struct Swept {
    pub(crate) pids: Vec<u32>,
    pub(crate) uncovered: Vec<Uncovered>,
    /// So far: times that there was no room for a file, and files that the kernel could not tell of.
    pub(crate) files_refused: u64,
    pub(crate) notices_lost: u64,
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

impl Uncovered {
    pub(crate) fn over_budget(pid: u32) -> Self {
        let path = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
        Self { pid, path: path.to_string_lossy().into_owned(), reason: Reason::OverBudget }
    }
}

/// A file with a TLS library that has no probes yet.
pub(crate) struct Candidate {
    /// It is open, so that it can be reached when its process has ended, or if it was deleted.
    pub(crate) file: File,
    pub(crate) id: FileId,
    /// Its path, as the first process that had it mapped sees it.
    pub(crate) path: String,
    pub(crate) probes: Vec<Probe>,
}

impl Scanner {
    /// Begins to look.
    ///
    /// # Errors
    /// [`ProbeError::Refused`] if the kernel does not tell what is mapped, [`ProbeError::System`] if there
    /// can be no thread.
    pub(crate) fn start() -> Result<Self, ProbeError> {
        let (sender, found) = mpsc::sync_channel(MAX_FOUND);
        let stop = Arc::new(AtomicBool::new(false));
        let search = Search {
            mapped: Mapped::listen()?,
            files: Files::default(),
            found: sender,
            stop: Arc::clone(&stop),
            looked_ahead_at: None,
            notices_lost: 0,
            own: fs::metadata("/proc/self/exe").ok(),
        };
        let thread = thread::Builder::new().name("libraries".into());
        thread
            .spawn(move || search.run())
            .map_err(|source| ProbeError::System { action: "starting a thread", source })?;
        Ok(Self { found, stop })
    }

    /// What was found since the last call.
    pub(crate) fn take(&self) -> Option<Found> {
        self.found.try_recv().ok()
    }

    /// Waits for what is found next.
    pub(crate) fn wait(&self, timeout: Duration) -> Option<Found> {
        self.found.recv_timeout(timeout).ok()
    }
}

impl Drop for Scanner {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// What the thread works with. Its methods give `None` if nobody wants to know any longer.
struct Search {
    mapped: Mapped,
    files: Files,
    found: SyncSender<Found>,
    stop: Arc<AtomicBool>,
    looked_ahead_at: Option<SystemTime>,
    notices_lost: u64,
    /// The file of this program.
    own: Option<Metadata>,
}

impl Search {
    fn run(mut self) {
        while self.sweep().is_some() && self.listen().is_some() {}
    }

    /// Looks at all processes.
    fn sweep(&mut self) -> Option<()> {
        let own = std::process::id();
        let mut swept = Swept::default();
        self.files.begin_sweep();
        self.look_ahead()?;
        // Without `/proc` there is nothing to be found.
        for pid in maps::processes().into_iter().flatten().filter(|pid| *pid != own) {
            let mappings = maps::mapped(pid);
            if mappings.is_empty() {
                continue;
            }
            swept.pids.push(pid);
            self.look_at(pid, &mappings)?;
            for Mapping { file, path, .. } in &mappings {
                if let Some(reason) = self.files.reason(file) {
                    swept.uncovered.push(Uncovered { pid, path: path.clone(), reason });
                }
            }
            self.look_at_news()?;
        }
        for file in self.files.end_sweep() {
            self.found.send(Found::Gone(file)).ok()?;
        }
        swept.files_refused = self.files.refused();
        swept.notices_lost = self.notices_lost;
        self.found.send(Found::Swept(swept)).ok()
    }

    /// Looks at what processes map until it is time for a sweep.
    fn listen(&mut self) -> Option<()> {
        let began = Instant::now();
        let mut pause = SWEEP_EVERY;
        while !self.stop.load(Ordering::Relaxed) {
            let left = pause.saturating_sub(began.elapsed());
            if left.is_zero() {
                return Some(());
            }
            self.mapped.wait(left);
            if !self.look_at_news()? {
                pause = SHORTEST_PAUSE;
            }
            thread::sleep(GATHER);
        }
        None
    }

    /// Looks at processes that have mapped what is not known; false if not all could be told.
    fn look_at_news(&mut self) -> Option<bool> {
        let own = std::process::id();
        let (mut pids, mut lost) = (Vec::new(), 0);
        self.mapped.take(|notice| match notice {
            Notice::Mapped { pid, file } => {
                if pid != own && !pids.contains(&pid) && !self.files.is_current(&file) {
                    pids.push(pid);
                }
            }
            Notice::Lost(count) => lost += count,
        });
        self.notices_lost += lost;
        for pid in pids {
            self.found.send(Found::Process(pid)).ok()?;
            self.look_at(pid, &maps::mapped(pid))?;
        }
        Some(lost == 0)
    }

    /// Looks into the files of a process that are not known, but not into so many that others wait.
    fn look_at(&mut self, pid: u32, mappings: &[Mapping]) -> Option<()> {
        let mut looks = 0;
        // The program may be about to say its first words.
        let mut mappings: Vec<_> = mappings.iter().collect();
        mappings.sort_by_key(|mapping| library::rank(&mapping.path).unwrap_or(usize::MAX));
        for mapping in mappings {
            match self.files.meet(&mapping.file) {
                Standing::Current | Standing::Refused => continue,
                Standing::New | Standing::Returning if looks == MAX_LOOKS => continue,
                Standing::New => {}
                Standing::Returning => {
                    let metadata = fs::metadata(mapping.reach(pid));
                    let Ok(metadata) = metadata else { continue };
                    if self.files.is_same(&mapping.file, Version::of(&metadata)) {
                        continue;
                    }
                    if self.files.forget(&mapping.file) {
                        self.found.send(Found::Gone(mapping.file)).ok()?;
                    }
                }
            }
            looks += 1;
            // If it cannot be opened, whoever has it mapped next is asked again.
            if let Ok(file) = File::open(mapping.reach(pid)) {
                self.look_into(file, mapping.file, &mapping.path)?;
            }
        }
        Some(())
    }

    /// Looks into the libraries that programs of this host may map, before any does.
    fn look_ahead(&mut self) -> Option<()> {
        let changed_at = linker::changed_at();
        if changed_at == self.looked_ahead_at {
            return Some(());
        }
        self.looked_ahead_at = changed_at;
        for path in linker::libraries() {
            let Ok(file) = File::open(&path) else { continue };
            let Ok(metadata) = file.metadata() else { continue };
            let id = FileId::of(&metadata);
            if self.files.meet(&id) == Standing::New {
                self.look_into(file, id, &path)?;
            }
        }
        Some(())
    }

    /// Whether a file is this program, which may run more than once: a sensor on this host would tell what
    /// it is told.
    fn is_own(&self, metadata: &Metadata) -> bool {
        let of = |metadata: &Metadata| (metadata.dev(), metadata.ino());
        self.own.as_ref().is_some_and(|own| of(own) == of(metadata))
    }

    /// Looks into a file, and tells if it has a library.
    fn look_into(&mut self, mut file: File, id: FileId, path: &str) -> Option<()> {
        let Ok(metadata) = file.metadata() else { return Some(()) };
        let (probes, mut reason) = if self.is_own(&metadata) {
            (Vec::new(), Some(Reason::Itself))
        } else {
            inside(&mut file, path)
        };
        let mut has_library = !probes.is_empty() && !self.files.has_library(&metadata);
        if has_library {
            let (has_room, replaced) = self.files.library_room();
            if let Some(replaced) = replaced {
                self.found.send(Found::Gone(replaced)).ok()?;
            }
            if !has_room {
                has_library = false;
                reason = Some(Reason::NoRoom);
            }
        }
        let content = Content { reason, has_library };
        self.files.add(id, path, &metadata, content);
        if !has_library {
            return Some(());
        }
        let candidate = Candidate { file, id, path: path.to_owned(), probes };
        self.found.send(Found::Library(Box::new(candidate))).ok()
    }
}

/// What is in a file: places for probes, and why there is TLS in it that cannot be copied.
fn inside(file: &mut File, path: &str) -> (Vec<Probe>, Option<Reason>) {
    let by_name = Reason::of_name(path);
    let elf = file.try_clone().and_then(|file| Elf::read(file, &library::names()));
    match elf {
        Ok(elf) if elf.reason() == Some(Reason::StrippedBoringSsl) => {
            match file.try_clone().ok().and_then(boringssl::functions) {
                Some(functions) => (library::probes(&elf.with(functions), file), by_name),
                None => (Vec::new(), elf.reason()),
            }
        }
        Ok(elf) if elf.is_empty() => (Vec::new(), by_name.or(elf.reason())),
        Ok(elf) => (library::probes(&elf, file), by_name),
        Err(_) => (Vec::new(), by_name),
    }
}

/// How often all processes are looked at.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// Before a sweep that has to find what the kernel could not tell.
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);

/// How long news gather: a program maps a dozen files when it begins, and many may begin.
const GATHER: Duration = Duration::from_micros(500);

/// Files of one process that are looked into before others have their turn.
const MAX_LOOKS: usize = 256;

/// Libraries that wait for their probes.
const MAX_FOUND: usize = 64;
