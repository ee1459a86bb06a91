//! Who is there: the epochs that are sealed to, and the monitors that get live copies.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::mailbox::Mailbox;
use crate::keys::{Signed, Trust};
use crate::tier::{Part, Tier};
use crate::wire::{Announcement, Wake};

/// What agents are told, and where their records go.
pub(super) struct Hub {
    trust: Trust,
    state: Mutex<State>,
}

struct State {
    epochs: Vec<Signed>,
    /// By number of the connection: the newest key of each.
    monitors: BTreeMap<u64, Subscription>,
    /// Connections of agents, to be woken.
    agents: BTreeMap<u64, Arc<Wake>>,
    routes: Arc<Routes>,
}

/// A monitor that is there.
pub(super) struct Subscription {
    pub(super) grant: String,
    pub(super) key: String,
    /// Names of the keys that its records may be sealed to: the newest, and the one before.
    pub(super) keys: Vec<[u8; 16]>,
    pub(super) place: Arc<MonitorBox>,
}

/// Where records go, as it was at some time.
#[derive(Default)]
pub(super) struct Routes {
    /// More than that of any before.
    pub(super) version: u64,
    pub(super) announcement: Arc<[u8]>,
    /// Number and part of each key of an epoch.
    pub(super) epochs: HashMap<[u8; 16], (u64, Part)>,
    pub(super) monitors: HashMap<[u8; 16], Arc<MonitorBox>>,
}

/// What waits for a monitor.
pub(super) struct MonitorBox {
    pub(super) tier: Tier,
    pub(super) wake: Arc<Wake>,
    queue: Mutex<Queue>,
    max_bytes: usize,
}

#[derive(Default)]
struct Queue {
    items: VecDeque<LiveItem>,
    bytes: usize,
    is_over: bool,
}

/// Something for a monitor.
pub(super) enum LiveItem {
    Context(Box<[u8]>),
    Record { agent: Arc<str>, record: Box<[u8]>, sequence: u64, from: Arc<Mailbox> },
}

impl Hub {
    pub(super) fn new(trust: Trust) -> Self {
        let state = State {
            epochs: Vec::new(),
            monitors: BTreeMap::new(),
            agents: BTreeMap::new(),
            routes: Arc::default(),
        };
        Self { trust, state: Mutex::new(state) }
    }

    pub(super) fn routes(&self) -> Arc<Routes> {
        Arc::clone(&self.state().routes)
    }

    /// Takes the epochs that are of use at this time.
    pub(super) fn set_epochs(&self, epochs: Vec<Signed>, now_ms: u64) {
        let mut state = self.state();
        let is_announced =
            |signed: &Signed| self.trust.epoch(signed).is_ok_and(|epoch| now_ms < epoch.ends_ms);
        let announced = |epochs: &[Signed]| -> Vec<String> {
            epochs.iter().filter(|it| is_announced(it)).map(Signed::to_text).collect()
        };
        let told = Announcement::parse(&state.routes.announcement).unwrap_or_default().epochs;
        let is_same = state.epochs == epochs && told == announced(&epochs);
        if !is_same {
            state.epochs = epochs;
            let epochs = announced(&state.epochs);
            self.rebuild(&mut state, epochs);
        }
    }

    /// Takes a connection of an agent note of.
    pub(super) fn agent_joined(&self, number: u64, wake: Arc<Wake>) {
        self.state().agents.insert(number, wake);
    }

    pub(super) fn agent_left(&self, number: u64) {
        self.state().agents.remove(&number);
    }

    /// A monitor subscribes, or shows a new key; false if there are too many.
    pub(super) fn subscribe(&self, number: u64, mut new: Subscription, most: usize) -> bool {
        let mut state = self.state();
        match state.monitors.get(&number) {
            None if state.monitors.len() >= most => return false,
            None => {}
            Some(before) => new.keys.extend(before.keys.first()),
        }
        let before = state.monitors.insert(number, new);
        let epochs = Self::told_epochs(&state);
        self.rebuild(&mut state, epochs);
        let told = Announcement::parse(&state.routes.announcement);
        if told.is_ok_and(|told| told.fits()) {
            return true;
        }
        match before {
            Some(before) => drop(state.monitors.insert(number, before)),
            None => drop(state.monitors.remove(&number)),
        }
        let epochs = Self::told_epochs(&state);
        self.rebuild(&mut state, epochs);
        false
    }

    pub(super) fn monitor_left(&self, number: u64) {
        let mut state = self.state();
        if state.monitors.remove(&number).is_some() {
            let epochs = Self::told_epochs(&state);
            self.rebuild(&mut state, epochs);
        }
    }

    fn told_epochs(state: &State) -> Vec<String> {
        Announcement::parse(&state.routes.announcement).unwrap_or_default().epochs
    }

    fn rebuild(&self, state: &mut State, epochs: Vec<String>) {
        let mut keys = HashMap::new();
        for epoch in state.epochs.iter().filter_map(|signed| self.trust.epoch(signed).ok()) {
            for part in Part::ALL {
                if let Some(key) = epoch.key(part) {
                    keys.insert(key.id(), (epoch.number, part));
                }
            }
        }
        let mut monitors = HashMap::new();
        let mut told = Vec::new();
        for monitor in state.monitors.values() {
            told.push((monitor.grant.clone(), monitor.key.clone()));
            for key in &monitor.keys {
                monitors.insert(*key, Arc::clone(&monitor.place));
            }
        }
        let announcement = Announcement { epochs, monitors: told };
        state.routes = Arc::new(Routes {
            version: state.routes.version.saturating_add(1),
            announcement: announcement.to_bytes().into(),
            epochs: keys,
            monitors,
        });
        for wake in state.agents.values() {
            wake.set();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MonitorBox {
    pub(super) fn new(tier: Tier, wake: Arc<Wake>, max_bytes: usize) -> Self {
        Self { tier, wake, queue: Mutex::default(), max_bytes }
    }

    /// Puts something behind what waits; false if there is no room, or the monitor is gone.
    pub(super) fn push(&self, item: LiveItem) -> bool {
        let mut queue = self.queue();
        let len = item.len();
        if queue.is_over || queue.bytes.saturating_add(len) > self.max_bytes {
            return false;
        }
        queue.bytes = queue.bytes.saturating_add(len);
        queue.items.push_back(item);
        drop(queue);
        self.wake.set();
        true
    }

    pub(super) fn pop(&self) -> Option<LiveItem> {
        let mut queue = self.queue();
        let item = queue.items.pop_front()?;
        queue.bytes = queue.bytes.saturating_sub(item.len());
        Some(item)
    }

    /// Takes nothing more, and gives back what waits.
    pub(super) fn end(&self) -> VecDeque<LiveItem> {
        let mut queue = self.queue();
        queue.is_over = true;
        std::mem::take(&mut queue.items)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LiveItem {
    const fn len(&self) -> usize {
        let bytes = match self {
            Self::Context(bytes) => bytes.len(),
            Self::Record { record, .. } => record.len(),
        };
        bytes.saturating_add(OVERHEAD)
    }
}

/// What an item takes beside its bytes.
const OVERHEAD: usize = 64;
