//! Secrets of TLS 1.3 that follow from a pre-shared key alone.

use flow::Direction;
use secrets::{ExternalPsk, KeyLogEntry, Label, Secret};

use super::hellos::Transcript;
use super::{Carrier, Opening};

impl Opening {
    /// Finds out which of the keys that were given a client offers, and what protects its early data.
    pub(super) fn on_psks_offered(&mut self, hello: &[u8]) {
        self.psk = None;
        let psks = self.keys.psks();
        if psks.is_empty() || self.carrier != Carrier::Tcp {
            return;
        }
        self.psk = ExternalPsk::of_client_hello(&psks, hello);
        let has_early_data = self.hellos.client.as_ref().is_some_and(|it| it.has_early_data);
        if let Some(psk) = self.psk.as_ref().filter(|_| has_early_data) {
            let early = psk.early_traffic(hello);
            self.learn([(Label::ClientEarlyTraffic, early)]);
        }
    }

    /// Derives the secrets of the handshake, if a pre-shared key is all that they follow from.
    pub(super) fn on_psk_taken(&mut self) {
        let is_psk_only = self
            .hellos
            .server
            .as_ref()
            .is_some_and(|server| server.is_psk_only && server.version.is_tls13_or_later());
        if !is_psk_only || self.carrier != Carrier::Tcp {
            self.psk = None;
            return;
        }
        let Some(psk) = &self.psk else {
            self.has_wrong_psk = !self.keys.psks().is_empty();
            return;
        };
        let messages = self.hellos.tls13_transcript(psk);
        if let Some([client, server]) = messages.and_then(|it| psk.handshake_traffic(&it)) {
            self.learn([
                (Label::ClientHandshakeTraffic, Some(client)),
                (Label::ServerHandshakeTraffic, Some(server)),
            ]);
        }
    }

    /// Derives the secrets of the application data behind the server's `Finished`.
    pub(super) fn on_psk_finished(&mut self, direction: Direction) {
        let is_server = self.hellos.client.as_ref().is_some_and(|it| it.direction != direction);
        let Some(psk) = self.psk.take_if(|_| is_server) else { return };
        let messages = self.hellos.tls13_transcript(&psk);
        self.hellos.transcript = Transcript::Unwanted;
        if let Some([client, server]) = messages.and_then(|it| psk.application_traffic(&it)) {
            self.learn([
                (Label::ClientTraffic(0), Some(client)),
                (Label::ServerTraffic(0), Some(server)),
            ]);
            self.look_up();
        }
    }

    fn learn<const N: usize>(&self, secrets: [(Label, Option<Secret>); N]) {
        let Some(random) = self.hellos.client.as_ref().map(|client| client.random) else { return };
        for (label, secret) in secrets {
            if let Some(secret) = secret {
                self.keys.add(KeyLogEntry::Random { label, random, secret });
            }
        }
    }
}
