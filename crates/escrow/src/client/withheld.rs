//! Secrets of handshakes that monitors get later.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use event::Timestamp;
use secrets::SessionStage;

use super::settings::{ClientSettings, HandshakeSecrets};
use crate::tier::{Divided, Part};

/// What was told of handshakes that are not over, by client random.
#[derive(Default)]
pub(super) struct Withheld {
    sessions: Mutex<Sessions>,
}

#[derive(Default)]
struct Sessions {
    by_random: HashMap<[u8; 32], (Divided, Timestamp)>,
    /// Oldest first.
    order: VecDeque<([u8; 32], Timestamp)>,
}

impl Withheld {
    /// Has `seal` seal what monitors may have at once, and keeps the rest; gives what was kept of the same
    /// session, if its handshake is over.
    pub(super) fn exchange(
        &self,
        settings: &ClientSettings,
        mut divided: Divided,
        now: Timestamp,
        mut seal: impl FnMut(&Divided),
    ) -> Option<Divided> {
        let is_held = settings.handshake_secrets == HandshakeSecrets::WhenOver
            && divided.facts.stage == SessionStage::Hello;
        if !is_held {
            seal(&divided);
            return self.take(&divided.facts.client_random);
        }
        let all = std::mem::take(&mut divided.parts);
        let (held, rest): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|(part, _)| *part == Part::Handshake);
        divided.parts = rest;
        seal(&divided);
        if !held.is_empty() {
            divided.parts = held;
            self.keep(divided, now);
        }
        None
    }

    fn take(&self, client_random: &[u8; 32]) -> Option<Divided> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.by_random.remove(client_random).map(|(divided, _)| divided)
    }

    fn keep(&self, divided: Divided, now: Timestamp) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let random = divided.facts.client_random;
        sessions.by_random.insert(random, (divided, now));
        sessions.order.push_back((random, now));
        sessions.forget(now);
    }

    /// Forgets handshakes that were not over in time.
    pub(super) fn expire(&self, now: Timestamp) {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).forget(now);
    }
}

impl Sessions {
    fn forget(&mut self, now: Timestamp) {
        while let Some((oldest, since)) = self.order.front().copied() {
            let is_old = now.nanos_since(since) > MAX_AGE_NS;
            if !is_old && self.order.len() <= MAX_SESSIONS {
                break;
            }
            self.order.pop_front();
            // The same random may have been told anew.
            if self.by_random.get(&oldest).is_some_and(|(_, at)| *at == since) {
                self.by_random.remove(&oldest);
            }
        }
    }
}

/// Handshakes at a time, at one host.
const MAX_SESSIONS: usize = 4096;

/// One that is not over by then has failed.
const MAX_AGE_NS: u64 = 30_000_000_000;
