//! Why a record is partial, and what was out of order in the handshake as a whole.

use event::{Name, Transport};
use flow::{Direction, Flow};
use tls::ProtocolVersion;

use super::posture::Posture;
use crate::handshake::Handshake;
use crate::marks::{Anomaly, Partial};

/// Adds the marks that only the whole handshake tells.
pub(super) fn complete_marks(flow: &Flow, handshake: &mut Handshake, posture: &Posture) {
    let client = handshake.client_direction();
    let is_midstream = Direction::BOTH.into_iter().any(|side| flow.starts_mid_stream(side));
    if is_midstream {
        handshake.add_partial(Partial::Midstream);
    }
    if flow.packets(client.opposite()) == 0 {
        handshake.add_partial(Partial::ClientOnly);
    }
    if flow.packets(client) == 0 {
        handshake.add_partial(Partial::ServerOnly);
    }
    if flow.truncated_by_snaplen() {
        handshake.add_partial(Partial::Truncated);
    }
    let is_guess = !flow.initiator_observed() && !handshake.is_client_known();
    if is_guess && flow.transport() == Transport::Tcp {
        handshake.add_partial(Partial::RolesGuessed);
    }
    let found = [
        cipher_not_offered(handshake, posture),
        group_not_offered(handshake, posture),
        version_not_offered(handshake),
        downgrade(handshake, posture),
    ];
    for anomaly in found.into_iter().flatten() {
        handshake.add_anomaly(anomaly);
    }
}

/// The names of all that was out of order, each once.
pub(super) fn anomalies(handshake: &Handshake) -> Vec<Name> {
    let mut names = handshake.anomalies.names();
    let hellos = handshake
        .client
        .iter()
        .map(|client| client.anomalies)
        .chain(handshake.server.iter().map(|server| server.anomalies));
    names.extend(hellos.flat_map(|found| found.names()).map(Name::Borrowed));
    let chains = handshake.server_chain.iter().chain(&handshake.client_chain);
    names.extend(handshake.quic_anomalies.iter().map(|&name| Name::Borrowed(name)));
    names.extend(chains.flat_map(|certificate| certificate.anomalies.iter().cloned()));
    if names.len() > 1 {
        let mut seen = std::collections::BTreeSet::new();
        names.retain(|name| seen.insert(name.clone()));
    }
    names
}

fn cipher_not_offered(handshake: &Handshake, posture: &Posture) -> Option<Anomaly> {
    let offered = &handshake.client.as_ref()?.info.as_ref()?.supported_ciphers;
    let chosen = posture.cipher.as_ref()?;
    (!offered.contains(chosen)).then_some(Anomaly::CipherNotOffered)
}

fn group_not_offered(handshake: &Handshake, posture: &Posture) -> Option<Anomaly> {
    let offered = handshake.client.as_ref()?.info.as_ref()?.offered_groups.as_ref()?;
    let chosen = posture.group_name.as_ref()?;
    (!offered.contains(chosen)).then_some(Anomaly::GroupNotOffered)
}

fn version_not_offered(handshake: &Handshake) -> Option<Anomaly> {
    let (client, server) = (handshake.client.as_ref()?, handshake.server.as_ref()?);
    (server.version.age_rank() > client.highest_version.age_rank())
        .then_some(Anomaly::VersionNotOffered)
}

/// A sentinel is a sign of an attack if the client offered what the server says it speaks
/// (RFC 9846 section 4.1.3).
fn downgrade(handshake: &Handshake, posture: &Posture) -> Option<Anomaly> {
    let client = handshake.client.as_ref()?;
    let offered = match posture.downgrade_sentinel? {
        "1.2" => client.offers_tls13(),
        _ => client.highest_version.age_rank() >= ProtocolVersion::TLS12.age_rank(),
    };
    offered.then_some(Anomaly::DowngradeSentinel)
}
