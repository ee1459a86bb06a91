//! Events for tests of the outputs.

use std::net::IpAddr;

use event::{
    AlertDetail, Carrier, CertificateHash, CertificateInfo, CertificateState, ClientHelloDetail,
    ClientHelloExtensions, CommunityId, Detailed, DistinguishedName, Downgrade, EarlyData, Ech,
    Endpoint, EventMeta, Evidence, HexBytes, KeyExchange, KeyExchangeClass, Messages, Name,
    NameList, Network, OfferedExtensions, Party, Related, ResumptionInfo, ServerHelloDetail,
    ServerHelloExtensions, Shared, Status, Timestamp, Timing, Tls, TlsClient, TlsEvent, TlsServer,
    Tlsight, Transport, X509,
};

/// 2026-11-21T13:30:00.123456Z.
pub(crate) const START: Timestamp = Timestamp::from_nanos(1_795_267_800_123_456_000);

/// A TLS 1.3 session with a hybrid key exchange.
pub(crate) fn tls13() -> TlsEvent {
    let tls = Tls {
        version: Some("1.3"),
        version_protocol: Some("tls"),
        cipher: Some("TLS_AES_128_GCM_SHA256".into()),
        curve: Some("X25519MLKEM768".into()),
        resumed: false,
        established: true,
        next_protocol: None,
        client: TlsClient {
            ja3: Some("4d7a28d6f2263ed61de88ca66eb011e3".into()),
            server_name: Some("www.example.com".into()),
            supported_ciphers: Some(names(&["TLS_AES_128_GCM_SHA256", "0x1234"])),
            ..TlsClient::default()
        },
        server: TlsServer::default(),
        detailed: Some(detailed()),
    };
    let key_exchange = KeyExchange {
        group: Some("X25519MLKEM768".into()),
        class: Some(KeyExchangeClass::HybridPq),
        forward_secret: Some(true),
        offered_groups: Some(names(&["GREASE (0x1a1a)", "X25519MLKEM768", "x25519"])),
        offered_key_shares: Some(names(&["X25519MLKEM768"])),
        ..KeyExchange::default()
    };
    event(tls, key_exchange, CertificateState::Encrypted)
}

/// A TLS 1.2 session whose certificate was seen.
pub(crate) fn tls12() -> TlsEvent {
    let tls = Tls {
        version: Some("1.2"),
        version_protocol: Some("tls"),
        cipher: Some("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256".into()),
        curve: Some("x25519".into()),
        resumed: false,
        established: true,
        next_protocol: Some("h2".into()),
        client: TlsClient::default(),
        server: TlsServer {
            subject: Some("CN=mail.example.org".into()),
            issuer: Some("CN=Example CA".into()),
            hash: Some(Shared::new(CertificateHash {
                sha1: Some("AB".repeat(20)),
                ..Default::default()
            })),
            x509: Some(Shared::new(certificate("mail.example.org"))),
            ..TlsServer::default()
        },
        detailed: None,
    };
    let key_exchange = KeyExchange {
        group: Some("x25519".into()),
        class: Some(KeyExchangeClass::Classical),
        forward_secret: Some(true),
        ..KeyExchange::default()
    };
    let mut event = event(tls, key_exchange, CertificateState::Visible);
    event.tlsight.certificate.days_left = Some(89);
    event
}

/// The same session between other addresses.
pub(crate) fn between(mut event: TlsEvent, client: (&str, u16), server: (&str, u16)) -> TlsEvent {
    let [client, server] = [client, server].map(|(ip, port)| endpoint(ip, port));
    event.source = party(&client);
    event.client = party(&client);
    event.destination = party(&server);
    event.server = party(&server);
    event
}

/// A process of which little is known.
pub(crate) fn process(name: &str, pid: u32) -> event::Process {
    event::Process {
        pid,
        name: Some(name.to_owned()),
        executable: Some(format!("/usr/bin/{name}")),
        command_line: None,
        start: Some(START),
        user: None,
        parent: None,
    }
}

/// An alert that ended a handshake.
pub(crate) fn fatal(kind: &'static str) -> AlertDetail {
    AlertDetail { severity: "fatal".into(), code: 40, kind: kind.into(), source: "server" }
}

