//! What stands in the way of a post-quantum key exchange.

use event::KeyExchangeClass;
use serde::Serialize;

use crate::posture::Posture;

/// Who has to act before an edge is post-quantum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Blocker {
    /// The client does not offer it.
    Client,
    /// The server does not choose it though it is offered.
    Server,
    /// The client does not always offer it, and the server does not choose it when somebody does.
    Both,
}

/// What is known of a server from all who talk to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerAbility {
    has_chosen: bool,
    has_refused: bool,
}

/// How far an edge is, as its postures say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Migration {
    has_post_quantum: bool,
    is_held_back: bool,
    is_not_offered: bool,
    is_refused: bool,
}

impl ServerAbility {
    /// Takes note of one posture that the server agreed to.
    pub fn add(&mut self, posture: &Posture) {
        match posture.is_post_quantum() {
            Some(true) => self.has_chosen = true,
            Some(false) => self.has_refused |= refuses(posture),
            None => {}
        }
    }

    /// Whether it was asked and never did.
    const fn cannot(self) -> bool {
        self.has_refused && !self.has_chosen
    }
}

impl Migration {
    /// Takes note of one posture of the edge.
    pub fn add(&mut self, posture: &Posture) {
        match posture.is_post_quantum() {
            Some(true) => self.has_post_quantum = true,
            Some(false) => {
                self.is_held_back = true;
                self.is_not_offered |= posture.offers_post_quantum == Some(false);
                self.is_refused |= refuses(posture);
            }
            None => {}
        }
    }

    /// Whether all that is known of it is post-quantum.
    #[must_use]
    pub const fn is_done(self) -> bool {
        self.has_post_quantum && !self.is_held_back
    }

    /// Whether some of its key exchanges are not post-quantum.
    #[must_use]
    pub const fn is_held_back(self) -> bool {
        self.is_held_back
    }

    /// Who stands in the way; absent if nobody does, or if it was not seen what the client offers.
    #[must_use]
    pub const fn blocker(self, server: ServerAbility) -> Option<Blocker> {
        match (self.is_not_offered, self.is_refused || server.cannot()) {
            (true, true) => Some(Blocker::Both),
            (true, false) => Some(Blocker::Client),
            (false, true) if self.is_refused => Some(Blocker::Server),
            (false, _) => None,
        }
    }
}

impl Blocker {
    /// The name that JSON uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Both => "both",
        }
    }
}

impl Posture {
    /// Whether the key exchange is post-quantum, of handshakes that were completed.
    #[must_use]
    pub fn is_post_quantum(&self) -> Option<bool> {
        let class = self.class.filter(|_| self.established)?;
        Some(matches!(class, KeyExchangeClass::HybridPq | KeyExchangeClass::Pq))
    }
}

/// Whether the server chose something else though it was offered. A resumption has no choice.
fn refuses(posture: &Posture) -> bool {
    posture.offers_post_quantum == Some(true) && !posture.resumed
}
