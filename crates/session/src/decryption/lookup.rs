//! The secrets of a session, looked up when it is known whose they are.

use std::sync::Arc;

use flow::Direction;
use secrets::{Label, LegacyOpener, Secret, Tls13Opener, TrafficSecrets};

use super::{LegacySide, Opening, legacy};
use crate::both::Both;

impl Opening {
    pub(super) fn on_finished(&mut self, direction: Direction) {
        if let Some(openers) = &mut self.tls13
            && let Some(opener) = &mut openers[direction]
        {
            opener.on_finished();
        }
        self.on_psk_finished(direction);
        if self.tls13.is_none()
            && self.keys.has_premasters()
            && let Some(master) = self.master()
        {
            legacy::remember(&self.keys, &self.hellos, &master);
        }
    }

    /// Whether secrets of a direction may yet come.
    pub(super) fn is_missing(&self, direction: Direction) -> bool {
        let Some(client) = &self.hellos.client else { return false };
        let is_client = client.direction == direction;
        match &self.tls13 {
            Some(_) => {
                let handshake = if is_client {
                    Label::ClientHandshakeTraffic
                } else {
                    Label::ServerHandshakeTraffic
                };
                self.keys.by_random(&client.random, handshake).is_empty()
                    || self.keys.application(&client.random, is_client).is_empty()
            }
            None => self.is_protected(direction) && !self.has_keys(direction),
        }
    }

    /// Whether secrets of a direction may yet come, once those that have come are looked up. A secret that
    /// comes in between is looked up as well: what is not missing is known to what opens records.
    pub(super) fn look_for_missing(&mut self, direction: Direction) -> bool {
        loop {
            let is_missing = self.is_missing(direction);
            if self.generation == self.keys.generation() {
                return is_missing;
            }
            self.look_up();
        }
    }

    /// Looks for the secrets of the session.
    pub(super) fn look_up(&mut self) {
        self.generation = self.keys.generation();
        let Some(client) = &self.hellos.client else { return };
        let (random, client_direction) = (client.random, client.direction);
        let Some(server) = &self.hellos.server else {
            if client.has_early_data {
                self.replace_tls13(client_direction, None);
            }
            return;
        };
        if server.version.is_tls13_or_later() {
            let suite = server.suite;
            self.replace_tls13(client_direction, suite);
            if !self.keys.knows_random(&random) && !self.waiting.is_possible() {
                self.is_exhausted = true;
            }
            return;
        }
        (self.tls13, self.masters) = (None, None);
        for direction in Direction::BOTH {
            if self.is_protected(direction) && self.is_missing(direction) {
                self.legacy[direction] = LegacySide::Protected(self.legacy_opener(direction));
            }
        }
    }

    fn replace_tls13(&mut self, client: Direction, suite: Option<secrets::Suite>) {
        let Some(random) = self.hellos.client.as_ref().map(|client| client.random) else { return };
        let mut before = self.tls13.take().unwrap_or_default();
        let mut openers = Both::default();
        for direction in Direction::BOTH {
            let is_client = direction == client;
            let handshake = if is_client {
                Label::ClientHandshakeTraffic
            } else {
                Label::ServerHandshakeTraffic
            };
            let early = if is_client {
                self.keys.by_random(&random, Label::ClientEarlyTraffic)
            } else {
                Vec::new()
            };
            let secrets = TrafficSecrets {
                early,
                handshake: self.keys.by_random(&random, handshake),
                application: self.keys.application(&random, is_client),
            };
            let mut opener = Tls13Opener::new(suite, &secrets);
            if let Some(before) = before[direction].take() {
                opener.succeed(before);
            }
            openers[direction] = Some(opener);
        }
        self.tls13 = Some(openers);
    }

    pub(super) fn legacy_opener(&mut self, direction: Direction) -> Option<LegacyOpener> {
        let session = legacy::session(&self.hellos)?;
        let is_client = self.hellos.client.as_ref()?.direction == direction;
        let masters =
            self.masters.get_or_insert_with(|| legacy::masters(&self.keys, &self.hellos, &session));
        let label = if is_client { Label::ClientWrite } else { Label::ServerWrite };
        let keys = self.keys.by_random(&session.client_random, label);
        Some(session.opener(is_client, masters, &keys))
    }

    /// The master secret, if there is but one that it may be.
    pub(super) fn master(&mut self) -> Option<Arc<Secret>> {
        if self.masters.is_none() {
            let session = legacy::session(&self.hellos)?;
            self.masters = Some(legacy::masters(&self.keys, &self.hellos, &session));
        }
        match self.masters.as_deref() {
            Some([master]) => Some(Arc::clone(master)),
            _ => None,
        }
    }
}
