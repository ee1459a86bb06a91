//! Telling DTLS from what else goes over UDP.

use wire::{Reader, Truncated};

use super::fragment::Fragments;
use super::record::{FullRecord, OPENSSL_PRE_RFC, Record, Records, is_version};
use crate::registry::{ContentType, HandshakeType};

/// What shares a UDP port with DTLS, told by the first byte (RFC 7983 as updated by RFC 9443).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Multiplexed {
    /// STUN: 0 to 3.
    Stun,
    /// ZRTP: 16 to 19.
    Zrtp,
    /// DTLS: 20 to 63.
    Dtls,
    /// TURN channel data: 64 to 79, which QUIC may use as well.
    TurnChannel,
    /// RTP or RTCP: 128 to 191.
    Rtp,
    /// QUIC: 80 to 127 and 192 to 255.
    Quic,
    /// No protocol that the RFCs list.
    Unassigned,
}

impl Multiplexed {
    /// What a datagram that begins with `first_byte` can be.
    #[must_use]
    pub const fn of(first_byte: u8) -> Self {
        match first_byte {
            0..=3 => Self::Stun,
            16..=19 => Self::Zrtp,
            20..=63 => Self::Dtls,
            64..=79 => Self::TurnChannel,
            128..=191 => Self::Rtp,
            80..=127 | 192..=255 => Self::Quic,
            4..=15 => Self::Unassigned,
        }
    }
}

/// What a TURN `ChannelData` message carries (RFC 8656 section 12.4), or `None` if `datagram` is none.
#[must_use]
pub fn turn_channel_data(datagram: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader::new(datagram);
    let channel = reader.u16().ok()?;
    let data = reader.prefixed_u16().ok()?;
    let only_padding = reader.remaining() < TURN_ALIGNMENT;
    (CHANNELS.contains(&channel) && only_padding).then_some(data)
}

/// Whether `datagram` is made of DTLS records only, the first of which has a full header.
///
/// Types, versions, lengths and, for records in the clear, what they carry must fit. Encrypted
/// records of DTLS 1.3 alone say too little to tell them from random bytes.
#[must_use]
pub fn looks_like_dtls(datagram: &[u8]) -> bool {
    match datagram.first().map(|&first| ContentType(first)) {
        Some(ContentType::TLS12_CID) => connection_id_record(datagram).unwrap_or(false),
        Some(
            ContentType::CHANGE_CIPHER_SPEC
            | ContentType::ALERT
            | ContentType::HANDSHAKE
            | ContentType::APPLICATION_DATA
            | ContentType::HEARTBEAT,
        ) => records(datagram),
        _ => false,
    }
}

fn records(datagram: &[u8]) -> bool {
    Records::new(datagram, None).take(MAX_RECORDS).all(|record| match record {
        Ok(Record::Full(record)) => is_plausible(&record),
        Ok(Record::Unified(_)) => true,
        Err(_) => false,
    })
}

/// The length of the identifier is not on the wire: some length must make the record fill the rest.
fn connection_id_record(datagram: &[u8]) -> Result<bool, Truncated> {
    let mut reader = Reader::new(datagram);
    reader.u8()?;
    let version = reader.u16()?;
    let epoch = reader.u16()?;
    reader.u48()?;
    if !is_version(version) || epoch == 0 {
        return Ok(false);
    }
    for _ in 0..=MAX_GUESSED_CONNECTION_ID_LEN {
        let mut body = reader;
        if usize::from(body.u16()?) == body.remaining() && body.remaining() >= MIN_ENCRYPTED_LEN {
            return Ok(true);
        }
        reader.u8()?;
    }
    Ok(false)
}

fn is_plausible(record: &FullRecord<'_>) -> bool {
    if record.epoch > 0 {
        return record.fragment.len() >= MIN_ENCRYPTED_LEN;
    }
    match (record.content_type, record.fragment) {
        (ContentType::CHANGE_CIPHER_SPEC, [1]) => true,
        (ContentType::CHANGE_CIPHER_SPEC, [1, _, _]) => record.version == OPENSSL_PRE_RFC,
        (ContentType::ALERT, [1 | 2, _]) => true,
        (ContentType::HANDSHAKE, handshake) => is_handshake(handshake),
        _ => false,
    }
}

