//! Connections: keys, Retry, versions, order of arrival, and limits.
#![cfg(test)]

mod sealed;

use quic::{Anomaly, Connections, Event, Scratch, Version, Way, google_version, looks_like_quic};
use sealed::{CLIENT_ID, DRAFT_29, Initial, Keys, ORIGINAL_ID, SERVER_ID, V1, V2, crypto, varint};

#[test]
fn a_client_that_takes_over_the_servers_connection_id_keeps_its_keys() {
    let told = run(&[
        (Way::Forward, client_hello()),
        (Way::Backward, server_hello()),
        (
            Way::Forward,
            Initial {
                destination: SERVER_ID,
                packet_number: 1,
                ..Initial::client(&crypto(5, b" again"))
            }
            .seal(&Keys::client()),
        ),
    ]);
    assert_eq!(told, ["opened 0 Forward 1", "0 Client hello", "0 Server world", "0 Client  again"]);
}

#[test]
fn a_server_that_is_heard_first_waits_for_the_client() {
    let told = run(&[(Way::Forward, server_hello()), (Way::Backward, client_hello())]);
    assert_eq!(told, ["opened 0 Backward 1", "0 Client hello", "0 Server world"]);
}

#[test]
fn after_a_retry_the_same_connection_goes_on_with_new_keys() {
    let told = run(&[
        (Way::Forward, client_hello()),
        (Way::Backward, retry(b"retried id")),
        (Way::Forward, after_retry(b"retried id", CLIENT_ID)),
        (Way::Backward, server_hello_for(b"retried id")),
    ]);
    assert_eq!(
        told,
        ["opened 0 Forward 1", "0 Client hello", "retry 72657472696564206964", "0 Server world"]
    );
}

#[test]
fn a_late_second_retry_is_neither_forged_nor_followed() {
    let told = run(&[
        (Way::Forward, client_hello()),
        (Way::Backward, retry(b"retried id")),
        (Way::Forward, after_retry(b"retried id", CLIENT_ID)),
        (Way::Backward, retry(b"other id")),
        (Way::Backward, server_hello_for(b"other id")),
        (Way::Backward, server_hello_for(b"retried id")),
    ]);
    assert_eq!(
        told,
        [
            "opened 0 Forward 1",
            "0 Client hello",
            "retry 72657472696564206964",
            "retry 6f74686572206964",
            "0 Server world",
            "no keys"
        ]
    );
}

#[test]
fn a_retry_that_was_not_captured_is_seen_in_the_clients_own_connection_id() {
    let told = run(&[
        (Way::Forward, client_hello()),
        (Way::Forward, after_retry(b"retried id", CLIENT_ID)),
        (Way::Backward, server_hello_for(b"retried id")),
    ]);
    assert_eq!(told, ["opened 0 Forward 1", "0 Client hello", "0 Server world"]);
}

#[test]
fn another_client_on_the_same_ports_is_another_connection() {
    let told = run(&[
        (Way::Forward, client_hello()),
        (Way::Forward, after_retry(b"second id", b"other")),
        (Way::Backward, server_hello()),
        (Way::Backward, server_hello_for(b"second id")),
    ]);
    assert_eq!(
        told,
        [
            "opened 0 Forward 1",
            "0 Client hello",
            "opened 1 Forward 1",
            "1 Client hello",
            "0 Server world",
            "1 Server world"
        ]
    );
}

#[test]
fn a_server_may_change_the_version_on_the_way() {
    let world = crypto(0, b"world");
    let server = Initial { protocol: V2, ..Initial::server(&world) };
    let again = crypto(5, b" again");
    let client = Initial {
        protocol: V2,
        destination: SERVER_ID,
        packet_number: 1,
        ..Initial::client(&again)
    };
    let told = run(&[
        (Way::Forward, client_hello()),
        (Way::Backward, server.seal(&Keys::derive(V2, ORIGINAL_ID, "server in"))),
        (Way::Forward, client.seal(&Keys::derive(V2, ORIGINAL_ID, "client in"))),
    ]);
    assert_eq!(
        told,
        [
            "opened 0 Forward 1",
            "0 Client hello",
            "version of 0 is 2",
            "0 Server world",
            "0 Client  again"
        ]
    );
}

#[test]
fn after_version_negotiation_the_client_begins_anew() {
    let draft = crypto(0, b"draft");
    let offered = Initial { protocol: DRAFT_29, ..Initial::client(&draft) };
    let told = run(&[
        (Way::Forward, offered.seal(&Keys::derive(DRAFT_29, ORIGINAL_ID, "client in"))),
        (Way::Backward, version_negotiation(&[0x1a2a_3a4a, 1, 0x6b33_43cf])),
        (Way::Forward, client_hello()),
    ]);
    assert_eq!(
        told,
        [
            "opened 0 Forward draft-29",
            "0 Client draft",
            "versions [GREASE (0x1a2a3a4a), 1, 2]",
            "opened 1 Forward 1",
            "1 Client hello"
        ]
    );
}

