//! What became of the records.

/// What became of the records that a [`Forger`](crate::Forger) was given, since it was made.
///
/// Each byte of data is either in `delivered_bytes` or in [`Counters::dropped_bytes`]; each missing
/// byte that a record named is in `missing_bytes` or in `missing_unshown_bytes`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames made.
    pub frames: u64,
    /// Their bytes, from the Ethernet header on.
    pub frame_bytes: u64,
    /// Bytes of clear text in frames.
    pub delivered_bytes: u64,
    /// Bytes shown as holes because a record said that they are missing.
    pub missing_bytes: u64,
    /// Missing bytes of connections that are not known, or out of order: no hole shows them.
    pub missing_unshown_bytes: u64,
    /// Bytes shown as holes because data did not go on where the last ended, and nothing said why.
    pub unannounced_bytes: u64,
    /// Bytes of clear text of connections that are not known: not opened, reset, or closed.
    pub unknown_connection_bytes: u64,
    /// Bytes of clear text at places that were over: repeated, overlapping, or out of order.
    pub out_of_order_bytes: u64,
    /// Records refused: of data as above, and those that open a connection twice or close one that
    /// is not known.
    pub refused_records: u64,
    /// Connections opened.
    pub opened: u64,
    /// Of these, those in a VLAN of their own because another has their addresses and ports.
    pub in_lanes: u64,
    /// Connections ended by FIN.
    pub finished: u64,
    /// Connections ended by RST because their source said so.
    pub reset: u64,
    /// Connections ended by RST because their source lost them, or because the forger was finished.
    pub abandoned: u64,
    /// Connections ended by RST because there were too many.
    pub evicted: u64,
    /// Connections ended by RST because they were silent for too long.
    pub timed_out: u64,
    /// Connections ended by RST because another with their addresses and ports had no lane.
    pub replaced: u64,
}

impl Counters {
    /// Bytes of clear text that are in no frame.
    #[must_use]
    pub const fn dropped_bytes(&self) -> u64 {
        self.unknown_connection_bytes.saturating_add(self.out_of_order_bytes)
    }
}
