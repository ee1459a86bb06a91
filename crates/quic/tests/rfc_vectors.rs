//! The sample packets of RFC 9001 appendix A and RFC 9369 appendix A.
#![cfg(test)]

#[expect(dead_code, reason = "a part is enough here")]
mod sealed;

use quic::{Connections, Event, Scratch, Side, Version, Way, looks_like_quic};
use sealed::{Initial, Keys, Protocol, V1, V2};

#[test]
fn the_client_initial_of_rfc_9001_gives_its_client_hello() {
    let packet = client_initial(&RFC_9001);
    assert_eq!(hex(&packet[..32]), RFC_9001.client_packet_start);
    assert_eq!(hex(&packet[packet.len() - 16..]), RFC_9001.client_packet_tag);
    assert_eq!(handshake(&[(Way::Forward, &packet)]), [(Side::Client, client_hello())]);
}

#[test]
fn the_client_initial_of_rfc_9369_gives_its_client_hello() {
    let packet = client_initial(&RFC_9369);
    assert_eq!(hex(&packet[..32]), RFC_9369.client_packet_start);
    assert_eq!(hex(&packet[packet.len() - 16..]), RFC_9369.client_packet_tag);
    assert_eq!(handshake(&[(Way::Forward, &packet)]), [(Side::Client, client_hello())]);
}

#[test]
fn the_server_initials_give_their_server_hello() {
    for vector in [&RFC_9001, &RFC_9369] {
        let (client, server) = (client_initial(vector), bytes(vector.server_packet));
        let expected = [(Side::Client, client_hello()), (Side::Server, bytes(SERVER_HELLO))];
        assert_eq!(handshake(&[(Way::Forward, &client), (Way::Backward, &server)]), expected);
        assert_eq!(handshake(&[(Way::Backward, &server), (Way::Forward, &client)]), expected);
    }
}

#[test]
fn the_retry_packets_are_genuine_and_a_changed_one_is_not() {
    for vector in [&RFC_9001, &RFC_9369] {
        let client = client_initial(vector);
        let retry = bytes(vector.retry);
        assert_eq!(retries(&client, &retry), ["retry f067a5502a4262b5"]);
        for index in 15..retry.len() {
            let mut forged = retry.clone();
            forged[index] ^= 1;
            assert_eq!(retries(&client, &forged), ["quic_forged_retry"], "byte {index}");
        }
    }
}

#[test]
fn every_sample_packet_is_recognised() {
    for vector in [&RFC_9001, &RFC_9369] {
        assert!(looks_like_quic(&client_initial(vector)));
        assert!(looks_like_quic(&bytes(vector.server_packet)));
        assert!(looks_like_quic(&bytes(vector.retry)));
    }
}

#[test]
fn a_prefix_of_a_sample_packet_gives_no_handshake_bytes() {
    for vector in [&RFC_9001, &RFC_9369] {
        let (client, server) = (client_initial(vector), bytes(vector.server_packet));
        for len in 0..client.len() {
            assert_eq!(handshake(&[(Way::Forward, &client[..len])]), [], "prefix of {len} bytes");
        }
        for len in 0..server.len() {
            let datagrams = [(Way::Forward, &client[..]), (Way::Backward, &server[..len])];
            assert_eq!(handshake(&datagrams).len(), 1, "prefix of {len} bytes");
        }
    }
}

#[test]
fn the_version_and_the_direction_of_the_client_are_told() {
    for (vector, version) in [(&RFC_9001, Version::V1), (&RFC_9369, Version::V2)] {
        let mut connections = Connections::new();
        let packet = client_initial(vector);
        connections.handle(Way::Backward, &packet, &mut Scratch::default(), &mut |_| {});
        assert_eq!(connections.version(), Some(version));
        assert_eq!(connections.client(), Some(Way::Backward));
    }
}

struct Vector {
    protocol: Protocol,
    client_key: &'static str,
    client_iv: &'static str,
    client_header_key: &'static str,
    client_packet_start: &'static str,
    client_packet_tag: &'static str,
    server_packet: &'static str,
    retry: &'static str,
}

/// The client's packet, made with the keys that the RFC prints. Its first bytes and its tag are
/// compared with those the RFC prints, and the tag vouches for all between.
fn client_initial(vector: &Vector) -> Vec<u8> {
    let mut payload = sealed::crypto(0, &client_hello());
    payload.resize(1162, 0);
    let keys = Keys {
        key: bytes(vector.client_key).try_into().unwrap(),
        iv: bytes(vector.client_iv).try_into().unwrap(),
        header_key: bytes(vector.client_header_key).try_into().unwrap(),
    };
    let packet = Initial {
        protocol: vector.protocol,
        destination: &bytes(DESTINATION),
        source: &[],
        packet_number: 2,
        packet_number_len: 4,
        ..Initial::client(&payload)
    };
    packet.seal(&keys)
}

