//! Master secrets of SSL 3.0 to TLS 1.2, from whatever is known.

use std::sync::Arc;

use secrets::{KeyLogEntry, KeyStore, Label, LegacySession, Secret};
use tls::registry::KeyExchangeMethod;

use super::hellos::{ClientChoice, Hellos, ServerChoice, Transcript};

/// The session that the hellos agreed on, if its records can be opened.
pub(super) fn session(hellos: &Hellos) -> Option<LegacySession> {
    let (client, server) = (hellos.client.as_ref()?, hellos.server.as_ref()?);
    if server.version.is_tls13_or_later() || server.is_compressed {
        return None;
    }
    Some(LegacySession {
        version: server.version,
        suite: server.suite?,
        client_random: client.random,
        server_random: server.random,
        encrypt_then_mac: server.encrypt_then_mac,
    })
}

/// The master secrets that may be that of the session.
pub(super) fn masters(
    keys: &KeyStore,
    hellos: &Hellos,
    session: &LegacySession,
) -> Vec<Arc<Secret>> {
    let (Some(client), Some(server)) = (&hellos.client, &hellos.server) else { return Vec::new() };
    let mut masters = keys.by_random(&client.random, Label::ClientRandom);
    masters.extend(resumed(keys, hellos, client, server));
    let premasters = keys
        .by_random(&client.random, Label::PremasterSecret)
        .into_iter()
        .chain(premasters(keys, hellos, server));
    masters.extend(premasters.filter_map(|premaster| {
        let hash = match (server.extended_master_secret, &hellos.transcript) {
            (false, _) => None,
            (true, Transcript::Whole(messages)) => Some(session.session_hash(messages)),
            (true, Transcript::Unwanted | Transcript::Open(_)) => return None,
        };
        Some(Arc::new(session.master_secret(&premaster, hash.as_deref())))
    }));
    masters
}

/// Makes a master secret known for sessions that resume this one.
pub(super) fn remember(keys: &KeyStore, hellos: &Hellos, master: &Secret) {
    if let Some(server) = hellos.server.as_ref().filter(|server| !server.session_id.is_empty()) {
        keys.add(KeyLogEntry::SessionId {
            id: server.session_id.clone(),
            secret: Secret::new(master.dangerous_bytes()),
        });
    }
}

/// The same for those that come back with a ticket.
pub(super) fn remember_ticket(keys: &KeyStore, ticket: &[u8], master: &Secret) {
    let secret = Secret::new(master.dangerous_bytes());
    keys.add(KeyLogEntry::SessionId { id: secrets::ticket_id(ticket), secret });
}

/// The master secret of the session that this one resumes: there is no key exchange of its own.
fn resumed(
    keys: &KeyStore,
    hellos: &Hellos,
    client: &ClientChoice,
    server: &ServerChoice,
) -> Vec<Arc<Secret>> {
    let by_id =
        Some(&server.session_id).filter(|id| !id.is_empty()).and_then(|id| keys.by_session_id(id));
    let by_ticket = Some(&client.ticket)
        .filter(|ticket| !ticket.is_empty() && hellos.client_key_exchange.is_none())
        .and_then(|ticket| keys.by_session_id(&secrets::ticket_id(ticket)));
    by_id.into_iter().chain(by_ticket).collect()
}

/// Premaster secrets that private keys or pre-shared keys give.
fn premasters(keys: &KeyStore, hellos: &Hellos, server: &ServerChoice) -> Vec<Arc<Secret>> {
    if hellos.client_key_exchange.is_none() {
        return Vec::new();
    }
    let method = server.cipher_suite.key_exchange();
    if matches!(method, Some(KeyExchangeMethod::Rsa | KeyExchangeMethod::RsaExport)) {
        hellos.encrypted_premaster().map(|it| keys.premasters(it)).unwrap_or_default()
    } else if method == Some(KeyExchangeMethod::Psk) {
        keys.psks().iter().map(|psk| Arc::new(Secret::psk_premaster(psk, None))).collect()
    } else if method == Some(KeyExchangeMethod::RsaPsk) {
        let encrypted = hellos.encrypted_premaster_behind_identity();
        let of_rsa = encrypted.map(|it| keys.premasters(it)).unwrap_or_default();
        let psks = keys.psks();
        let pairs = of_rsa.iter().flat_map(|rsa| psks.iter().map(move |psk| (rsa, psk)));
        pairs.map(|(rsa, psk)| Arc::new(Secret::psk_premaster(psk, Some(rsa)))).collect()
    } else {
        Vec::new()
    }
}