#[test]
fn a_0_rtt_packet_gives_away_the_keys_of_a_lost_client_initial() {
    let early = long_header(0xd0, 1, ORIGINAL_ID, CLIENT_ID, &[&varint(30)[..], &[9; 30]].concat());
    let told = run(&[(Way::Backward, server_hello()), (Way::Forward, early.clone())]);
    assert_eq!(told, ["0-rtt", "opened 0 Forward 1", "0 Server world"]);
    let told = run(&[(Way::Forward, early), (Way::Backward, server_hello())]);
    assert_eq!(told, ["0-rtt", "opened 0 Forward 1", "0 Server world"]);
}

#[test]
fn a_server_that_takes_the_clients_choice_of_id_is_read_without_its_client() {
    let world = crypto(0, b"world");
    let server = Initial { source: ORIGINAL_ID, ..Initial::server(&world) };
    let told = run(&[(Way::Forward, server.seal(&Keys::server()))]);
    assert_eq!(told, ["opened 0 Backward 1", "0 Server world"]);
}

#[test]
fn packet_numbers_are_completed_from_the_largest_one_seen() {
    let mut datagrams = Vec::new();
    for (index, packet_number) in [0, 120, 240, 300, 70_000, 69_999].into_iter().enumerate() {
        let packet_number_len = if packet_number == 70_000 { 3 } else { 1 };
        let payload = crypto(index as u64, b"x");
        let packet = Initial { packet_number, packet_number_len, ..Initial::client(&payload) };
        datagrams.push((Way::Forward, packet.seal(&Keys::client())));
    }
    assert_eq!(run(&datagrams).len(), 1 + datagrams.len());
}

#[test]
fn a_connection_close_is_told_with_its_alert() {
    let reason = b"bad certificate";
    let close = [&[0x1c], &varint(0x100 + 42)[..], &[0x06], &[15], reason].concat();
    let server = Initial::server(&close).seal(&Keys::server());
    let told = run(&[(Way::Forward, client_hello()), (Way::Backward, server)]);
    assert_eq!(told[2..], ["close 0 Server CRYPTO_ERROR alert 42 bad certificate"]);
}

#[test]
fn acknowledgements_pings_and_padding_are_skipped() {
    let frames = [
        &[0x01, 0x00, 0x00][..],
        &[0x02, 9, 0, 2, 1, 3, 1, 0, 0],
        &[0x03, 0x40, 9, 0x80, 0, 0, 1, 0, 1, 4, 5, 6],
        &crypto(0, b"hello"),
        &[0x01],
    ];
    let packet = Initial::client(&frames.concat()).seal(&Keys::client());
    assert_eq!(run(&[(Way::Forward, packet)]), ["opened 0 Forward 1", "0 Client hello"]);
}

#[test]
fn what_breaks_the_rules_inside_a_packet_is_an_anomaly() {
    let hello = crypto(0, b"hello");
    let client = |payload: &[u8]| Initial::client(payload).seal(&Keys::client());
    let stream = [&hello[..], &[0x08, 0, 0]].concat();
    let cut = [&hello[..], &[0x06, 0x00, 0x05]].concat();
    let reserved = Initial { reserved_bits: 0x04, ..Initial::client(&hello) };
    let cases = [
        (client(&stream), Anomaly::UnexpectedFrame { frame_type: 8 }),
        (client(&cut), Anomaly::TruncatedFrame),
        (reserved.seal(&Keys::client()), Anomaly::ReservedBits),
    ];
    for (packet, anomaly) in cases {
        let told = run(&[(Way::Forward, packet)]);
        assert_eq!(told, ["opened 0 Forward 1", anomaly.name(), "0 Client hello"]);
    }
    let empty = Initial { packet_number_len: 4, ..Initial::client(&[]) }.seal(&Keys::client());
    assert_eq!(run(&[(Way::Forward, empty)]), ["opened 0 Forward 1", "quic_no_frames"]);
    let token = Initial { token: b"token", ..Initial::server(&hello) }.seal(&Keys::server());
    let told = run(&[(Way::Forward, client_hello()), (Way::Backward, token)]);
    assert_eq!(told[2..], ["quic_server_token", "0 Server hello"]);
}