fn event(tls: Tls, key_exchange: KeyExchange, state: CertificateState) -> TlsEvent {
    let (client, server) = (endpoint("192.0.2.17", 51_234), endpoint("198.51.100.7", 443));
    let end = START.plus_nanos(31_000_000);
    TlsEvent {
        timestamp: START,
        kind: "tls",
        status: Status::Ok,
        event: EventMeta {
            kind: "event",
            category: ["network"],
            types: ["connection", "protocol"],
            dataset: "tls",
            start: START,
            end,
            duration: end.nanos_since(START),
            outcome: "success",
        },
        source: party(&client),
        destination: party(&server),
        client: party(&client),
        server: party(&server),
        network: Network {
            transport: Transport::Tcp,
            protocol: "tls",
            kind: "ipv4",
            community_id: CommunityId::new(Transport::Tcp, &client, &server),
            direction: None,
            vlan: None,
        },
        process: None,
        container: None,
        orchestrator: None,
        kubernetes: None,
        related: Related { ip: [client.text(), server.text()] },
        tls,
        tlsight: Tlsight {
            ja4: Some("t13d1516h2_8daaf6152771_02713d6af862".into()),
            key_exchange,
            signature_algorithm: None,
            certificate: CertificateInfo {
                state,
                days_left: None,
                sni_match: None,
                self_signed: None,
            },
            resumption: ResumptionInfo::default(),
            early_data: EarlyData::None,
            ech: Ech::None,
            server_name_is_outer: false,
            downgrade: Downgrade::default(),
            sct: None,
            ocsp_staple: None,
            starttls: None,
            carrier: Carrier::Tcp,
            quic_version: None,
            timing: Timing { server_hello_us: Some(12_345), ..Timing::default() },
            requested_authorities: Vec::new(),
            ticket_lifetime_hint: None,
            messages: Messages::default(),
            renegotiations: 0,
            partial: Vec::new(),
            anomalies: Vec::new(),
            evidence: Evidence::Wire,
            socket: None,
            workload: None,
        },
    }
}

fn detailed() -> Detailed {
    Detailed {
        version: Some("TLS 1.3".into()),
        resumption_method: None,
        client_certificate_requested: false,
        ocsp_response: None,
        client_hello: Some(ClientHelloDetail {
            version: "3.3".into(),
            random: HexBytes::new(&[0xab; 32]),
            session_id: None,
            supported_compression_methods: Some(names(&["NULL"])),
            extensions: ClientHelloExtensions {
                server_name_indication: vec!["www.example.com".into()],
                session_ticket: None,
                offered: Some(Shared::new(OfferedExtensions {
                    application_layer_protocol_negotiation: Some(names(&["h2", "http/1.1"])),
                    types: Some(names(&["server_name", "key_share"])),
                    ..OfferedExtensions::default()
                })),
            },
        }),
        server_hello: Some(ServerHelloDetail {
            version: "3.3".into(),
            random: HexBytes::new(&[0xcd; 32]),
            session_id: None,
            selected_compression_method: "NULL".into(),
            extensions: Shared::new(ServerHelloExtensions {
                supported_versions: Some("TLS 1.3".into()),
                ..ServerHelloExtensions::default()
            }),
        }),
        server_certificate_chain: Vec::new(),
        client_certificate_chain: Vec::new(),
        alerts: Vec::new(),
        alert_types: Vec::new(),
    }
}

fn certificate(common_name: &str) -> X509 {
    X509 {
        version_number: 3,
        serial_number: "1234567890".to_owned(),
        subject: DistinguishedName {
            common_name: Some(common_name.to_owned()),
            distinguished_name: format!("CN={common_name}"),
            ..DistinguishedName::default()
        },
        not_after: Some(START.plus_nanos(89 * 86_400_000_000_000)),
        public_key_algorithm: "RSA".into(),
        public_key_size: Some(2048),
        signature_algorithm: "SHA256-RSA".into(),
        alternative_names: vec![common_name.to_owned()],
        ..X509::default()
    }
}

fn endpoint(ip: &str, port: u16) -> Endpoint {
    let ip: IpAddr = ip.parse().unwrap();
    Endpoint::new(ip, port)
}

fn party(endpoint: &Endpoint) -> Party {
    Party {
        ip: endpoint.text(),
        port: endpoint.port(),
        mac: None,
        domain: None,
        bytes: Some(1500),
        packets: Some(4),
        process: None,
        container: None,
        orchestrator: None,
        kubernetes: None,
    }
}

fn names(names: &[&'static str]) -> NameList {
    Shared::new(names.iter().map(|name| Name::from(*name)).collect())
}