fn is_handshake(fragment: &[u8]) -> bool {
    let mut fragments = Fragments::new(fragment).peekable();
    fragments.peek().is_some()
        && fragments.all(|fragment| {
            fragment.is_ok_and(|fragment| {
                HANDSHAKE_TYPES.contains(&HandshakeType(fragment.message_type))
                    && fragment.message_len <= MAX_PLAUSIBLE_MESSAGE_LEN
                    && (fragment.message_len == 0) == fragment.body.is_empty()
            })
        })
}

/// Channel numbers (RFC 8656 section 12).
const CHANNELS: std::ops::RangeInclusive<u16> = 0x4000..=0x4fff;

/// `ChannelData` over UDP may be padded to this many bytes.
const TURN_ALIGNMENT: usize = 4;

/// Messages that go in the clear in some version of DTLS; `finished` does with a null cipher.
const HANDSHAKE_TYPES: [HandshakeType; 15] = [
    HandshakeType::HELLO_REQUEST,
    HandshakeType::CLIENT_HELLO,
    HandshakeType::SERVER_HELLO,
    HandshakeType::HELLO_VERIFY_REQUEST,
    HandshakeType::NEW_SESSION_TICKET,
    HandshakeType::CERTIFICATE,
    HandshakeType::SERVER_KEY_EXCHANGE,
    HandshakeType::CERTIFICATE_REQUEST,
    HandshakeType::SERVER_HELLO_DONE,
    HandshakeType::CERTIFICATE_VERIFY,
    HandshakeType::CLIENT_KEY_EXCHANGE,
    HandshakeType::FINISHED,
    HandshakeType::CERTIFICATE_URL,
    HandshakeType::CERTIFICATE_STATUS,
    HandshakeType::SUPPLEMENTAL_DATA,
];

/// Longest message that a datagram may announce, in bytes: what handshakes with large certificates
/// need, and less than a hundredth of what the field can hold.
const MAX_PLAUSIBLE_MESSAGE_LEN: u32 = 128 * 1024;

/// Longest connection identifier that is tried, in bytes: the longest that QUIC has, for want of a
/// limit in RFC 9146 short of 255.
const MAX_GUESSED_CONNECTION_ID_LEN: u8 = 20;

/// Fewest encrypted bytes: one of content and the 8-byte tag of CCM-8.
const MIN_ENCRYPTED_LEN: usize = 9;

