//! Published test vectors, in `vectors.txt`.
//!
//! - 0020: `test-vectors.json` of RFC 9180 appendix A, base mode, HKDF-SHA256 and AES-256-GCM.
//! - 647a and 0050: `hpke-pq-test-vectors.json` of draft-ietf-hpke-pq, whose suites have another AEAD: only
//!   the KEM is compared. The private keys, 32 bytes there, are expanded as the drafts say (SHAKE256,
//!   FIPS 203 `ML-KEM.KeyGen_internal`).

use data_encoding::HEXLOWER;

use super::{Kem, PrivateKey, receiver};

struct Vector {
    key: PrivateKey,
    encapsulated: Vec<u8>,
    shared: Vec<u8>,
    info: Vec<u8>,
    messages: Vec<Message>,
}

struct Message {
    sequence: u64,
    aad: Vec<u8>,
    sealed: Vec<u8>,
    clear: Vec<u8>,
}

fn hex(text: &str) -> Vec<u8> {
    HEXLOWER.decode(text.as_bytes()).unwrap()
}

/// The vector of a KEM: the lines from its own to that of the next.
fn vector(kem: Kem) -> Vector {
    let lines = include_str!("vectors.txt").lines().map(|line| line.split_once(' ').unwrap());
    let number = format!("{:04x}", kem.id());
    let mut lines = lines.skip_while(|line| *line != ("kem", number.as_str())).skip(1);
    let lines: Vec<_> = lines.by_ref().take_while(|(name, _)| *name != "kem").collect();
    let of = |wanted: &str| {
        let found = lines.iter().find(|(name, _)| *name == wanted);
        found.map(|(_, value)| hex(value)).unwrap_or_default()
    };
    let messages = lines.iter().filter(|(name, _)| *name == "message").map(|(_, message)| {
        let mut words = message.split(' ');
        let sequence = words.next().unwrap().parse().unwrap();
        let [aad, sealed, clear] = [(); 3].map(|()| hex(words.next().unwrap()));
        Message { sequence, aad, sealed, clear }
    });
    Vector {
        key: PrivateKey::from_bytes(kem, &[of("public"), of("private")].concat()).unwrap(),
        encapsulated: of("encapsulated"),
        shared: of("shared"),
        info: of("info"),
        messages: messages.collect(),
    }
}

#[test]
fn shared_secrets_are_those_that_were_published() {
    for kem in Kem::ALL {
        let vector = vector(kem);
        let shared = vector.key.decapsulate(&vector.encapsulated).unwrap();
        assert_eq!((shared.len(), &*shared), (32, &vector.shared), "{kem:?}");
    }
}

#[test]
fn messages_are_those_that_were_published() {
    let vector = vector(Kem::X25519);
    let context = receiver(&vector.key, &vector.encapsulated, &vector.info).unwrap();
    assert_eq!(vector.messages.len(), 6);
    for Message { sequence, aad, sealed, clear } in &vector.messages {
        assert_eq!(&*context.open_at(*sequence, aad, sealed).unwrap(), clear, "{sequence}");
        let mut message = clear.clone();
        context.seal_at(*sequence, aad, &mut message).unwrap();
        assert_eq!(&message, sealed, "{sequence}");
    }
}
