//! The agent of a host: takes the secrets that processes hand over, and says how far they have come.
//!
//! [`Agent`] listens on a socket and hands what comes to a [`Sink`], such as a [`KeyLogFile`]. Whoever
//! connects is a stranger: what it says is bounded and checked, and whose it is the kernel tells.

mod agent;
mod counts;
mod key_log_file;
mod peer;
mod receipt;
mod sink;
mod socket;

pub use agent::{Agent, Remote};
pub use counts::AgentCounts;
pub use key_log_file::{KeyLogError, KeyLogFile};
pub use peer::{Peer, label};
pub use receipt::{Receipt, Teller};
pub use sink::Sink;
pub use socket::BindError;
