//! Files with a TLS library, and the probes in them.

use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

use aya::Ebpf;
use aya::programs::uprobe::{UProbeAttachLocation, UProbeAttachPoint, UProbeScope};
use aya::programs::{ProgramError, UProbe};

use super::library::{Library, Operation, Outcome, Probe};
use super::place::Stepping;
use super::scan::Candidate;

/// The files with a TLS library that have probes.
#[derive(Debug, Default)]
pub(crate) struct Targets(Vec<Target>);

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
    /// When the probes began, in nanoseconds since the machine started.
    pub(crate) since: u64,
}

impl Targets {
    /// Puts probes into a file.
    pub(crate) fn add(&mut self, programs: &mut Ebpf, candidate: &Candidate, now: u64) {
        let Some(first) = candidate.probes.first() else { return };
        let number = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        let reach = PathBuf::from(format!("/proc/self/fd/{}", candidate.file.as_raw_fd()));
        let mut target = Target {
            path: candidate.path.clone(),
            library: first.library,
            probed: Vec::new(),
            refused: Vec::new(),
            since: now,
        };
        for probe in &candidate.probes {
            match attach(programs, probe, &reach, number) {
                Ok(()) => target.probed.push((probe.name, probe.stepping)),
                Err(error) => target.refused.push((probe.name, error.to_string())),
            }
        }
        self.0.push(target);
    }

    /// The files with a library.
    pub(crate) fn all(&self) -> &[Target] {
        &self.0
    }

    /// When the probes of a file began.
    pub(crate) fn since(&self, number: u32) -> Option<u64> {
        let target = self.0.get(usize::try_from(number).ok()?)?;
        Some(target.since)
    }
}

fn attach(
    programs: &mut Ebpf,
    probe: &Probe,
    path: &Path,
    target: u32,
) -> Result<(), ProgramError> {
    let is_go = probe.library == Library::Go;
    let (name, leave) = match probe.operation {
        Operation::Release if is_go => ("release_go", None),
        Operation::Release => ("release", None),
        Operation::WriteRecords => ("write_records", None),
        Operation::Mark => ("mark", None),
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
    let mut put = |name, offset| {
        let program = programs.program_mut(name).and_then(|program| program.try_into().ok());
        let program: &mut UProbe = program.ok_or(ProgramError::NotLoaded)?;
        let location = UProbeAttachLocation::AbsoluteOffset(offset);
        let point = UProbeAttachPoint { location, cookie: Some(cookie(probe, target)) };
        program.attach(point, path, UProbeScope::AllProcesses).map(|_link| ())
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
    };
    let outcome = match probe.outcome {
        Outcome::Int => 0,
        Outcome::Long => 1,
        Outcome::Status => 2,
    };
    u64::from(target) << 32 | u64::from(probe.needs_mark) << 8 | outcome << 4 | operation
}
