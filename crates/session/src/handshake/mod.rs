//! One handshake, whatever carries it: what either side said, and how far it came.

mod client;
mod messages;
mod opened;
mod server;

use std::sync::Arc;

use event::{AlertDetail, Carrier, Certificate, Messages, Name, Timestamp, X509};
use flow::Direction;
use tls::ProtocolVersion;
use tls::registry::{AlertDescription, AlertLevel};

pub(crate) use self::client::ClientSide;
pub(crate) use self::opened::EarlyDataAnswer;
pub(crate) use self::server::{Retry, ServerSide, SignedKeyExchange};
use crate::both::Both;
use crate::marks::{Anomaly, Marks, Partial};

/// What was seen of one handshake.
#[derive(Debug)]
pub(crate) struct Handshake {
    pub(crate) carrier: Carrier,
    pub(crate) quic_version: Option<Name>,
    pub(crate) starttls: Option<&'static str>,
    pub(crate) client: Option<ClientSide>,
    pub(crate) server: Option<ServerSide>,
    pub(crate) retry: Option<Retry>,
    pub(crate) server_chain: Vec<Arc<Certificate>>,
    pub(crate) client_chain: Vec<Arc<Certificate>>,
    pub(crate) key_exchange: Option<SignedKeyExchange>,
    pub(crate) client_certificate_requested: bool,
    pub(crate) requested_authorities: Vec<String>,
    pub(crate) ocsp_response: Option<Name>,
    pub(crate) ticket_lifetime_hint: Option<u32>,
    pub(crate) alerts: Vec<AlertDetail>,
    pub(crate) messages: Messages,
    pub(crate) partial: Marks<Partial>,
    pub(crate) anomalies: Marks<Anomaly>,
    /// Names of what was out of order in QUIC packets.
    pub(crate) quic_anomalies: Vec<&'static str>,
    pub(crate) times: Times,
    pub(crate) early_data_answer: EarlyDataAnswer,
    /// Whether secrets showed any of it.
    pub(crate) is_opened: bool,
    /// How the server signed a handshake of TLS 1.3.
    pub(crate) signature: Option<Name>,
    /// Whether an OCSP response came with the server's certificate in TLS 1.3.
    pub(crate) has_ocsp_staple: bool,
    pub(crate) renegotiations: u32,
    is_renegotiating: bool,
    /// An alert came after the handshake: most likely the end, which datagrams have no other sign of.
    is_closed: bool,
    held_bytes: usize,
    client_direction: Direction,
    is_client_known: bool,
    has_hello: bool,
    progress: Both<Progress>,
    client_record_before_server: Option<usize>,
    state: State,
}

/// When the stages were seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) client_hello: Option<Timestamp>,
    pub(crate) server_hello: Option<Timestamp>,
    pub(crate) certificate: Option<Timestamp>,
    pub(crate) finished: Option<Timestamp>,
}

/// How far the handshake came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    UnderWay,
    Established,
    Failed,
}

/// What one direction sent beside clear handshake messages.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    has_sent: bool,
    change_cipher_spec: bool,
    finished: bool,
    application_data: u32,
}

impl Handshake {
    pub(crate) fn over_tcp(direction: Direction, now: Timestamp) -> Self {
        Self::new(Carrier::Tcp, direction, now)
    }

    pub(crate) fn over_dtls(direction: Direction, now: Timestamp) -> Self {
        Self::new(Carrier::Dtls, direction, now)
    }

    /// Of a QUIC connection, whose keys have told the client.
    pub(crate) fn over_quic(client_direction: Direction, now: Timestamp) -> Self {
        let mut handshake = Self::new(Carrier::Quic, client_direction, now);
        handshake.set_client(client_direction);
        handshake
    }

    fn new(carrier: Carrier, direction: Direction, now: Timestamp) -> Self {
        Self {
            carrier,
            quic_version: None,
            starttls: None,
            client: None,
            server: None,
            retry: None,
            server_chain: Vec::new(),
            client_chain: Vec::new(),
            key_exchange: None,
            client_certificate_requested: false,
            requested_authorities: Vec::new(),
            ocsp_response: None,
            ticket_lifetime_hint: None,
            alerts: Vec::new(),
            messages: Messages::default(),
            partial: Marks::default(),
            anomalies: Marks::default(),
            quic_anomalies: Vec::new(),
            times: Times {
                start: now,
                end: now,
                client_hello: None,
                server_hello: None,
                certificate: None,
                finished: None,
            },
            early_data_answer: EarlyDataAnswer::Unknown,
            is_opened: false,
            signature: None,
            has_ocsp_staple: false,
            renegotiations: 0,
            is_renegotiating: false,
            is_closed: false,
            held_bytes: size_of::<Self>(),
            client_direction: direction,
            is_client_known: false,
            has_hello: false,
            progress: Both::default(),
            client_record_before_server: None,
            state: State::UnderWay,
        }
    }