/// Records that are looked at: flights that fit a datagram have fewer, and these suffice.
const MAX_RECORDS: usize = 16;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hellos_and_encrypted_records_are_recognised() {
        let hello = handshake(1, 50, 0, &[7; 50]);
        for (what, datagram) in [
            ("client hello", record(22, 0xfeff, 0, &hello)),
            (
                "first of a fragmented hello",
                record(22, 0xfefd, 0, &handshake(1, 2000, 0, &[7; 900])),
            ),
            ("before the RFC", record(22, 0x0100, 0, &hello)),
            ("alert", record(21, 0xfefd, 0, &[2, 40])),
            ("application data", record(23, 0xfefd, 1, &[9; 40])),
            (
                "change and finished",
                [record(20, 0xfefd, 0, &[1]), record(22, 0xfefd, 1, &[9; 40])].concat(),
            ),
            ("hello and DTLS 1.3", [record(22, 0xfefd, 0, &hello), vec![0x2e; 60]].concat()),
        ] {
            let expected = what != "hello and DTLS 1.3";
            assert_eq!(looks_like_dtls(&datagram), expected, "{what}");
        }
        let mut unified = record(22, 0xfefd, 0, &hello);
        unified.extend([0x2e, 1, 2, 0, 20]);
        unified.extend([9; 20]);
        assert!(looks_like_dtls(&unified));
        let mut with_connection_id = record(25, 0xfefd, 1, &[9; 40]);
        with_connection_id.splice(11..11, [1, 2, 3, 4, 5, 6]);
        assert!(looks_like_dtls(&with_connection_id));
    }

    #[test]
    fn what_does_not_fit_is_not_recognised() {
        let hello = handshake(1, 50, 0, &[7; 50]);
        for (what, datagram) in [
            ("nothing", vec![]),
            ("TLS", record(22, 0x0303, 0, &hello)),
            ("unknown handshake type", record(22, 0xfefd, 0, &handshake(99, 50, 0, &[7; 50]))),
            ("huge message", record(22, 0xfefd, 0, &handshake(1, 1 << 20, 0, &[7; 50]))),
            ("past the message", record(22, 0xfefd, 0, &handshake(1, 50, 10, &[7; 50]))),
            ("empty handshake", record(22, 0xfefd, 0, &[])),
            ("alert level", record(21, 0xfefd, 0, &[3, 40])),
            ("application data in the clear", record(23, 0xfefd, 0, &[9; 40])),
            ("short encrypted", record(23, 0xfefd, 1, &[9; 4])),
            ("trailing bytes", [record(22, 0xfefd, 0, &hello), vec![0]].concat()),
            ("connection identifier in the clear", record(25, 0xfefd, 0, &[9; 40])),
            ("unified alone", vec![0x2c; 50]),
        ] {
            assert!(!looks_like_dtls(&datagram), "{what}");
        }
    }

    #[test]
    fn every_prefix_is_not_recognised() {
        let mut with_connection_id = record(25, 0xfefd, 1, &[9; 40]);
        with_connection_id.splice(11..11, [1, 2, 3]);
        for datagram in [record(22, 0xfefd, 0, &handshake(1, 5, 0, &[7; 5])), with_connection_id] {
            for len in 0..datagram.len() {
                assert!(!looks_like_dtls(&datagram[..len]), "prefix of {len} bytes");
            }
        }
    }

    #[test]
    fn the_first_byte_tells_what_shares_the_port() {
        for (byte, expected) in [
            (0, Multiplexed::Stun),
            (3, Multiplexed::Stun),
            (4, Multiplexed::Unassigned),
            (16, Multiplexed::Zrtp),
            (20, Multiplexed::Dtls),
            (63, Multiplexed::Dtls),
            (64, Multiplexed::TurnChannel),
            (80, Multiplexed::Quic),
            (128, Multiplexed::Rtp),
            (191, Multiplexed::Rtp),
            (192, Multiplexed::Quic),
        ] {
            assert_eq!(Multiplexed::of(byte), expected, "{byte}");
        }
    }

    #[test]
    fn channel_data_is_unwrapped() {
        assert_eq!(turn_channel_data(&[0x40, 0, 0, 2, 22, 1]), Some(&[22, 1][..]));
        assert_eq!(turn_channel_data(&[0x4f, 0xff, 0, 1, 22, 0, 0, 0]), Some(&[22][..]));
        for datagram in [&[0x40, 0, 0, 2, 22][..], &[0x50, 0, 0, 0], &[0x40, 0, 0, 0, 0, 0, 0, 0]] {
            assert_eq!(turn_channel_data(datagram), None, "{datagram:?}");
        }
    }

    proptest! {
        #[test]
        fn random_bytes_are_not_recognised(datagram in proptest::collection::vec(any::<u8>(), 0..100)) {
            prop_assert!(!looks_like_dtls(&datagram));
        }

        #[test]
        fn what_is_recognised_can_be_read(
            content_type in 20_u8..25,
            epoch in 0_u16..2,
            fragment in proptest::collection::vec(0_u8..24, 0..40),
            rest in proptest::collection::vec(0_u8..64, 0..20),
        ) {
            let datagram = [record(content_type, 0xfefd, epoch, &fragment), rest].concat();
            let readable = Records::new(&datagram, None).all(|record| record.is_ok());
            prop_assert!(readable || !looks_like_dtls(&datagram));
        }
    }

    fn record(content_type: u8, version: u16, epoch: u16, fragment: &[u8]) -> Vec<u8> {
        let mut record = vec![content_type];
        record.extend(version.to_be_bytes());
        record.extend(epoch.to_be_bytes());
        record.extend([0, 0, 0, 0, 0, 1]);
        record.extend(u16::try_from(fragment.len()).unwrap().to_be_bytes());
        record.extend(fragment);
        record
    }

    fn handshake(message_type: u8, message_len: u32, offset: u32, body: &[u8]) -> Vec<u8> {
        let mut fragment = vec![message_type];
        fragment.extend(&message_len.to_be_bytes()[1..]);
        fragment.extend([0, 0]);
        fragment.extend(&offset.to_be_bytes()[1..]);
        fragment.extend(&u32::try_from(body.len()).unwrap().to_be_bytes()[1..]);
        fragment.extend(body);
        fragment
    }
}
