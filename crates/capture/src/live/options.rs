//! How to capture from an interface.

/// What to capture, and with how much memory.
#[derive(Clone, Debug)]
pub struct LiveOptions {
    /// The interface.
    pub interface: Interface,
    /// Length of one block of the ring in bytes: a multiple of the page size. No packet longer
    /// than this is captured whole.
    pub block_len: u32,
    /// How many blocks a ring has. Each worker has its own ring.
    pub blocks: u32,
    /// How long a block that is not full waits for more packets, in milliseconds.
    pub retire_ms: u32,
    /// Most bytes of a packet that are captured, or all.
    pub snapshot_len: Option<u32>,
    /// Which packets the interface takes in. Means nothing for [`Interface::Any`].
    pub reception: Reception,
    /// Whether packets that this host sends are captured.
    pub outgoing: Outgoing,
    /// What becomes of a packet for a worker whose ring is full.
    pub full_ring: FullRing,
    /// Whether fragments of IP packets reach the worker of their flow.
    pub fragments: Fragments,
}

/// The interfaces to capture from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Interface {
    /// The one of this name.
    Named(String),
    /// All of this network namespace, also those still to come.
    Any,
}

/// Which packets an interface takes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reception {
    /// Those for this host.
    Own,
    /// Those for anyone.
    Promiscuous,
}

/// Whether packets that this host sends are captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// They are. On a loopback interface each packet is still given once.
    Captured,
    /// They are not.
    Ignored,
}

/// What becomes of a packet for a worker whose ring is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FullRing {
    /// It is dropped and counted.
    Drop,
    /// Another worker gets it, which tears its flow apart.
    NextWorker,
}

/// Whether fragments of IP packets reach the worker of their flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fragments {
    /// They go to whichever worker, as they come.
    AsTheyCome,
    /// The kernel puts IPv4 packets together first.
    Reassembled,
}

impl LiveOptions {
    /// The defaults for an interface: 64 MiB a worker, whole packets, promiscuous, both directions.
    #[must_use]
    pub const fn new(interface: Interface) -> Self {
        Self {
            interface,
            block_len: DEFAULT_BLOCK_LEN,
            blocks: DEFAULT_BLOCKS,
            retire_ms: DEFAULT_RETIRE_MS,
            snapshot_len: None,
            reception: Reception::Promiscuous,
            outgoing: Outgoing::Captured,
            full_ring: FullRing::Drop,
            fragments: Fragments::Reassembled,
        }
    }
}

impl Interface {
    /// The interface that a user names: `any` is all of them.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        match name {
            "any" => Self::Any,
            name => Self::Named(name.to_owned()),
        }
    }
}

/// Default length of a block in bytes: some hundred packets, which are handed over at once.
pub const DEFAULT_BLOCK_LEN: u32 = 1 << 20;

/// Default number of blocks: with [`DEFAULT_BLOCK_LEN`] 64 MiB, half a second of 1 Gbit/s.
pub const DEFAULT_BLOCKS: u32 = 64;

/// Default for how long a block is kept open: too short for a user to notice, long enough to keep
/// the wake-ups of an idle interface few.
pub const DEFAULT_RETIRE_MS: u32 = 20;
