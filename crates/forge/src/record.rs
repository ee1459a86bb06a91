//! What happened to the clear text of a connection.

use std::net::SocketAddr;

use event::Timestamp;

/// One connection at the source of its records. A source uses each number once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// Who said something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The end that connected.
    Client,
    /// The end that accepted.
    Server,
}

impl Side {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Client, Self::Server];

    /// The other end.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// Something that happened to the clear text of a connection.
///
/// Records of one connection come in order: [`RecordKind::Opened`] first, [`RecordKind::Closed`]
/// last, and for each side positions that go up without holes that no [`RecordKind::Missing`] names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Which connection.
    pub connection: ConnectionId,
    /// When it happened: for what was written when it was handed to the TLS library, for what was
    /// read when the library gave it.
    pub at: Timestamp,
    /// What happened.
    pub kind: RecordKind<'a>,
}

/// The kinds of [`Record`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordKind<'a> {
    /// The connection is known with both of its ends. Nothing is said of one whose ends are not.
    Opened(Box<Opened>),
    /// Bytes of clear text.
    Data {
        /// Who sent them.
        sender: Side,
        /// Bytes of this side before them, those that are missing included.
        position: u64,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// Bytes of clear text that were seen but could not be copied, or were left out.
    Missing {
        /// Who sent them.
        sender: Side,
        /// Bytes of this side before them.
        position: u64,
        /// How many.
        len: u64,
        /// Why.
        cause: MissingCause,
    },
    /// There is no more of the connection.
    Closed(Ending),
}

/// The ends of a connection, and what is known of whoever copied it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Address of the end that connected.
    pub client: SocketAddr,
    /// Address of the end that accepted.
    pub server: SocketAddr,
    /// Whether clear text had passed before anybody looked, of which nothing is known.
    pub is_late: bool,
    /// The process whose clear text it is.
    pub origin: Option<Origin>,
}

/// The process at an end whose clear text is copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Which end it is.
    pub side: Side,
    /// Process id on its host (of the thread group).
    pub pid: u32,
    /// Name that the kernel keeps, at most 15 bytes.
    pub command: Box<str>,
    /// Id of its container.
    pub container: Option<Box<str>>,
}

/// Why bytes are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MissingCause {
    /// The kernel's ring was full.
    RingFull,
    /// The memory could not be read.
    Fault,
    /// A bound of a buffer or of a queue was reached on the way.
    Overload,
    /// They were removed for privacy.
    Redacted,
    /// They could not be decrypted.
    Undecryptable,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// By both ends, in order.
    Finished,
    /// By one end, at once.
    Reset,
    /// Nobody follows it any longer: a bound was reached, or the source ended.
    Abandoned,
}
