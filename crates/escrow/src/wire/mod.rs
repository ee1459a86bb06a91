//! What agents, monitors and the service say to each other, over mutual TLS 1.3.

mod announcement;
mod frame;
mod link;

pub(crate) use announcement::Announcement;
pub use frame::{Frame, FrameReader, IncidentKind, Peer, Refusal};
pub(crate) use link::{Link, LinkError, Wake};

/// Protocol name in ALPN.
pub const ALPN: &[u8] = b"tlsight-escrow/1";

/// Version of the frames. Both sides have to have the same.
pub(crate) const VERSION: u16 = 1;