#[test]
fn coalesced_packets_are_all_read_up_to_a_limit() {
    let packets: Vec<_> = (0..17)
        .map(|index| {
            let payload = crypto(u64::from(index), b"x");
            Initial { packet_number: index, ..Initial::client(&payload) }.seal(&Keys::client())
        })
        .collect();
    let told = run(&[(Way::Forward, packets[..16].concat())]);
    assert_eq!(told.len(), 17);
    assert!(told[1..].iter().all(|told| told == "0 Client x"));
    let told = run(&[(Way::Forward, packets.concat())]);
    assert_eq!(told.len(), 18);
    assert_eq!(told[17], "quic_too_many_packets");
}

#[test]
fn handshake_and_short_headers_are_told_once() {
    let handshake = long_header(0xe0, 1, b"", b"", &[&varint(30)[..], &[9; 30]].concat());
    let short = [&[0x41], &[7; 40][..]].concat();
    let datagram = [handshake, short].concat();
    let told = run(&[(Way::Backward, datagram.clone()), (Way::Backward, datagram)]);
    assert_eq!(told, ["handshake Backward", "short header Backward"]);
}

#[test]
fn packets_that_wait_too_long_are_counted() {
    let datagrams = vec![(Way::Backward, server_hello()); 10];
    let told = run(&datagrams);
    assert_eq!(told, [vec!["not kept"; 2], vec!["no keys"; 8]].concat());
}

#[test]
fn packets_that_wait_take_a_bounded_number_of_bytes() {
    let payload = vec![0; 9_000];
    let datagrams = vec![(Way::Backward, Initial::server(&payload).seal(&Keys::server())); 4];
    assert_eq!(run(&datagrams), ["not kept", "not kept", "not kept", "no keys"]);
}

#[test]
fn a_flood_of_packets_that_do_not_open_stops_the_search_for_keys() {
    let mut flood = server_hello();
    *flood.last_mut().unwrap() ^= 1;
    let mut datagrams = vec![(Way::Backward, flood); 64];
    datagrams.push((Way::Forward, client_hello()));
    let told = run(&datagrams);
    assert!(told.iter().all(|told| told == "not kept" || told == "no keys"), "{told:?}");
    let told = run(&datagrams[1..]);
    assert!(told.contains(&"0 Client hello".to_owned()), "{told:?}");
}

#[test]
fn only_the_newest_connections_are_followed() {
    let ids: Vec<_> = (0..5).map(|index| vec![index; 8]).collect();
    let mut datagrams: Vec<_> =
        ids.iter().map(|id| (Way::Forward, after_retry(id, &id[..3]))).collect();
    for id in &ids {
        datagrams.push((Way::Backward, server_hello_for(id)));
    }
    let told = run(&datagrams);
    let servers: Vec<_> = told.iter().filter(|told| told.contains("Server")).collect();
    assert_eq!(servers, ["1 Server world", "2 Server world", "3 Server world", "4 Server world"]);
    assert_eq!(told.last().unwrap(), "no keys");
}

#[test]
fn what_cannot_be_read_is_told() {
    let client = client_hello();
    let told = run(&[(Way::Forward, client[..client.len() - 1].to_vec())]);
    assert_eq!(told, ["truncated"]);
    let told = run(&[(Way::Forward, long_header(0xc0, 0x0a1a_2a3a, b"12345678", b"", &[0; 1200]))]);
    assert_eq!(told, ["unknown version GREASE (0x0a1a2a3a)"]);
    let told = run(&[(Way::Forward, long_header(0xc0, 1, &[1; 21], b"", &[0; 100]))]);
    assert_eq!(told, ["quic_malformed_header"]);
}

#[test]
fn other_protocols_are_not_taken_for_quic() {
    let dns = b"\xc6\x10\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01\x03www\x07example\x03com\x00";
    let short_grease = long_header(0xc0, 0x0a1a_2a3a, b"12345678", b"", &[0; 100]);
    let no_versions = version_negotiation(&[]);
    let strange_versions = version_negotiation(&[77, 78]);
    let no_fixed_bit = {
        let mut packet = client_hello();
        packet[0] &= !0x40;
        packet
    };
    for datagram in [&dns[..], &[], &short_grease, &no_versions, &strange_versions, &no_fixed_bit] {
        assert!(!looks_like_quic(datagram), "{datagram:02x?}");
    }
    assert!(looks_like_quic(&long_header(0xc0, 0x0a1a_2a3a, b"12345678", b"", &[0; 1200])));
    assert!(looks_like_quic(&version_negotiation(&[77, 1])));
}

#[test]
fn googles_own_quic_is_told_apart() {
    let version = |datagram: &[u8]| google_version(datagram).map(|version| version.to_string());
    assert_eq!(version(b"\x0d12345678Q043\x01rest").as_deref(), Some("Q043"));
    assert_eq!(version(b"\xc3Q046\x5012345678rest").as_deref(), Some("Q046"));
    assert_eq!(version(&client_hello()), None);
    assert_eq!(version(b"\x0d1234567"), None);
    assert!(!looks_like_quic(b"\xc3Q050\x0812345678\x00\x00\x41\x00"));
}

