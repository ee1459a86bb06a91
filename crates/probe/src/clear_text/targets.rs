//! Files with a TLS library, and the probes in them.

use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::{io, thread};

use aya::Ebpf;
use aya::programs::uprobe::{UProbeAttachLocation, UProbeAttachPoint, UProbeLink, UProbeScope};
use aya::programs::{ProgramError, UProbe};
use hashbrown::HashMap;

use super::library::{Library, Operation, Outcome, Probe};
use super::maps::FileId;
use super::place::Stepping;
use super::rustls::Version;
use super::scan::Candidate;

/// The files with a TLS library that have probes.
pub(crate) struct Targets {
    /// In the order of their numbers.
    all: Vec<Target>,
    links: HashMap<u32, Vec<UProbeLink>>,
    last: u32,
    detached: u64,
    /// Takes probes away: the kernel waits for all processors with each.
    remover: Sender<Vec<UProbeLink>>,
}

/// A file with a TLS library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its path, as the first process that had it mapped sees it.
    pub path: String,
    /// The library.
    pub library: Library,
    /// Its functions with a probe, and what the kernel does there.
    pub probed: Vec<(&'static str, Stepping)>,
    /// Functions that the kernel refused a probe for, with what it said.
    pub refused: Vec<(&'static str, String)>,
    /// Never 0.
    pub(crate) number: u32,
    pub(crate) file: FileId,
    /// When the probes began, in nanoseconds since the machine started.
    pub(crate) since: u64,
}

impl Targets {
    /// None yet.
    ///
    /// # Errors
    /// If there can be no thread.
    pub(crate) fn new() -> io::Result<Self> {
        let (remover, removed) = mpsc::channel();
        let thread = thread::Builder::new().name("detaching".into());
        thread.spawn(move || removed.iter().for_each(drop::<Vec<UProbeLink>>))?;
        Ok(Self { all: Vec::new(), links: HashMap::new(), last: 0, detached: 0, remover })
    }

    /// Puts probes into a file.
    pub(crate) fn add(&mut self, programs: &mut Ebpf, candidate: &Candidate, now: u64) {
        let Some(first) = candidate.probes.first() else { return };
        self.last = self.last.wrapping_add(1).max(1);
        let reach = PathBuf::from(format!("/proc/self/fd/{}", candidate.file.as_raw_fd()));
        let mut target = Target {
            path: candidate.path.clone(),
            library: first.library,
            probed: Vec::new(),
            refused: Vec::new(),
            number: self.last,
            file: candidate.id,
            since: now,
        };
        let mut links = Vec::new();
        for probe in &candidate.probes {
            match attach(programs, probe, &reach, target.number, &mut links) {
                Ok(()) => target.probed.push((probe.name, probe.stepping)),
                Err(error) => target.refused.push((probe.name, error.to_string())),
            }
        }
        self.links.insert(target.number, links);
        self.all.push(target);
    }

    /// Takes the probes of a file away.
    pub(crate) fn remove(&mut self, file: &FileId) {
        let Some(at) = self.all.iter().position(|target| target.file == *file) else { return };
        let target = self.all.remove(at);
        self.detached += 1;
        // Without that thread they are dropped here.
        self.links.remove(&target.number).map(|links| self.remover.send(links));
    }

    /// Takes all probes away at once.
    pub(crate) fn remove_all(&mut self) {
        self.links.clear();
    }

    /// The files with a library.
    pub(crate) fn all(&self) -> &[Target] {
        &self.all
    }

    /// Files whose probes were taken away because nobody had them mapped.
    pub(crate) const fn detached(&self) -> u64 {
        self.detached
    }

    /// When the probes of a file began.
    pub(crate) fn since(&self, number: u32) -> Option<u64> {
        let at = self.all.binary_search_by_key(&number, |target| target.number).ok()?;
        self.all.get(at).map(|target| target.since)
    }
}

fn attach(
    programs: &mut Ebpf,
    probe: &Probe,
    path: &Path,
    target: u32,
    links: &mut Vec<UProbeLink>,
) -> Result<(), ProgramError> {
    let is_go = probe.library == Library::Go;
    let (name, leave) = match probe.operation {
        Operation::Release if is_go => ("release_go", None),
        Operation::Release => ("release", None),
        Operation::WriteRecords => ("write_records", None),
        Operation::Mark => ("mark", None),
        Operation::Seal => ("seal", Some("sealed")),
        Operation::Open => ("unseal", Some("unsealed")),
        Operation::Read
        | Operation::Write
        | Operation::Handshake
        | Operation::SendFile
        | Operation::ReadPacket => {
            if is_go {
                ("enter_go", Some("leave_go"))
            } else {
                ("enter", Some("leave"))
            }
        }
    };
    let mut put = |name, offset| -> Result<(), ProgramError> {
        let program = programs.program_mut(name).and_then(|program| program.try_into().ok());
        let program: &mut UProbe = program.ok_or(ProgramError::NotLoaded)?;
        let location = UProbeAttachLocation::AbsoluteOffset(offset);
        let point = UProbeAttachPoint { location, cookie: Some(cookie(probe, target)) };
        let link = program.attach(point, path, UProbeScope::AllProcesses)?;
        links.push(program.take_link(link)?);
        Ok(())
    };
    // The return first: a call that is met has its return met.
    match leave {
        Some(leave) if is_go => {
            for offset in &probe.returns {
                put(leave, *offset)?;
            }
        }
        Some(leave) => put(leave, probe.offset)?,
        None => {}
    }
    put(name, probe.offset)
}

/// What the kernel's side is told of a probe (`COOKIE_*` of `bpf/clear_calls.h`).
fn cookie(probe: &Probe, target: u32) -> u64 {
    let operation = match probe.operation {
        Operation::Read => 0,
        Operation::Write => 1,
        Operation::Handshake | Operation::Release | Operation::WriteRecords | Operation::Mark => 2,
        Operation::SendFile => 3,
        Operation::ReadPacket => 4,
        // Their programs do nothing else.
        Operation::Seal | Operation::Open => 0,
    };
    let outcome = match probe.outcome {
        Outcome::Int => 0,
        Outcome::Long => 1,
        Outcome::Status => 2,
        Outcome::Record(Version::Unknown) => 0,
        Outcome::Record(Version::Tls12) => 1,
        Outcome::Record(Version::Tls13) => 2,
    };
    let is_stepped = probe.stepping == Stepping::SingleStepped;
    u64::from(target) << 32
        | u64::from(is_stepped) << 9
        | u64::from(probe.needs_mark) << 8
        | outcome << 4
        | operation
}
