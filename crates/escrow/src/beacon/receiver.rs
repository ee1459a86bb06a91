//! A monitor's side: opens the beacons that pass.

use std::collections::{HashSet, VecDeque};

use super::datagram::Beacon;
use super::key::{BeaconKey, TAG_LEN};
use crate::hpke::PrivateKey;
use crate::seal::{Content, Opener};

/// Opens beacons that are sealed to a key, each once.
pub struct BeaconReceiver {
    key: BeaconKey,
    own: [u8; 16],
    opener: Opener,
    /// Tags of those that were opened, so that nobody spends our time by sending them again.
    seen: HashSet<[u8; TAG_LEN]>,
    /// When they were sealed, in the order in which they came.
    order: VecDeque<(u64, [u8; TAG_LEN])>,
    counters: BeaconCounters,
}

/// What became of datagrams that claim to be beacons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BeaconCounters {
    /// They were opened.
    pub opened: u64,
    /// They are for other monitors.
    pub for_others: u64,
    /// They are malformed, or by somebody without the key.
    pub false_ones: u64,
    /// They came before, or were sealed too long ago.
    pub again: u64,
    /// They cannot be opened, though whoever made them has the key.
    pub unopened: u64,
}

impl BeaconReceiver {
    /// A receiver of what is sealed to `own` and authenticated with `key`.
    #[must_use]
    pub fn new(own: PrivateKey, key: BeaconKey) -> Self {
        let id = own.public().id();
        let mut opener = Opener::default();
        opener.add_key(own);
        Self {
            key,
            own: id,
            opener,
            seen: HashSet::new(),
            order: VecDeque::new(),
            counters: BeaconCounters::default(),
        }
    }

    /// Opens a datagram that came at `now_ms` (milliseconds since 1970); nothing if it is of no use, which is
    /// counted.
    pub fn take(&mut self, now_ms: u64, datagram: &[u8]) -> Option<Content> {
        let beacon = match Beacon::parse(datagram) {
            Ok(beacon) if beacon.is_by(&self.key) => beacon,
            _ => {
                self.counters.false_ones = self.counters.false_ones.saturating_add(1);
                return None;
            }
        };
        if beacon.record.recipient != self.own {
            self.counters.for_others = self.counters.for_others.saturating_add(1);
            return None;
        }
        self.forget(now_ms);
        let is_of_now = beacon.record.time_ms.abs_diff(now_ms) <= MAX_AGE_MS;
        if !is_of_now || !self.seen.insert(beacon.tag()) {
            self.counters.again = self.counters.again.saturating_add(1);
            return None;
        }
        self.order.push_back((beacon.record.time_ms, beacon.tag()));
        let opened = self.opener.add_context(&beacon.context);
        match opened.and_then(|()| self.opener.open(&beacon.record)) {
            Ok(content) => {
                self.counters.opened = self.counters.opened.saturating_add(1);
                Some(content)
            }
            Err(_) => {
                self.counters.unopened = self.counters.unopened.saturating_add(1);
                None
            }
        }
    }

    /// What became of datagrams so far.
    #[must_use]
    pub const fn counters(&self) -> BeaconCounters {
        self.counters
    }

    /// Forgets those that are too old to be taken again, and the oldest if there are too many.
    fn forget(&mut self, now_ms: u64) {
        while let Some((time_ms, tag)) = self.order.front().copied() {
            if time_ms.saturating_add(MAX_AGE_MS) >= now_ms && self.order.len() < MAX_SEEN {
                break;
            }
            self.order.pop_front();
            self.seen.remove(&tag);
        }
    }
}

impl std::fmt::Debug for BeaconReceiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BeaconReceiver")
    }
}

/// What clocks of agents and monitors may differ by, and networks delay.
const MAX_AGE_MS: u64 = 60_000;

/// Some thousand sessions a second, for a minute.
const MAX_SEEN: usize = 1 << 19;
