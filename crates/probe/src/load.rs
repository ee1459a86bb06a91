//! The programs in the kernel, and the ring that they fill.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use aya::maps::{HashMap, MapData, PerCpuArray, RingBuf};
use aya::programs::{CgroupAttachMode, CgroupSkb, CgroupSkbAttachType};
use aya::{Ebpf, EbpfLoader};
use event::TlsEvent;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::thread::{CapabilitySet, capabilities};

use crate::batch::Batch;
use crate::cgroup;
use crate::clock::Clock;
use crate::counters::total;
use crate::error::ProbeError;
use crate::finished::{Finished, FlowKey};
use crate::losses::ProbeLosses;
use crate::redact::CommandLines;
use crate::ring_use::{Positions, RingUse};
use crate::sockets::Sockets;

/// What to capture.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Directory of the cgroup whose sockets are captured, those of cgroups below it included; the
    /// root, which is the whole host, if there is none.
    pub cgroup: Option<PathBuf>,
    /// What becomes of command lines.
    pub command_lines: CommandLines,
    /// Length of the ring in bytes, a power of two of pages.
    pub ring_len: Option<u32>,
    /// Packets a second and processor that are told of connections and flows which others begin.
    pub beginnings_per_s: Option<u32>,
}

/// The packets of the sockets of a cgroup. Nothing of it outlives the process.
pub struct SocketCapture {
    /// Holds the programs' links: with it they end.
    _programs: Ebpf,
    ring: RingBuf<MapData>,
    /// None where they cannot be mapped.
    positions: Option<Positions>,
    ring_len: u32,
    verdicts: HashMap<MapData, u64, u8>,
    flow_verdicts: HashMap<MapData, FlowKey, u64>,
    counters: PerCpuArray<MapData, u64>,
    sockets: Sockets,
    cgroup: PathBuf,
    inode: u64,
    looked_at: Instant,
    is_removed: bool,
}

impl SocketCapture {
    /// Loads the programs and begins.
    ///
    /// # Errors
    /// Each [`ProbeError`] but [`ProbeError::CgroupRemoved`].
    pub fn open(options: &Options) -> Result<Self, ProbeError> {
        let path = match &options.cgroup {
            Some(path) => path.clone(),
            None => cgroup::root()?,
        };
        let directory = cgroup::open(&path)?;
        if !Path::new(TYPES).exists() {
            return Err(ProbeError::NoTypes { path: TYPES });
        }
        let ring_len = options.ring_len.unwrap_or(RING_LEN);
        let mut programs = load(options, ring_len)?;
        let ring = RingBuf::try_from(map(&mut programs, "ring")?)
            .map_err(|error| ProbeError::refused("the ring", &error))?;
        let positions = Positions::map(&ring).ok();
        let verdicts = HashMap::try_from(map(&mut programs, "verdicts")?)
            .map_err(|error| ProbeError::refused("the verdicts", &error))?;
        let flow_verdicts = HashMap::try_from(map(&mut programs, "flow_verdicts")?)
            .map_err(|error| ProbeError::refused("the verdicts on flows", &error))?;
        let counters = PerCpuArray::try_from(map(&mut programs, "counters")?)
            .map_err(|error| ProbeError::refused("the counters", &error))?;
        attach(&mut programs, &directory)?;
        let inode = directory.metadata().map_or(0, |metadata| metadata.ino());
        Ok(Self {
            _programs: programs,
            ring,
            positions,
            ring_len,
            verdicts,
            flow_verdicts,
            counters,
            sockets: Sockets::new(options.command_lines.clone(), Clock::read()),
            cgroup: path,
            inode,
            looked_at: Instant::now(),
            is_removed: false,
        })
    }

    /// The directory of the cgroup.
    #[must_use]
    pub fn cgroup(&self) -> &Path {
        &self.cgroup
    }

    /// Waits for packets up to `timeout`, or until a signal comes, and fills `batch` with them.
    ///
    /// # Errors
    /// [`ProbeError::CgroupRemoved`] once, after which there is nothing more to come;
    /// [`ProbeError::System`].
    pub fn poll(&mut self, timeout: Duration, batch: &mut Batch) -> Result<(), ProbeError> {
        batch.clear();
        self.look_around()?;
        self.tell_verdicts();
        if !self.fill(batch) && self.wait(timeout)? {
            // Whoever reads all that is there is woken by the next record; a handshake has dozens.
            thread::sleep(GATHERING);
            self.fill(batch);
        }
        Ok(())
    }

    /// Takes note that no more packets of a connection are wanted.
    pub fn dismiss(&mut self, number: u32) {
        self.sockets.dismiss(number);
    }

    /// Says in an event who its ends are. `number` is that of the connection, which is over with that.
    pub fn complete(&mut self, number: u32, event: &mut TlsEvent) {
        self.sockets.complete(number, event);
    }

    /// How full the ring is, where that can be told.
    #[must_use]
    pub fn ring_use(&self) -> Option<RingUse> {
        let used = self.positions.as_ref()?.used();
        Some(RingUse { used, len: self.ring_len.into() })
    }

    /// Changes what becomes of command lines. Those of processes that are known are made stricter,
    /// but never less strict.
    pub fn set_command_lines(&mut self, command_lines: CommandLines) {
        self.sockets.set_command_lines(command_lines);
    }

    /// What was not seen so far.
    #[must_use]
    pub fn losses(&self) -> ProbeLosses {
        let count = |counter| total(&self.counters, counter);
        ProbeLosses {
            ring_full: count(RING_FULL),
            packets_unreadable: count(UNREADABLE),
            beginnings_over_limit: count(BEGINNINGS),
            flows_cut_short: count(CUT_SHORT),
            ..self.sockets.losses()
        }
    }