    /// Forgets all that was seen, and holds nothing.
    pub(crate) fn empty(&mut self) {
        *self = Self::new(self.carrier, self.client_direction, self.times.start);
    }

    /// The direction of the client's messages; the initiator's until a message tells.
    pub(crate) fn client_direction(&self) -> Direction {
        if self.is_client_known { self.client_direction } else { Direction::FromInitiator }
    }

    /// Whether a message told which side is the client.
    pub(crate) const fn is_client_known(&self) -> bool {
        self.is_client_known
    }

    /// Whether there is anything to report.
    pub(crate) const fn is_worth_reporting(&self) -> bool {
        self.has_hello || !self.server_chain.is_empty() || !self.client_chain.is_empty()
    }

    pub(crate) fn is_established(&self) -> bool {
        self.state == State::Established
    }

    pub(crate) fn is_failed(&self) -> bool {
        self.state == State::Failed
    }

    /// Whether nothing more is to be learned.
    ///
    /// Up to TLS 1.2 the first application data are waited for: a renegotiation may come before. So
    /// is the end of the client's handshake, as its packets may come behind the server's data.
    pub(crate) fn is_over(&self) -> bool {
        if !self.is_established() {
            return self.progress.iter().any(|side| side.application_data > MAX_OPAQUE_RECORDS);
        }
        let client = self.progress[self.client_direction()];
        let has_data = self.progress.iter().any(|side| side.application_data > 0);
        let is_complete = has_data && (client.finished || client.application_data > 0);
        let is_closed = self.is_closed && self.carrier == Carrier::Dtls;
        is_complete
            || is_closed
            || self.is_tls13_or_later()
            || self.progress.iter().any(|side| side.application_data > MAX_OPAQUE_RECORDS)
    }

    pub(crate) fn has_server(&self) -> bool {
        self.progress[self.client_direction().opposite()].has_sent
    }

    pub(crate) fn server_changed_cipher_spec(&self) -> bool {
        self.progress[self.client_direction().opposite()].change_cipher_spec
    }

    pub(crate) fn is_sslv2(&self) -> bool {
        self.client.as_ref().is_some_and(ClientSide::is_sslv2_only)
            || self.server.as_ref().is_some_and(|server| server.version == ProtocolVersion::SSL2)
    }

    pub(crate) fn is_tls13_or_later(&self) -> bool {
        self.retry.is_some()
            || self.server.as_ref().is_some_and(|server| server.version.is_tls13_or_later())
    }

    pub(crate) fn set_starttls(&mut self, protocol: Option<&'static str>) {
        self.starttls = protocol;
    }

    pub(crate) fn set_quic_version(&mut self, version: Name) {
        self.quic_version = Some(version);
    }

    pub(crate) fn add_partial(&mut self, partial: Partial) {
        self.partial.add(partial);
    }

    pub(crate) fn add_anomaly(&mut self, anomaly: Anomaly) {
        self.anomalies.add(anomaly);
    }

    pub(crate) fn add_anomalies(&mut self, anomalies: Marks<Anomaly>) {
        self.anomalies.add_all(anomalies);
    }

    pub(crate) fn add_quic_anomaly(&mut self, name: &'static str) {
        if self.quic_anomalies.len() < MAX_QUIC_ANOMALIES && !self.quic_anomalies.contains(&name) {
            self.quic_anomalies.push(name);
        }
    }

    /// Takes note that the flow ended before the handshake did.
    pub(crate) fn end(&mut self, reason: Partial) {
        if self.state == State::UnderWay {
            self.conclude_from_one_side();
        }
        match self.state {
            State::Established | State::Failed => {}
            State::UnderWay => {
                self.partial.add(reason);
                if reason == Partial::Aborted && self.has_hello {
                    self.state = State::Failed;
                }
            }
        }
    }

    /// A client of TLS 1.2 or before sends application data only after the server's `Finished`, so
    /// where nothing of the server was captured they tell that the handshake succeeded.
    fn conclude_from_one_side(&mut self) {
        let client = self.progress[self.client_direction()];
        if !self.has_server() && client.change_cipher_spec && client.application_data > 0 {
            self.state = State::Established;
        }
    }

