//! Connections with the same addresses and ports, kept apart by their VLAN.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::RangeInclusive;

use event::Timestamp;

use crate::connection::Tuple;
use crate::record::ConnectionId;
use crate::settings::Settings;

/// Which lanes of which addresses and ports are in use, or were a moment ago.
///
/// Lane 0 is that of a connection which is alone. An IDS tells connections with the same addresses
/// and ports apart by the VLAN; by time as well, but some take a SYN soon after the end for an error.
pub(crate) struct Lanes {
    tuples: HashMap<Tuple, Use>,
    /// Tuples without connections, by when they are forgotten.
    resting: VecDeque<(Timestamp, Tuple)>,
    max_resting: usize,
    /// Of lane 0.
    vlan: Option<u16>,
    /// Of the others, in order.
    vlans: Vec<u16>,
}

struct Use {
    live: BTreeMap<u16, ConnectionId>,
    next: u16,
    forgotten: Timestamp,
}

impl Lanes {
    pub(crate) fn new(settings: &Settings) -> Self {
        let range = settings.lanes.clone().unwrap_or(NONE);
        Self {
            tuples: HashMap::new(),
            resting: VecDeque::new(),
            max_resting: settings.max_connections,
            vlan: settings.vlan,
            vlans: range.filter(|id| VLANS.contains(id) && Some(*id) != settings.vlan).collect(),
        }
    }

    /// Takes the next free lane for a connection.
    ///
    /// # Errors
    /// If there is none, the connection whose turn it is to make room.
    pub(crate) fn take(&mut self, tuple: Tuple, id: ConnectionId) -> Result<u16, ConnectionId> {
        let of = self.tuples.entry(tuple).or_insert_with(|| Use {
            live: BTreeMap::new(),
            next: 0,
            forgotten: Timestamp::default(),
        });
        let lanes = u16::try_from(self.vlans.len()).unwrap_or(u16::MAX).saturating_add(1);
        let mut in_turn = (of.next..lanes).chain(0..of.next);
        let lane = in_turn.find(|lane| !of.live.contains_key(lane));
        let Some(lane) = lane else {
            return Err(of.live.get(&of.next).copied().unwrap_or(id));
        };
        of.live.insert(lane, id);
        of.next = lane.saturating_add(1).checked_rem(lanes).unwrap_or(0);
        Ok(lane)
    }

    /// Gives a lane back at `now`.
    pub(crate) fn free(&mut self, tuple: &Tuple, lane: u16, now: Timestamp) {
        let Some(of) = self.tuples.get_mut(tuple) else { return };
        of.live.remove(&lane);
        if of.live.is_empty() {
            of.forgotten = now.plus_nanos(REST_NS);
            self.resting.push_back((of.forgotten, *tuple));
        }
        if self.resting.len() > self.max_resting {
            self.forget_first();
        }
    }

    /// Forgets what has rested for long enough.
    pub(crate) fn handle_timeout(&mut self, now: Timestamp) {
        while self.resting.front().is_some_and(|(end, _)| *end <= now) {
            self.forget_first();
        }
    }

    /// The VLAN of a lane.
    pub(crate) fn vlan(&self, lane: u16) -> Option<u16> {
        let Some(index) = lane.checked_sub(1) else { return self.vlan };
        self.vlans.get(usize::from(index)).copied()
    }

    fn forget_first(&mut self) {
        let Some((end, tuple)) = self.resting.pop_front() else { return };
        if self.tuples.get(&tuple).is_some_and(|of| of.live.is_empty() && of.forgotten == end) {
            self.tuples.remove(&tuple);
        }
    }
}

/// How long addresses and ports rest, in nanoseconds: as Linux keeps TIME-WAIT.
const REST_NS: i64 = 60 * 1_000_000_000;

/// The ids that name a VLAN (IEEE 802.1Q section 9.6).
const VLANS: RangeInclusive<u16> = 1..=4094;

const NONE: RangeInclusive<u16> = 0..=0;