    /// Takes what is in the ring, as far as there is room; whether there was anything.
    fn fill(&mut self, batch: &mut Batch) -> bool {
        let mut taken = 0_usize;
        while taken < MAX_RECORDS
            && !batch.is_full()
            && let Some(record) = self.ring.next()
        {
            self.sockets.take(&record, batch);
            taken += 1;
        }
        taken > 0
    }

    /// Waits for records; whether there are any.
    fn wait(&self, timeout: Duration) -> Result<bool, ProbeError> {
        let timeout = Timespec::try_from(timeout).ok();
        let mut ready = [PollFd::from_borrowed_fd(self.ring.as_fd(), PollFlags::IN)];
        match poll(&mut ready, timeout.as_ref()) {
            Ok(ready) => Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => {
                Err(ProbeError::System { action: "waiting for packets", source: error.into() })
            }
        }
    }

    /// Tells the kernel of what is finished with.
    fn tell_verdicts(&mut self) {
        for finished in self.sockets.take_finished() {
            // A verdict that is not heard costs some packets more.
            match finished {
                Finished::Socket(cookie) => self.verdicts.insert(cookie, 1, 0).ok(),
                Finished::Flow(key, time) => self.flow_verdicts.insert(key, time, 0).ok(),
            };
        }
    }

    /// Once a second: how the clocks stand, and whether the cgroup is there.
    fn look_around(&mut self) -> Result<(), ProbeError> {
        if self.looked_at.elapsed() < LOOK_EVERY {
            return Ok(());
        }
        self.looked_at = Instant::now();
        self.sockets.set_clock(Clock::read());
        let is_there = match fs::metadata(&self.cgroup) {
            Ok(metadata) => metadata.ino() == self.inode,
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        };
        if is_there || self.is_removed {
            return Ok(());
        }
        self.is_removed = true;
        self.sockets.losses_mut().cgroups_removed += 1;
        Err(ProbeError::CgroupRemoved { path: self.cgroup.clone() })
    }
}

pub(crate) fn map(programs: &mut Ebpf, name: &'static str) -> Result<aya::maps::Map, ProbeError> {
    programs.take_map(name).ok_or(ProbeError::Refused { what: name, reason: "no such map".into() })
}

fn load(options: &Options, ring_len: u32) -> Result<Ebpf, ProbeError> {
    let mut loader = EbpfLoader::new();
    loader.map_max_entries("ring", ring_len);
    if let Some(rate) = &options.beginnings_per_s {
        loader.override_global("beginnings_per_s", rate, true);
    }
    loader.load(PROGRAMS).map_err(|error| ProbeError::refused("the maps", &error))
}

fn attach(programs: &mut Ebpf, directory: &File) -> Result<(), ProbeError> {
    for (name, place) in
        [("at_egress", CgroupSkbAttachType::Egress), ("at_ingress", CgroupSkbAttachType::Ingress)]
    {
        let program = programs.program_mut(name).and_then(|program| program.try_into().ok());
        let Some(program): Option<&mut CgroupSkb> = program else {
            return Err(ProbeError::Refused { what: name, reason: "no such program".into() });
        };
        program.load().map_err(|error| {
            // The verifier has other words for it.
            let is_allowed = may_read_kernel();
            if is_allowed {
                ProbeError::refused("a program", &error)
            } else {
                ProbeError::Permission
            }
        })?;
        // A link always leaves room for the programs of others; asking for that is refused.
        program
            .attach(directory, place, CgroupAttachMode::Single)
            .map_err(|error| ProbeError::refused("to attach a program to the cgroup", &error))?;
    }
    Ok(())
}

/// Whether programs of this process may read the kernel's memory, as far as capabilities go.
pub(crate) fn may_read_kernel() -> bool {
    let either = CapabilitySet::PERFMON | CapabilitySet::SYS_ADMIN;
    capabilities(None).is_ok_and(|held| held.effective.intersects(either))
}

/// Says whether the files that other processes have mapped may be opened.
///
/// # Errors
/// [`ProbeError::NoLibraries`] if they may not (proc(5), `/proc/PID/map_files`).
pub(crate) fn may_open_libraries() -> Result<(), ProbeError> {
    let both = CapabilitySet::SYS_PTRACE | CapabilitySet::SYS_ADMIN;
    let has_both = capabilities(None).is_ok_and(|held| held.effective.contains(both));
    has_both.then_some(()).ok_or(ProbeError::NoLibraries)
}

static PROGRAMS: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/socket.bpf.o"));

/// Where the kernel describes its types.
pub(crate) const TYPES: &str = "/sys/kernel/btf/vmlinux";

/// Length of the ring in bytes. A session takes 20 KiB of it, so that there is room for four hundred
/// while nobody reads; it counts twice in the resident memory, because it is mapped twice.
const RING_LEN: u32 = 8 << 20;

const RING_FULL: u32 = 0;
const UNREADABLE: u32 = 1;
const BEGINNINGS: u32 = 2;
const CUT_SHORT: u32 = 3;

/// How long records are left to gather before they are read: long enough for those of a handshake,
/// and a hundredth of what the ring has room for.
const GATHERING: Duration = Duration::from_millis(5);

/// Records taken at once, so that one whose packets all belong to second sockets does not keep the
/// rest waiting.
const MAX_RECORDS: usize = 4096;

const LOOK_EVERY: Duration = Duration::from_secs(1);