    pub(crate) fn on_change_cipher_spec(&mut self, direction: Direction) {
        let progress = &mut self.progress[direction];
        progress.has_sent = true;
        progress.change_cipher_spec = true;
    }

    /// A handshake record whose content is encrypted: `Finished`, up to TLS 1.2.
    pub(crate) fn on_encrypted_handshake(&mut self, now: Timestamp, direction: Direction) {
        if self.state == State::Established && self.progress[direction].finished {
            self.on_renegotiation(direction);
            return;
        }
        let progress = &mut self.progress[direction];
        progress.has_sent = true;
        progress.finished = true;
        self.times.end = now;
        if self.progress.iter().all(|side| side.finished) {
            self.establish(now);
        }
    }

    /// Handshake records after the handshake: all of a renegotiation's, its own `Finished` included.
    fn on_renegotiation(&mut self, direction: Direction) {
        if direction == self.client_direction() && !self.is_renegotiating {
            self.is_renegotiating = true;
            self.renegotiations = self.renegotiations.saturating_add(1);
        }
    }

    pub(crate) fn on_application_data(&mut self, now: Timestamp, direction: Direction, len: usize) {
        let is_client = direction == self.client_direction();
        self.note_application_data(direction);
        let changed_cipher_spec = self.progress[direction].change_cipher_spec;
        if is_client && self.server.is_none() {
            self.client_record_before_server.get_or_insert(len);
        }
        if self.is_tls13_or_later() {
            if is_client && self.server.is_some() {
                self.on_tls13_client_record(now, len);
            }
        } else if !is_client && (self.server.is_some() || changed_cipher_spec) {
            self.establish(now);
        }
    }

    /// Judges the client's first encrypted record where it came before the `ServerHello`: without
    /// early data the client has sent it later, and it was the capture that mixed up the two.
    pub(super) fn on_late_server_hello(&mut self, now: Timestamp) {
        let no_early_data = self.client.as_ref().is_some_and(|client| !client.early_data);
        if let Some(len) = self.client_record_before_server
            && no_early_data
            && self.is_tls13_or_later()
        {
            self.on_tls13_client_record(now, len);
        }
    }

    /// The client's first encrypted record after the `ServerHello` holds its `Finished`, the end of
    /// early data before that, or an alert; their lengths tell them apart.
    fn on_tls13_client_record(&mut self, now: Timestamp, len: usize) {
        let has_early_data = self.client.as_ref().is_some_and(|client| client.early_data)
            && self.retry.is_none()
            && self.early_data_answer != EarlyDataAnswer::Accepted;
        match len {
            _ if ALERT_LENGTHS.contains(&len) => {
                self.on_encrypted_alert(now, self.client_direction())
            }
            _ if has_early_data && END_OF_EARLY_DATA_LENGTHS.contains(&len) => {
                self.early_data_answer = EarlyDataAnswer::Accepted;
            }
            _ if has_early_data && !FINISHED_LENGTHS.contains(&len) => {}
            _ => self.establish(now),
        }
    }

    /// A record of DTLS 1.3 that is encrypted; the low bits of its epoch tell the handshake (2)
    /// from application data (3) (RFC 9147 section 6.1).
    pub(crate) fn on_dtls13_record(&mut self, now: Timestamp, direction: Direction, epoch: u8) {
        let progress = &mut self.progress[direction];
        progress.has_sent = true;
        progress.application_data = progress.application_data.saturating_add(1);
        progress.finished |= epoch == 2;
        if self.server.is_some() && (epoch == 3 || self.progress.iter().all(|side| side.finished)) {
            self.establish(now);
        }
    }

    /// A packet with a short header: a client sends one only when its handshake is complete
    /// (RFC 9001 section 5.7).
    pub(crate) fn on_quic_short_header(&mut self, now: Timestamp, direction: Direction) {
        if direction == self.client_direction() && self.server.is_some() {
            self.establish(now);
        }
    }

    /// A QUIC connection that was closed in clear.
    pub(crate) fn on_connection_close(
        &mut self,
        now: Timestamp,
        from_client: bool,
        alert: Option<u8>,
    ) {
        self.times.end = now;
        self.state = State::Failed;
        if let Some(alert) = alert {
            let source = if from_client { "client" } else { "server" };
            self.record_alert(AlertLevel::FATAL, AlertDescription(alert), source);
        }
    }

    /// An alert in clear (RFC 9846 section 6).
    pub(crate) fn on_alert(&mut self, now: Timestamp, direction: Direction, body: &[u8]) {
        self.progress[direction].has_sent = true;
        let &[level, description] = body else {
            self.anomalies.add(Anomaly::MessageMalformed);
            return;
        };
        let (level, description) = (AlertLevel(level), AlertDescription(description));
        let source = if direction == self.client_direction() { "client" } else { "server" };
        self.times.end = now;
        self.record_alert(level, description, source);
        if level == AlertLevel::FATAL && self.state == State::UnderWay {
            self.state = State::Failed;
        }
    }

