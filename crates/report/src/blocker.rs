//! What stands in the way of a post-quantum key exchange.

use event::KeyExchangeClass;
use policy::Posture;
use serde::Serialize;

/// Who has to act before an edge is post-quantum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Blocker {
    /// The client offers no post-quantum group.
    Client,
    /// The server took none though it was offered.
    Server,
    /// The client offers none, and to others that do the server gives none.
    Both,
}

/// What is known of a server from all who talk to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerAbility {
    has_chosen: bool,
    has_refused: bool,
}

impl ServerAbility {
    /// Takes note of one posture that the server agreed to.
    pub fn add(&mut self, posture: &Posture) {
        match is_post_quantum(posture) {
            Some(true) => self.has_chosen = true,
            Some(false) if posture.offers_post_quantum == Some(true) && !posture.resumed => {
                self.has_refused = true;
            }
            Some(false) | None => {}
        }
    }

    /// Whether the server can; absent if nobody has tried.
    #[must_use]
    pub const fn can(self) -> Option<bool> {
        match (self.has_chosen, self.has_refused) {
            (true, _) => Some(true),
            (false, true) => Some(false),
            (false, false) => None,
        }
    }
}

/// Who stands in the way on an edge that is not post-quantum; absent if it is not known what the client
/// offers.
///
/// A client that offers nothing stands in the way whatever the server can.
#[must_use]
pub const fn blocker(client_offers: Option<bool>, server: ServerAbility) -> Option<Blocker> {
    match (client_offers, server.can()) {
        (Some(true), _) => Some(Blocker::Server),
        (Some(false), Some(false)) => Some(Blocker::Both),
        (Some(false), Some(true) | None) => Some(Blocker::Client),
        (None, _) => None,
    }
}

/// Whether the key exchange is post-quantum, of handshakes that were completed.
pub(crate) fn is_post_quantum(posture: &Posture) -> Option<bool> {
    let class = posture.class.filter(|_| posture.established)?;
    Some(matches!(class, KeyExchangeClass::HybridPq | KeyExchangeClass::Pq))
}
