//! The kernel's help for a capture from an interface: it leaves there what nobody looks at.

use std::net::SocketAddr;
use std::os::fd::AsFd;

use aya::maps::{HashMap, MapData, PerCpuArray};
use aya::programs::SocketFilter;
use aya::{Ebpf, EbpfLoader};
use event::Transport;
use rustix::time::{ClockId, clock_gettime};

use crate::counters::total;
use crate::error::ProbeError;
use crate::finished::octets;
use crate::load::map;

/// A filter of packet sockets that drops the packets of finished flows before they are copied.
///
/// A segment with SYN, FIN or RST always passes, and a SYN ends the cut: nothing of a new connection
/// with the same ends is missed. The filter stays with the sockets until they are closed.
pub struct CutOff {
    _programs: Ebpf,
    finished: HashMap<MapData, Direction, u64>,
    counters: PerCpuArray<MapData, u64>,
}

/// What was left in the kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftInKernel {
    /// Packets.
    pub packets: u64,
    /// Their bytes, link headers included.
    pub bytes: u64,
}

impl CutOff {
    /// Attaches the filter to packet sockets. The first `snapshot_len` bytes of the packets that it
    /// lets in are kept, or all of them.
    ///
    /// # Errors
    /// [`ProbeError::Permission`], [`ProbeError::Refused`]: the sockets are as they were, or let all
    /// packets in as before.
    pub fn attach(sockets: &[impl AsFd], snapshot_len: Option<u32>) -> Result<Self, ProbeError> {
        let snapshot_len = snapshot_len.unwrap_or(u32::MAX);
        let mut loader = EbpfLoader::new();
        loader.override_global("snapshot_len", &snapshot_len, true);
        let mut programs =
            loader.load(PROGRAM).map_err(|error| ProbeError::refused("the maps", &error))?;
        let finished = HashMap::try_from(map(&mut programs, "finished")?)
            .map_err(|error| ProbeError::refused("the finished flows", &error))?;
        let counters = PerCpuArray::try_from(map(&mut programs, "counters")?)
            .map_err(|error| ProbeError::refused("the counters", &error))?;
        let program = programs.program_mut(NAME).and_then(|program| program.try_into().ok());
        let Some(program): Option<&mut SocketFilter> = program else {
            return Err(ProbeError::Refused { what: NAME, reason: "no such program".into() });
        };
        program.load().map_err(|error| ProbeError::refused("a filter", &error))?;
        for socket in sockets {
            program
                .attach(socket)
                .map_err(|error| ProbeError::refused("to attach a filter to a socket", &error))?;
        }
        Ok(Self { _programs: programs, finished, counters })
    }

    /// Leaves the packets between two ends in the kernel from now on.
    pub fn finish(&mut self, transport: Transport, ends: [SocketAddr; 2]) {
        let [one, other] = ends;
        let now = now();
        for (source, destination) in [(one, other), (other, one)] {
            // A flow that the kernel does not hear of costs what it did.
            self.finished.insert(direction(transport, source, destination), now, 0).ok();
        }
    }

    /// What was left in the kernel so far.
    #[must_use]
    pub fn left_in_kernel(&self) -> LeftInKernel {
        let count = |counter| total(&self.counters, counter);
        LeftInKernel { packets: count(PACKETS), bytes: count(BYTES) }
    }
}

/// One direction of a flow, as `cutoff.bpf.c` lays it out: addresses, ports, protocol, IP version.
type Direction = [u8; 40];

fn direction(transport: Transport, source: SocketAddr, destination: SocketAddr) -> Direction {
    let mut key = [0; 40];
    let protocol = match transport {
        Transport::Tcp => 6,
        Transport::Udp => 17,
    };
    let version = if source.is_ipv4() { 4 } else { 6 };
    let (from, to) = (octets(source.ip()), octets(destination.ip()));
    let [source_port, destination_port] = [source, destination].map(|end| end.port().to_be_bytes());
    let fields = from.into_iter().chain(to).chain(source_port).chain(destination_port);
    for (place, byte) in key.iter_mut().zip(fields.chain([protocol, version])) {
        *place = byte;
    }
    key
}

/// Nanoseconds of the clock that the filter reads.
fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0))
}

static PROGRAM: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/cutoff.bpf.o"));

const NAME: &str = "cut_off";

const PACKETS: u32 = 0;
const BYTES: u32 = 1;