    fn record_alert(&mut self, level: AlertLevel, code: AlertDescription, source: &'static str) {
        self.messages.alert = self.messages.alert.saturating_add(1);
        if self.alerts.len() < MAX_ALERTS {
            let (severity, kind) = (level.name(), code.name());
            self.alerts.push(AlertDetail { severity, code: code.0, kind, source });
        }
    }

    /// An alert whose content is encrypted. In a handshake that is not over it is no good sign.
    pub(crate) fn on_encrypted_alert(&mut self, now: Timestamp, direction: Direction) {
        self.progress[direction].has_sent = true;
        self.is_closed = true;
        if self.state == State::UnderWay {
            self.times.end = now;
            self.anomalies.add(Anomaly::EncryptedAlert);
            self.state = State::Failed;
        }
    }

    /// A heartbeat in clear (RFC 6520 section 4): type, length of the payload, payload, padding.
    pub(crate) fn on_heartbeat(&mut self, body: &[u8]) {
        const REQUEST: u8 = 1;
        if let &[REQUEST, high, low, ref rest @ ..] = body
            && usize::from(u16::from_be_bytes([high, low])) > rest.len()
        {
            self.anomalies.add(Anomaly::HeartbeatOverread);
        }
    }

    /// Length of the connection id that the sender of `direction` asked its peer to use.
    pub(crate) fn connection_id_len(&self, direction: Direction) -> Option<u8> {
        if direction == self.client_direction() {
            self.client.as_ref()?.connection_id_len
        } else {
            self.server.as_ref()?.connection_id_len
        }
    }

    /// Heap bytes that it holds, as of the last message.
    pub(crate) const fn heap_size(&self) -> usize {
        self.held_bytes
    }

    fn measure(&self) -> usize {
        let hellos = self.client.as_ref().map_or(0, ClientSide::heap_size)
            + self.server.as_ref().map_or(0, ServerSide::heap_size);
        let certificates: usize =
            self.server_chain.iter().chain(&self.client_chain).map(certificate_size).sum();
        let authorities: usize = self.requested_authorities.iter().map(String::capacity).sum();
        let alerts = self.alerts.capacity() * size_of::<AlertDetail>();
        size_of::<Self>() + hellos + certificates + authorities + alerts
    }

    fn set_client(&mut self, direction: Direction) {
        if !self.is_client_known {
            self.client_direction = direction;
            self.is_client_known = true;
        }
    }

    fn note_application_data(&mut self, direction: Direction) {
        let progress = &mut self.progress[direction];
        progress.has_sent = true;
        progress.application_data = progress.application_data.saturating_add(1);
    }

    fn establish(&mut self, now: Timestamp) {
        if self.state == State::UnderWay {
            self.state = State::Established;
            self.times.end = now;
            self.times.finished = Some(now);
        }
    }
}

/// Heap bytes of a certificate: the text of its fields is there once more as JSON.
fn certificate_size(certificate: &Arc<Certificate>) -> usize {
    let bytes = certificate.x509.json_len() * 2 + size_of::<Certificate>() + size_of::<X509>();
    client::share(certificate, bytes)
}

/// Kinds of anomalies of QUIC packets that are named; there are about a dozen.
const MAX_QUIC_ANOMALIES: usize = 16;

/// Alerts of one session that are described; all are counted.
const MAX_ALERTS: usize = 16;

/// Encrypted records of one direction after which a session whose other direction is not seen to
/// get on is reported as it is: more than the flights of any handshake.
const MAX_OPAQUE_RECORDS: u32 = 32;

/// Lengths of an encrypted alert: two bytes, the content type and a tag of 16 or 8 bytes.
const ALERT_LENGTHS: [usize; 2] = [2 + 1 + 16, 2 + 1 + 8];

/// Lengths of an encrypted `EndOfEarlyData`: a message header, the content type and a tag.
const END_OF_EARLY_DATA_LENGTHS: [usize; 2] = [4 + 1 + 16, 4 + 1 + 8];

/// Lengths of an encrypted `Finished` with a hash of 32 or 48 bytes.
const FINISHED_LENGTHS: [usize; 4] =
    [4 + 32 + 1 + 16, 4 + 48 + 1 + 16, 4 + 32 + 1 + 8, 4 + 48 + 1 + 8];
