//! Packets that wait until the secrets of their session are acknowledged, for programs that nothing is
//! loaded into.
//!
//! A rule of netfilter puts packets into a [`Queue`] (NFQUEUE), and the kernel does with each what it is
//! answered. What that is the [`Gate`] says: it follows the flows, finds the packet that would let out what a
//! session protects, and holds it and all behind it until it has learned that the secrets are where they are
//! to be. The gate does no I/O; the netlink messages are read by place and length like any other input.

mod gate;
mod kernel;
mod message;
mod netlink;
mod queue;
mod reset;

pub use gate::{Action, Fate, Gate, GateCounts, Greeting, Limits, Told};
pub use kernel::KernelCounts;
pub use message::{Hook, Malformed, QueuedPacket, Received, received};
pub use queue::{Next, Overflow, Queue, QueueError, Verdict};
pub use reset::{Reset, Resetter};
