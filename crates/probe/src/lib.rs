//! Packets and processes at the sockets of this host.
//!
//! Two programs in the kernel ([`SocketCapture`] loads them) copy the packets of each socket of a
//! cgroup, until its TLS handshake is over, into a ring. [`Sockets`] reads what comes out: it joins
//! the two ends of a connection, if both are on this host, to one, and knows their processes.
//!
//! [`KeyLogProbes`] takes the secrets of sessions where TLS libraries would write their key log.
//!
//! A third program ([`CutOff`]) serves captures from interfaces: it leaves bulk data in the kernel.

mod batch;
mod cgroup;
#[cfg(target_os = "linux")]
mod clear_text;
mod clock;
mod connection;
mod container;
#[cfg(target_os = "linux")]
mod counters;
mod cutoff;
mod ends;
mod error;
mod finished;
#[cfg(target_os = "linux")]
mod identity;
#[cfg(target_os = "linux")]
mod key_log;
#[cfg(target_os = "linux")]
mod load;
mod losses;
mod proc;
mod process;
mod record;
mod redact;
#[cfg(target_os = "linux")]
mod ring_use;
mod sockets;

pub use batch::Batch;
pub use cgroup::{mount_point as cgroup_mount_point, root as cgroup_root};
#[cfg(target_os = "linux")]
pub use clear_text::{
    Account, Budget, BudgetChange, ClearText, ClearTextCounts, ClearTextOptions, Library, Local,
    Matches, Net, NotABudget, NotANet, Pods, ProcessAccount, Reason, Rules, Sink, Stepping,
    StreamCounts, Target, Uncovered, mirror_obstacle,
};
pub use container::container_of;
#[cfg(target_os = "linux")]
pub use cutoff::{CutOff, LeftInKernel};
pub use error::ProbeError;
#[cfg(target_os = "linux")]
pub use key_log::{
    KeyLogCounts, KeyLogProbes, KeyLogTarget, KeySource, KeyWay, TakenKey, key_ways,
};
#[cfg(target_os = "linux")]
pub use load::{Options, SocketCapture};
pub use losses::ProbeLosses;
pub use proc::proc_obstacle;
pub use redact::{CommandLines, DEFAULT_REDACTION};
#[cfg(target_os = "linux")]
pub use ring_use::RingUse;
pub use sockets::Sockets;
