//! Loading the programs, and attaching those that see all sockets.

use std::os::unix::fs::MetadataExt as _;
use std::{fs, thread};

use aya::maps::{ArrayOfMaps, MapData, MapError, RingBuf};
use aya::programs::{BtfTracePoint, CgroupAttachMode, CgroupSkb, CgroupSkbAttachType, UProbe};
use aya::{Btf, Ebpf, EbpfLoader};
use rustix::process::{Resource, getrlimit, setrlimit};

use super::scope::kernel_device;
use crate::cgroup;
use crate::error::ProbeError;
use crate::load::{map, may_read_kernel};

/// Names rings to the programs.
pub(crate) type Table = ArrayOfMaps<MapData, RingBuf<MapData>>;

/// Loads the programs, with rings of `rings_len` bytes together.
///
/// # Errors
/// [`ProbeError::Refused`].
pub(crate) fn load(rings_len: u32) -> Result<Ebpf, ProbeError> {
    let processors = thread::available_parallelism().map_or(1, |count| count.get());
    let count = processors.next_power_of_two().min(RINGS.len());
    let page = u32::try_from(rustix::param::page_size()).unwrap_or(1 << 12);
    let ring_count = u32::try_from(count).unwrap_or(1);
    let len = (rings_len / ring_count).max(page).next_power_of_two();
    let mut loader = EbpfLoader::new();
    loader.override_global("ring_count", &ring_count, true);
    let pids = own_pid_namespace();
    if let Some((device, inode)) = &pids {
        loader.override_global("pid_namespace_device", device, true);
        loader.override_global("pid_namespace_inode", inode, true);
    }
    for (at, name) in RINGS.into_iter().enumerate() {
        loader.map_max_entries(name, if at < count { len } else { page });
    }
    loader.load(PROGRAMS).map_err(|error| ProbeError::refused("the maps of clear text", &error))
}

/// Device and inode of our PID namespace, if it is not the first one, whose numbers the kernel uses itself.
fn own_pid_namespace() -> Option<(u64, u64)> {
    /// `PROC_PID_INIT_INO` of the kernel's `include/linux/proc_ns.h`.
    const FIRST: u64 = 0xefff_fffc;
    let metadata = fs::metadata("/proc/self/ns/pid").ok()?;
    (metadata.ino() != FIRST).then(|| (kernel_device(metadata.dev()), metadata.ino()))
}

/// Names the rings to the programs.
///
/// # Errors
/// [`ProbeError::Refused`].
pub(crate) fn take_rings(
    programs: &mut Ebpf,
) -> Result<(Table, Vec<RingBuf<MapData>>), ProbeError> {
    let refused = |error: MapError| ProbeError::refused("the rings", &error);
    let mut table: Table = ArrayOfMaps::try_from(map(programs, "rings")?).map_err(refused)?;
    let mut rings = Vec::new();
    for (at, name) in (0..).zip(RINGS) {
        let ring = RingBuf::try_from(map(programs, name)?).map_err(refused)?;
        table.set(at, &ring, 0).map_err(refused)?;
        rings.push(ring);
    }
    Ok((table, rings))
}

/// Attaches what sees all sockets, and readies what goes into libraries.
///
/// # Errors
/// [`ProbeError::Refused`], [`ProbeError::Permission`], [`ProbeError::NoCgroups`].
pub(crate) fn attach(programs: &mut Ebpf) -> Result<(), ProbeError> {
    let types = Btf::from_sys_fs().map_err(|error| ProbeError::refused("its types", &error))?;
    for (name, place) in [
        ("at_state", "inet_sock_set_state"),
        ("at_send", "sock_send_length"),
        ("at_receive", "sock_recv_length"),
    ] {
        let refused = |error: &(dyn std::error::Error + 'static)| {
            if may_read_kernel() {
                ProbeError::refused("to follow sockets (Linux 6.3 has what that needs)", error)
            } else {
                ProbeError::Permission
            }
        };
        let program = programs.program_mut(name).and_then(|program| program.try_into().ok());
        let Some(program): Option<&mut BtfTracePoint> = program else {
            return Err(ProbeError::Refused { what: name, reason: "no such program".into() });
        };
        program.load(place, &types).map_err(|error| refused(&error))?;
        program.attach().map_err(|error| refused(&error))?;
    }
    for name in UPROBES {
        let program = programs.program_mut(name).and_then(|program| program.try_into().ok());
        let Some(program): Option<&mut UProbe> = program else {
            return Err(ProbeError::Refused { what: name, reason: "no such program".into() });
        };
        program.load().map_err(|error| ProbeError::refused("a program", &error))?;
    }
    attach_to_packets(programs)
}

/// Has packets of all cgroups looked at.
fn attach_to_packets(programs: &mut Ebpf) -> Result<(), ProbeError> {
    let root = cgroup::open(&cgroup::root()?)?;
    let program = programs.program_mut("at_egress").and_then(|program| program.try_into().ok());
    let Some(program): Option<&mut CgroupSkb> = program else {
        return Err(ProbeError::Refused { what: "at_egress", reason: "no such program".into() });
    };
    program.load().map_err(|error| ProbeError::refused("a program", &error))?;
    program
        .attach(root, CgroupSkbAttachType::Egress, CgroupAttachMode::Single)
        .map_err(|error| ProbeError::refused("to attach a program to the root cgroup", &error))?;
    Ok(())
}

/// Has room for the probes: each is a file or two.
pub(crate) fn raise_open_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).ok();
}

static PROGRAMS: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/clear_text.bpf.o"));

const UPROBES: [&str; 12] = [
    "leave",
    "enter",
    "release",
    "write_records",
    "mark",
    "leave_go",
    "enter_go",
    "release_go",
    "sealed",
    "seal",
    "unsealed",
    "unseal",
];

const RINGS: [&str; 8] =
    ["ring_0", "ring_1", "ring_2", "ring_3", "ring_4", "ring_5", "ring_6", "ring_7"];