fn client_hello() -> Vec<u8> {
    Initial::client(&crypto(0, b"hello")).seal(&Keys::client())
}

fn server_hello() -> Vec<u8> {
    server_hello_for(ORIGINAL_ID)
}

/// The answer to a packet sent to the connection id `original`.
fn server_hello_for(original: &[u8]) -> Vec<u8> {
    Initial::server(&crypto(0, b"world")).seal(&Keys::derive(V1, original, "server in"))
}

/// A client's packet with the same handshake bytes for another destination.
fn after_retry(destination: &[u8], source: &[u8]) -> Vec<u8> {
    let token = b"token";
    let payload = crypto(0, b"hello");
    let packet =
        Initial { destination, source, token, packet_number: 1, ..Initial::client(&payload) };
    packet.seal(&Keys::derive(V1, destination, "client in"))
}

/// A Retry packet with the integrity tag of version 1.
fn retry(source: &[u8]) -> Vec<u8> {
    use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
    let mut packet = long_header(0xf0, 1, CLIENT_ID, source, b"token");
    let pseudo_packet = [&[8], ORIGINAL_ID, &packet].concat();
    let key = *b"\xbe\x0c\x69\x0b\x9f\x66\x57\x5a\x1d\x76\x6b\x54\xe3\x68\xc8\x4e";
    let nonce = *b"\x46\x15\x99\xd3\x5d\x63\x2b\xf2\x23\x98\x25\xbb";
    let tag = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).unwrap())
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(pseudo_packet),
            &mut [],
        )
        .unwrap();
    packet.extend(tag.as_ref());
    packet
}

fn version_negotiation(versions: &[u32]) -> Vec<u8> {
    let list: Vec<_> = versions.iter().flat_map(|version| version.to_be_bytes()).collect();
    long_header(0x80, 0, CLIENT_ID, ORIGINAL_ID, &list)
}

fn long_header(first: u8, version: u32, destination: &[u8], source: &[u8], rest: &[u8]) -> Vec<u8> {
    let mut packet = vec![first];
    packet.extend(version.to_be_bytes());
    for id in [destination, source] {
        packet.push(u8::try_from(id.len()).unwrap());
        packet.extend(id);
    }
    packet.extend(rest);
    packet
}

/// What datagrams tell, in words.
fn run(datagrams: &[(Way, Vec<u8>)]) -> Vec<String> {
    let (mut connections, mut scratch) = (Connections::new(), Scratch::default());
    let mut told = Vec::new();
    let mut tell = |event: Event<'_>| told.push(words(&event));
    for (from, datagram) in datagrams {
        connections.handle(*from, datagram, &mut scratch, &mut tell);
    }
    connections.finish(&mut tell);
    told
}

fn words(event: &Event<'_>) -> String {
    match event {
        Event::Opened { connection, client, version } => {
            format!("opened {connection} {client:?} {version}")
        }
        Event::VersionChanged { connection, version } => {
            format!("version of {connection} is {version}")
        }
        Event::Crypto { connection, side, bytes } => {
            format!("{connection} {side:?} {}", str::from_utf8(bytes).unwrap())
        }
        Event::ConnectionClose { connection, side, error, reason, .. } => {
            let (name, alert) = (error.name().unwrap(), error.tls_alert().unwrap());
            let reason = str::from_utf8(reason).unwrap();
            format!("close {connection} {side:?} {name} alert {alert} {reason}")
        }
        Event::Retry { connection_id, .. } => format!("retry {connection_id}"),
        Event::VersionNegotiation { versions, .. } => {
            let names: Vec<_> = versions.map(|version: Version| version.to_string()).collect();
            format!("versions [{}]", names.join(", "))
        }
        Event::ZeroRtt { .. } => "0-rtt".to_owned(),
        Event::Handshake { from } => format!("handshake {from:?}"),
        Event::ShortHeader { from } => format!("short header {from:?}"),
        Event::Protected { from, packet } => format!("protected {from:?} {:?}", packet.space),
        Event::UnknownVersion { version, .. } => format!("unknown version {version}"),
        Event::Unread { cause, .. } => match cause {
            quic::Unread::Truncated => "truncated".to_owned(),
            quic::Unread::NoKeys => "no keys".to_owned(),
            quic::Unread::NotKept => "not kept".to_owned(),
        },
        Event::Anomaly { anomaly, .. } => anomaly.name().to_owned(),
    }
}
