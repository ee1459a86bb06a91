//! What the messages of a handshake mean together.

use event::{EarlyData, KeyExchangeClass, Name, ResumptionInfo, ResumptionMethod};
use tls::ProtocolVersion;
use tls::key_exchange::Negotiated;

use crate::handshake::{ClientSide, EarlyDataAnswer, Handshake, ServerSide};

/// What was negotiated, and how good it is.
#[derive(Debug)]
pub(super) struct Posture {
    pub(super) version: Option<ProtocolVersion>,
    pub(super) cipher: Option<Name>,
    pub(super) group_name: Option<Name>,
    pub(super) class: Option<KeyExchangeClass>,
    pub(super) forward_secret: Option<bool>,
    pub(super) resumption: ResumptionInfo,
    pub(super) early_data: EarlyData,
    pub(super) downgrade_sentinel: Option<&'static str>,
}

impl Posture {
    pub(super) fn of(handshake: &Handshake) -> Self {
        let resumption = resumption(handshake);
        let (server, retry) = (handshake.server.as_ref(), handshake.retry.as_ref());
        let version = server.map(|side| side.version).or(retry.map(|retry| retry.version));
        let cipher_suite = match server {
            Some(side) => side.cipher_suite,
            None => retry.and_then(|retry| retry.cipher_suite),
        };
        let group = handshake
            .key_exchange
            .as_ref()
            .and_then(|exchange| exchange.group)
            .or(server.and_then(|side| side.group));
        let meaning = server.zip(cipher_suite).map(|(side, cipher_suite)| {
            let psk_selected = side.selected_psk.is_some();
            let resumed = resumption.accepted;
            Negotiated { version: side.version, cipher_suite, group, psk_selected, resumed }
                .meaning()
        });
        let meaning = meaning.unwrap_or_default();
        Self {
            version,
            cipher: cipher_suite.map(|suite| suite.name()),
            group_name: meaning.group.map(|group| group.name()),
            class: meaning.class,
            forward_secret: meaning.forward_secret,
            resumption,
            early_data: early_data(handshake),
            downgrade_sentinel: server.and_then(|server| server.downgrade_sentinel),
        }
    }
}

/// Number of signed certificate timestamps in the server's certificate and hello, if either was
/// seen.
pub(super) fn scts(handshake: &Handshake) -> Option<u32> {
    let embedded = handshake.server_chain.first().map(|leaf| leaf.scts);
    let sent = handshake.server.as_ref().and_then(|server| server.scts);
    match (embedded, sent) {
        (None, None) => None,
        (embedded, sent) => Some(embedded.unwrap_or(0).saturating_add(sent.unwrap_or(0))),
    }
}

fn resumption(handshake: &Handshake) -> ResumptionInfo {
    let server = handshake.server.as_ref();
    let is_tls13 = handshake.is_tls13_or_later();
    let Some(client) = &handshake.client else {
        let accepted = server.is_some_and(|server| server.selected_psk.is_some());
        return ResumptionInfo {
            method: accepted.then_some(ResumptionMethod::Psk),
            offered: accepted,
            accepted,
        };
    };
    if is_tls13 || (server.is_none() && client.offers_psk) {
        let accepted = server.is_some_and(|server| server.selected_psk.is_some());
        let method = client.offers_psk.then_some(ResumptionMethod::Psk);
        return ResumptionInfo { method, offered: client.offers_psk, accepted };
    }
    let has_id = !client.session_id.as_bytes().is_empty() && !client.offers_tls13();
    let accepted = server.is_some_and(|server| is_abbreviated(handshake, client, server));
    let method = if client.has_ticket {
        Some(ResumptionMethod::Ticket)
    } else if has_id || accepted {
        Some(ResumptionMethod::Id)
    } else {
        None
    };
    ResumptionInfo { method, offered: client.has_ticket || has_id || accepted, accepted }
}

/// Whether a handshake up to TLS 1.2 was abbreviated: the server went to its `Finished` without a
/// certificate or a key exchange (RFC 5246 section 7.3, RFC 5077 section 3.1).
///
/// The echo of the session id alone does not tell: a server may echo it in a full handshake.
fn is_abbreviated(handshake: &Handshake, client: &ClientSide, server: &ServerSide) -> bool {
    let echoed = !server.session_id.as_bytes().is_empty() && server.session_id == client.session_id;
    let messages = &handshake.messages;
    let is_full = messages.certificate > 0
        || messages.server_key_exchange > 0
        || messages.client_key_exchange > 0;
    (echoed || client.has_ticket) && !is_full && handshake.server_changed_cipher_spec()
}

/// What became of early data. The server's answer is encrypted, but it may not take early data
/// after a retry, in an older version, or with any but the first key offered (RFC 9846 section
/// 4.2.10), and the client's `EndOfEarlyData` shows that it did.
fn early_data(handshake: &Handshake) -> EarlyData {
    if !handshake.client.as_ref().is_some_and(|client| client.early_data) {
        return EarlyData::None;
    }
    match &handshake.server {
        _ if handshake.retry.is_some() => EarlyData::Rejected,
        Some(server) if server.selected_psk != Some(0) => EarlyData::Rejected,
        _ if handshake.early_data_answer == EarlyDataAnswer::Accepted => EarlyData::Accepted,
        _ if handshake.early_data_answer == EarlyDataAnswer::Rejected => EarlyData::Rejected,
        _ => EarlyData::Offered,
    }
}
