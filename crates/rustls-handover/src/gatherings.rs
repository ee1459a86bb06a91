//! The secrets of sessions whose handshake goes on.

use std::collections::{HashMap, VecDeque};
use std::fmt;

use handover::{Gathering, Stage, TakenSecret, Told};

/// By the random of the client.
#[derive(Default)]
pub(crate) struct Gatherings {
    by_random: HashMap<[u8; 32], Gathering>,
    /// Randoms, those that came first in front; some are gone.
    order: VecDeque<[u8; 32]>,
}

impl Gatherings {
    /// Adds a secret; gives those to be told, if this one makes them complete.
    pub(crate) fn add(&mut self, random: &[u8; 32], secret: TakenSecret) -> Option<Told> {
        if !self.by_random.contains_key(random) {
            self.order.push_back(*random);
            while self.order.len() > MAX_SESSIONS {
                // A handshake that was given up, or one of more at a time than anybody has.
                if let Some(oldest) = self.order.pop_front() {
                    self.by_random.remove(&oldest);
                }
            }
        }
        let told = self.by_random.entry(*random).or_default().add(random, secret)?;
        if told.stage == Stage::Application {
            self.by_random.remove(random);
        }
        Some(told)
    }
}

impl fmt::Debug for Gatherings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gatherings").field("sessions", &self.by_random.len()).finish()
    }
}

/// Handshakes at a time.
const MAX_SESSIONS: usize = 16_384;
