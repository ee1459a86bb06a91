//! What secrets show of a handshake.

use std::sync::Arc;

use event::Timestamp;
use flow::Direction;
use tls::Malformed;
use tls::extension::{self, Extensions};
use tls::handshake::{CertificateEntry, CertificateStatus, CertificateVerify};
use tls::registry::{AlertDescription, AlertLevel, ExtensionType, HandshakeType};
use wire::Reader;

use super::Handshake;
use crate::context::Context;
use crate::decryption::{Stage, Verdict};
use crate::marks::{Anomaly, Partial};

/// What became of early data, as far as encrypted messages told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum EarlyDataAnswer {
    #[default]
    Unknown,
    Accepted,
    Rejected,
}

impl Handshake {
    /// Takes a message out of a record that was opened.
    ///
    /// Of a renegotiation only what it adds is taken: the hellos before it tell the session.
    pub(crate) fn on_opened_message(
        &mut self,
        context: &mut Context,
        now: Timestamp,
        direction: Direction,
        kind: HandshakeType,
        body: &[u8],
    ) {
        self.is_opened = true;
        let adds = matches!(
            kind,
            HandshakeType::CERTIFICATE
                | HandshakeType::COMPRESSED_CERTIFICATE
                | HandshakeType::CERTIFICATE_REQUEST
                | HandshakeType::CERTIFICATE_VERIFY
                | HandshakeType::CERTIFICATE_STATUS
                | HandshakeType::NEW_SESSION_TICKET
        );
        if self.is_tls13_or_later() || adds {
            self.on_message(context, now, direction, kind, body);
        }
    }

    /// Takes an alert out of a record that was opened. That a side has nothing more to send is the
    /// regular end.
    pub(crate) fn on_opened_alert(&mut self, now: Timestamp, direction: Direction, alert: &[u8]) {
        self.is_opened = true;
        let &[level, description] = alert else {
            self.add_anomaly(Anomaly::MessageMalformed);
            return;
        };
        if AlertDescription(description) == AlertDescription::CLOSE_NOTIFY && self.is_established()
        {
            self.note_close(direction);
            return;
        }
        // All alerts but the two that close are fatal in TLS 1.3, whatever they say (RFC 9846 section 6).
        let is_closing = matches!(
            AlertDescription(description),
            AlertDescription::CLOSE_NOTIFY | AlertDescription::USER_CANCELED
        );
        let level =
            if self.is_tls13_or_later() && !is_closing { AlertLevel::FATAL.0 } else { level };
        self.on_alert(now, direction, &[level, description]);
    }

    /// Takes note of application data in a record that was opened.
    pub(crate) fn on_opened_data(
        &mut self,
        now: Timestamp,
        direction: Direction,
        stage: Option<Stage>,
    ) {
        self.is_opened = true;
        if stage.is_none() {
            return;
        }
        let is_client = direction == self.client_direction();
        self.note_application_data(direction);
        if is_client && stage == Some(Stage::Application) {
            self.establish(now);
        }
    }

    /// Takes note of what came of secrets.
    pub(crate) fn add_verdict(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Nothing | Verdict::Opened => {}
            Verdict::OpenedInPart => self.add_partial(Partial::Undecryptable),
            Verdict::Mismatch => self.add_partial(Partial::SecretsMismatch),
        }
    }

    /// Whether the server took early data, if that is known.
    pub(crate) fn early_data_verdict(&self) -> Option<bool> {
        match self.early_data_answer {
            EarlyDataAnswer::Unknown => None,
            EarlyDataAnswer::Accepted => Some(true),
            EarlyDataAnswer::Rejected => Some(false),
        }
    }

    /// A `Finished` of TLS 1.3: the client's ends the handshake.
    pub(super) fn on_tls13_finished(&mut self, now: Timestamp, direction: Direction) {
        self.progress[direction].finished = true;
        if direction == self.client_direction() {
            self.establish(now);
        }
    }

    /// `EncryptedExtensions` (RFC 9846 section 4.3.1).
    pub(super) fn on_encrypted_extensions(&mut self, body: &[u8]) -> Result<(), Malformed> {
        let Ok(list) = Reader::new(body).prefixed_u16() else {
            return Err(Malformed::Length { field: "extensions", offset: 0, len: body.len() });
        };
        let extensions = Extensions::new(list);
        if let Some(server) = &mut self.server
            && let Some(alpn) = extensions.find(ExtensionType::ALPN)
        {
            let name = extension::server_alpn(alpn)?;
            server.alpn = Some(Arc::from(&*tls::shape::alpn_text(name)));
        }
        self.early_data_answer = if extensions.contains(ExtensionType::EARLY_DATA) {
            EarlyDataAnswer::Accepted
        } else {
            EarlyDataAnswer::Rejected
        };
        extensions.check()
    }

    /// `CertificateVerify`: in TLS 1.3 the server's tells how it signed.
    pub(super) fn on_certificate_verify(
        &mut self,
        direction: Direction,
        body: &[u8],
    ) -> Result<(), Malformed> {
        if direction != self.client_direction()
            && let Some(server) = self.server.as_ref().filter(|it| it.version.is_tls13_or_later())
        {
            let verify = CertificateVerify::parse(body, server.version)?;
            self.signature = verify.scheme.map(|scheme| scheme.name());
        }
        Ok(())
    }

    /// What the entry of a server's certificate holds beside it (RFC 9846 section 4.4.2).
    pub(super) fn on_leaf_entry(&mut self, entry: &CertificateEntry<'_>) -> Result<(), Malformed> {
        self.has_ocsp_staple = false;
        if let Some(status) = entry.extensions.find(ExtensionType::STATUS_REQUEST) {
            let status = CertificateStatus::parse(status)?;
            self.has_ocsp_staple = true;
            self.ocsp_response = status.response_status().map(|status| status.name());
        }
        if let Some(list) = entry.extensions.find(ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP)
            && let Some(server) = &mut self.server
        {
            server.scts = Some(extension::signed_certificate_timestamps(list)?);
        }
        Ok(())
    }

    fn note_close(&mut self, direction: Direction) {
        self.progress[direction].has_sent = true;
        self.is_closed = true;
    }
}
