//! What goes over the wire: frames of an agent, replies of a sensor. No I/O.
//!
//! After the TLS handshake an agent says [`Frame::Hello`], and the sensor replies which batch of this
//! session it had last. Then the agent sends batches in order; each has the number of the one before it
//! plus one. Every frame of the agent is answered by one [`Reply`] of fixed length, and a sensor says
//! nothing unasked. Integers are big-endian.
//!
//! A frame is its length (32 bits, without these five bytes), its kind (8 bits) and its body.

mod frame;
mod malformed;
mod pack;
mod record;
mod reply;

pub use frame::{Frame, FrameReader, Hello, Report, SessionId};
pub use malformed::Malformed;
pub use pack::{Packer, Unpacker};
pub use record::{Records, encoded_len, put_record, shed};
pub use reply::{Refusal, Reply};

/// Version of the format. A sensor refuses others.
pub const VERSION: u16 = 1;

/// Name of the protocol in the TLS handshake (RFC 7301), so that no other server or client is mistaken
/// for one of this protocol.
pub const ALPN: &[u8] = b"tlsight-tunnel/1";

/// Most bytes of records in one batch, before compression. It is what a sensor keeps of each agent; a
/// larger batch compresses hardly better.
pub const MAX_BATCH_LEN: usize = 256 << 10;

/// Most bytes of clear text in one record, so that a few fit into a batch. Whoever copies clear text does
/// so by 16 KiB.
pub const MAX_DATA_LEN: usize = 64 << 10;