fn handshake(datagrams: &[(Way, &[u8])]) -> Vec<(Side, Vec<u8>)> {
    let mut connections = Connections::new();
    let mut handshake = Vec::new();
    for (from, datagram) in datagrams {
        connections.handle(*from, datagram, &mut Scratch::default(), &mut |event| {
            if let Event::Crypto { connection: 0, side, bytes } = event {
                handshake.push((side, bytes.to_vec()));
            }
        });
    }
    handshake
}

fn retries(client: &[u8], retry: &[u8]) -> Vec<String> {
    let (mut connections, mut scratch) = (Connections::new(), Scratch::default());
    let mut told = Vec::new();
    connections.handle(Way::Forward, client, &mut scratch, &mut |_| {});
    connections.handle(Way::Backward, retry, &mut scratch, &mut |event| {
        if let Event::Retry { connection_id, .. } = event {
            told.push(format!("retry {connection_id}"));
        } else if let Event::Anomaly { anomaly, .. } = event {
            told.push(anomaly.name().to_owned());
        } else {
            panic!("{event:?}");
        }
    });
    told
}

fn client_hello() -> Vec<u8> {
    bytes(CLIENT_HELLO)
}

fn bytes(hex: &str) -> Vec<u8> {
    let pairs = hex.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const DESTINATION: &str = "8394c8f03e515708";

const CLIENT_HELLO: &str = concat!(
    "010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c",
    "00000413011302010000c000000010000e00000b6578616d706c652e636f6dff01000100000a00080006001d0017",
    "001800100007000504616c706e000500050100000000003300260024001d00209370b2c9caa47fbabaf4559fedba",
    "753de171fa71f50f1ce15d43e994ec74d748002b0003020304000d0010000e040305030603020308040805080600",
    "2d00020101001c00024001003900320408ffffffffffffffff05048000ffff07048000ffff080110010480007530",
    "0901100f088394c8f03e51570806048000ffff",
);

const SERVER_HELLO: &str = concat!(
    "020000560303eefce7f7b37ba1d1632e96677825ddf73988cfc79825df566dc5430b9a045a1200130100002e0033",
    "0024001d00209d3c940d89690b84d08a60993c144eca684d1081287c834d5311bcf32bb9da1a002b00020304",
);

const RFC_9001: Vector = Vector {
    protocol: V1,
    client_key: "1f369613dd76d5467730efcbe3b1a22d",
    client_iv: "fa044b2f42a3fd3b46fb255c",
    client_header_key: "9f50449e04a0e810283a1e9933adedd2",
    client_packet_start: "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11",
    client_packet_tag: "e221af44860018ab0856972e194cd934",
    server_packet: concat!(
        "cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a",
        "5816b6394100f37a1c69797554780bb38cc5a99f5ede4cf73c3ec2493a1839b3",
        "dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74b562bfb19fb84",
        "022f8ef4cdd93795d77d06edbb7aaf2f58891850abbdca3d20398c276456cbc4",
        "2158407dd074ee",
    ),
    retry: "ff000000010008f067a5502a4262b5746f6b656e04a265ba2eff4d829058fb3f0f2496ba",
};

const RFC_9369: Vector = Vector {
    protocol: V2,
    client_key: "8b1a0bc121284290a29e0971b5cd045d",
    client_iv: "91f73e2351d8fa91660e909f",
    client_header_key: "45b95e15235d6f45a6b19cbcb0294ba9",
    client_packet_start: "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485",
    client_packet_tag: "a18b2faa745b6fe189cf772a9f84cbfc",
    server_packet: concat!(
        "dc6b3343cf0008f067a5502a4262b5004075d92faaf16f05d8a4398c47089698",
        "baeea26b91eb761d9b89237bbf87263017915358230035f7fd3945d88965cf17",
        "f9af6e16886c61bfc703106fbaf3cb4cfa52382dd16a393e42757507698075b2",
        "c984c707f0a0812d8cd5a6881eaf21ceda98f4bd23f6fe1a3e2c43edd9ce7ca8",
        "4bed8521e2e140",
    ),
    retry: "cf6b3343cf0008f067a5502a4262b5746f6b656ec8646ce8bfe33952d955543665dcc7b6",
};
