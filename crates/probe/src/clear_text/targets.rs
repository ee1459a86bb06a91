//! Files with a TLS library, and the probes in them.

use std::fs::File;

use aya::Ebpf;
use aya::programs::uprobe::{UProbeAttachLocation, UProbeAttachPoint, UProbeScope};
use aya::programs::{ProgramError, UProbe};
use hashbrown::HashMap;

use super::elf::Elf;
use super::library::{self, Library, Operation, Outcome, Probe};
use super::maps::{self, FileId, Mapping};
use super::place::Stepping;
use super::scope::Scope;
use crate::error::ProbeError;

/// Files that processes have mapped, and what became of them.
#[derive(Debug, Default)]
pub(crate) struct Targets {
    known: HashMap<FileId, Option<u32>>,
    targets: Vec<Target>,
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
    /// When the probes began, in nanoseconds since the machine started.
    pub(crate) since: u64,
}

impl Targets {
    /// Looks at all processes, and puts probes into libraries that are new; gives how many there are.
    ///
    /// # Errors
    /// [`ProbeError::System`] if processes cannot be listed.
    pub(crate) fn sweep(
        &mut self,
        programs: &mut Ebpf,
        scope: &mut Scope,
        now: u64,
    ) -> Result<usize, ProbeError> {
        let before = self.targets.len();
        let own = std::process::id();
        let processes = maps::processes()
            .map_err(|source| ProbeError::System { action: "listing processes", source })?;
        for pid in processes.filter(|pid| *pid != own) {
            let mappings = maps::mapped(pid);
            if !mappings.is_empty() {
                scope.learn(pid);
            }
            for mapping in mappings {
                if self.known.len() < MAX_FILES && !self.known.contains_key(&mapping.file) {
                    self.look(programs, pid, &mapping, now);
                }
            }
        }
        Ok(self.targets.len() - before)
    }

    /// The files with a library.
    pub(crate) fn all(&self) -> &[Target] {
        &self.targets
    }

    /// When the probes of a file began.
    pub(crate) fn since(&self, number: u32) -> Option<u64> {
        let target = self.targets.get(usize::try_from(number).ok()?)?;
        Some(target.since)
    }

    fn look(&mut self, programs: &mut Ebpf, pid: u32, mapping: &Mapping, now: u64) {
        let reach = mapping.reach(pid);
        // Whoever has it mapped next is asked again.
        let Ok(file) = File::open(&reach) else { return };
        let Ok(mut code) = file.try_clone() else { return };
        let elf = Elf::read(file, &library::names()).ok().filter(|elf| !elf.is_empty());
        let probes = elf.map(|elf| library::probes(&elf, &mut code)).unwrap_or_default();
        let Some(first) = probes.first() else {
            self.known.insert(mapping.file.clone(), None);
            return;
        };
        let number = u32::try_from(self.targets.len()).unwrap_or(u32::MAX);
        let mut target = Target {
            path: mapping.path.clone(),
            library: first.library,
            probed: Vec::new(),
            refused: Vec::new(),
            since: now,
        };
        for probe in &probes {
            match attach(programs, probe, &reach, number) {
                Ok(()) => target.probed.push((probe.name, probe.stepping)),
                Err(error) => target.refused.push((probe.name, error.to_string())),
            }
        }
        if target.probed.is_empty() && !reach.exists() {
            return;
        }
        self.known.insert(mapping.file.clone(), Some(number));
        self.targets.push(target);
    }
}

fn attach(
    programs: &mut Ebpf,
    probe: &Probe,
    path: &std::path::Path,
    target: u32,
) -> Result<(), ProgramError> {
    // The return first: a call that is met has its return met.
    let names: &[&str] = match probe.operation {
        Operation::Release => &["release"],
        Operation::WriteRecords => &["write_records"],
        Operation::Read | Operation::Write | Operation::Handshake | Operation::SendFile => {
            &["leave", "enter"]
        }
    };
    for name in names {
        let program = programs.program_mut(name).and_then(|program| program.try_into().ok());
        let Some(program): Option<&mut UProbe> = program else {
            return Err(ProgramError::NotLoaded);
        };
        let point = UProbeAttachPoint {
            location: UProbeAttachLocation::AbsoluteOffset(probe.offset),
            cookie: Some(cookie(probe, target)),
        };
        program.attach(point, path, UProbeScope::AllProcesses)?;
    }
    Ok(())
}

/// What the kernel's side is told of a probe (`COOKIE_*` of `bpf/clear_calls.h`).
fn cookie(probe: &Probe, target: u32) -> u64 {
    let operation = match probe.operation {
        Operation::Read => 0,
        Operation::Write => 1,
        Operation::Handshake | Operation::Release | Operation::WriteRecords => 2,
        Operation::SendFile => 3,
    };
    let outcome = match probe.outcome {
        Outcome::Int => 0,
        Outcome::Long => 1,
        Outcome::Status => 2,
    };
    u64::from(target) << 32 | outcome << 4 | operation
}

/// Files that are known to have a library or none: some hundred on a host, more with containers.
const MAX_FILES: usize = 65_536;
