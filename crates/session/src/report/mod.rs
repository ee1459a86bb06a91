//! From what was seen of a handshake to its event: the meaning is computed here, once.

mod detailed;
mod judgement;
mod posture;

use std::sync::Arc;

use event::{
    Certificate, CertificateInfo, CertificateState, CommunityId, Downgrade, EventMeta, Evidence,
    KeyExchange, Network, Party, Related, Status, Timing, Tls, TlsClient, TlsEvent, TlsServer,
    Tlsight, Vlan,
};
use flow::{Direction, Flow};

use self::posture::Posture;
use crate::handshake::{Handshake, Times};
use crate::settings::Settings;

/// The event of `handshake`, which `flow` carried. What it can take out of the handshake it takes.
pub(crate) fn event(settings: &Settings, flow: &Flow, handshake: &mut Handshake) -> TlsEvent {
    let posture = Posture::of(handshake);
    judgement::complete_marks(flow, handshake, &posture);
    let client = handshake.client_direction();
    let initiator = if flow.initiator_observed() { Direction::FromInitiator } else { client };
    let server_name = handshake.client.as_ref().and_then(|side| side.server_name.clone());
    let client_party = party(flow, client, None);
    let server_party = party(flow, client.opposite(), server_name);
    let (source, destination) = if initiator == client {
        (client_party.clone(), server_party.clone())
    } else {
        (server_party.clone(), client_party.clone())
    };
    let times = handshake.times;
    TlsEvent {
        timestamp: times.start,
        kind: "tls",
        status: if handshake.is_established() { Status::Ok } else { Status::Error },
        event: meta(handshake),
        source,
        destination,
        network: network(flow),
        process: None,
        container: None,
        orchestrator: None,
        kubernetes: None,
        related: Related { ip: [client_party.ip, server_party.ip] },
        client: client_party,
        server: server_party,
        tls: tls(settings, handshake, &posture),
        tlsight: tlsight(flow, handshake, &posture, settings.evidence),
    }
}

fn meta(handshake: &Handshake) -> EventMeta {
    let Times { start, end, .. } = handshake.times;
    EventMeta {
        kind: "event",
        category: ["network"],
        types: ["connection", "protocol"],
        dataset: "tls",
        start,
        end,
        duration: end.nanos_since(start),
        outcome: if handshake.is_established() {
            "success"
        } else if handshake.is_failed() {
            "failure"
        } else {
            "unknown"
        },
    }
}

fn party(flow: &Flow, direction: Direction, domain: Option<Arc<str>>) -> Party {
    let endpoint = match direction {
        Direction::FromInitiator => flow.initiator(),
        Direction::FromResponder => flow.responder(),
    };
    Party {
        ip: endpoint.text(),
        port: endpoint.port(),
        mac: flow.mac(direction),
        domain,
        bytes: Some(flow.ip_bytes(direction)),
        packets: Some(flow.packets(direction)),
        process: None,
        container: None,
        orchestrator: None,
        kubernetes: None,
    }
}

fn network(flow: &Flow) -> Network {
    let (initiator, responder) = (flow.initiator(), flow.responder());
    Network {
        transport: flow.transport(),
        protocol: "tls",
        kind: if initiator.ip().is_ipv4() { "ipv4" } else { "ipv6" },
        community_id: CommunityId::new(flow.transport(), initiator, responder),
        direction: None,
        vlan: flow.vlan().map(|id| Vlan { id }),
    }
}

fn tls(settings: &Settings, handshake: &mut Handshake, posture: &Posture) -> Tls {
    let client_leaf = handshake.client_chain.first();
    let server_leaf = handshake.server_chain.first();
    let is_described = settings.send_certificates && settings.include_detailed_fields;
    let x509 = |leaf: Option<&Arc<Certificate>>| {
        leaf.filter(|_| is_described).map(|leaf| leaf.x509.clone())
    };
    let info = handshake.client.as_ref().and_then(|client| client.info.as_deref());
    let sslv2_ciphers = handshake.client.as_ref().and_then(|client| client.sslv2_ciphers.clone());
    Tls {
        version: posture.version.and_then(|version| version.number()),
        version_protocol: posture.version.and_then(|version| version.protocol()),
        cipher: posture.cipher.clone(),
        curve: posture.group_name.clone(),
        resumed: posture.resumption.accepted,
        established: handshake.is_established(),
        next_protocol: handshake.server.as_ref().and_then(|server| server.alpn.clone()),
        client: TlsClient {
            ja3: info.map(|info| Arc::clone(&info.ja3)),
            server_name: handshake.client.as_ref().and_then(|client| client.server_name.clone()),
            supported_ciphers: info.map(|info| info.supported_ciphers.clone()).or(sslv2_ciphers),
            hash: client_leaf.map(|leaf| leaf.hash.clone()),
            subject: client_leaf.map(|leaf| Arc::clone(&leaf.subject)),
            issuer: client_leaf.map(|leaf| Arc::clone(&leaf.issuer)),
            not_before: client_leaf.and_then(|leaf| leaf.x509.not_before),
            not_after: client_leaf.and_then(|leaf| leaf.x509.not_after),
            certificate_chain: raw(&handshake.client_chain, settings),
            x509: x509(client_leaf),
        },
        server: TlsServer {
            ja3s: handshake
                .server
                .as_ref()
                .and_then(|server| Some(Arc::clone(&server.info.as_ref()?.ja3s))),
            hash: server_leaf.map(|leaf| leaf.hash.clone()),
            subject: server_leaf.map(|leaf| Arc::clone(&leaf.subject)),
            issuer: server_leaf.map(|leaf| Arc::clone(&leaf.issuer)),
            not_before: server_leaf.and_then(|leaf| leaf.x509.not_before),
            not_after: server_leaf.and_then(|leaf| leaf.x509.not_after),
            certificate_chain: raw(&handshake.server_chain, settings),
            x509: x509(server_leaf),
        },
        detailed: settings
            .include_detailed_fields
            .then(|| detailed::take(settings, handshake, posture)),
    }
}

/// PEM texts of a chain, if raw certificates are asked for.
fn raw(chain: &[Arc<Certificate>], settings: &Settings) -> Vec<event::Shared<String>> {
    if !settings.include_raw_certificates {
        return Vec::new();
    }
    chain.iter().filter_map(|certificate| certificate.pem.clone()).collect()
}

fn tlsight(
    flow: &Flow,
    handshake: &mut Handshake,
    posture: &Posture,
    evidence: Evidence,
) -> Tlsight {
    let requested_authorities = std::mem::take(&mut handshake.requested_authorities);
    let client = handshake.client.as_ref();
    let server = handshake.server.as_ref();
    let info = client.and_then(|client| client.info.as_deref());
    Tlsight {
        ja4: info.map(|info| Arc::clone(&info.ja4)),
        key_exchange: KeyExchange {
            group: posture.group_name.clone(),
            class: posture.class,
            forward_secret: posture.forward_secret,
            offered_groups: info.and_then(|info| info.offered_groups.clone()),
            offered_key_shares: info.and_then(|info| info.offered_key_shares.clone()),
            hello_retry: handshake.retry.as_ref().map(|retry| match retry.group {
                Some(group) => group.name(),
                None => "cookie".into(),
            }),
            dh_bits: handshake.key_exchange.as_ref().and_then(|exchange| exchange.dh_bits),
        },
        signature_algorithm: handshake
            .key_exchange
            .as_ref()
            .and_then(|exchange| exchange.signature.clone())
            .or_else(|| handshake.signature.clone()),
        certificate: certificate(handshake, posture),
        resumption: posture.resumption,
        early_data: posture.early_data,
        ech: client.map(|client| client.ech).unwrap_or_default(),
        server_name_is_outer: client.is_some_and(|client| {
            client.ech == event::Ech::Offered && client.server_name.is_some()
        }),
        downgrade: Downgrade {
            sentinel: posture.downgrade_sentinel,
            fallback_scsv: info.is_some_and(|info| info.fallback_scsv),
        },
        sct: posture::scts(handshake),
        ocsp_staple: server
            .filter(|server| {
                !server.version.is_tls13_or_later() || !handshake.server_chain.is_empty()
            })
            .map(|_| handshake.messages.certificate_status > 0 || handshake.has_ocsp_staple),
        starttls: handshake.starttls,
        carrier: handshake.carrier,
        quic_version: handshake.quic_version.clone(),
        timing: timing(flow, &handshake.times),
        ticket_lifetime_hint: handshake.ticket_lifetime_hint,
        messages: handshake.messages,
        renegotiations: handshake.renegotiations,
        partial: handshake.partial.names(),
        anomalies: judgement::anomalies(handshake),
        evidence: if handshake.is_opened { Evidence::Secrets } else { evidence },
        socket: None,
        workload: None,
        requested_authorities,
    }
}

fn certificate(handshake: &Handshake, posture: &Posture) -> CertificateInfo {
    let leaf = handshake.server_chain.first();
    let name = handshake.client.as_ref().and_then(|client| client.server_name.as_deref());
    CertificateInfo {
        state: match (leaf, &handshake.server) {
            (Some(_), _) => CertificateState::Visible,
            (None, Some(_)) if posture.resumption.accepted => CertificateState::Resumed,
            (None, Some(server)) if server.version.is_tls13_or_later() => {
                CertificateState::Encrypted
            }
            (None, _) => CertificateState::Absent,
        },
        days_left: leaf
            .and_then(|leaf| leaf.x509.not_after)
            .map(|end| tls::certificate::days_left(end, handshake.times.start)),
        sni_match: leaf.zip(name).map(|(leaf, name)| tls::certificate::covers(leaf, name)),
        self_signed: leaf.map(|leaf| leaf.self_signed),
    }
}

fn timing(flow: &Flow, times: &Times) -> Timing {
    let micros = |from: Option<event::Timestamp>, to: Option<event::Timestamp>| {
        Some(to?.nanos_since(from?) / 1000)
    };
    Timing {
        syn_rtt_us: micros(flow.syn(), flow.handshake_ack()),
        client_hello_us: micros(Some(flow.first_seen()), times.client_hello),
        server_hello_us: micros(times.client_hello, times.server_hello),
        certificate_us: micros(times.client_hello, times.certificate),
        finished_us: micros(times.client_hello, times.finished),
    }
}
