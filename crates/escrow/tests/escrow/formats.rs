//! Bytes that may be anything.

use ::wire::Reader;
use escrow::Malformed;
use escrow::seal::{Content, ContextRecord, SealedRecord};
use escrow::store::Entry;
use escrow::tier::{Facts, Part};
use escrow::wire::{Frame, FrameReader, IncidentKind, Peer, Refusal};
use proptest::prelude::*;
use secrets::{Label, Origin, Role, Secret, SessionStage, ShortText};

use crate::world::now;

#[test]
fn a_content_comes_back_from_its_bytes_and_from_no_prefix() {
    for (part, secrets) in [
        (Part::Metadata, vec![]),
        (Part::Handshake, vec![(Label::ClientHandshakeTraffic, Secret::new(&[1; 48]))]),
        (Part::Client, vec![(Label::ClientTraffic(3), Secret::new(&[2; 32]))]),
        (Part::Server, vec![(Label::ServerWrite, Secret::new(&[3; 40]))]),
        (Part::Master, vec![(Label::ClientRandom, Secret::new(&[4; 48]))]),
    ] {
        let origin = Origin {
            pid: Some(1),
            uid: Some(2),
            executable: ShortText::new("/usr/sbin/nginx"),
            command: ShortText::new("nginx"),
            role: Some(Role::Server),
            server_name: Some(ShortText::new("ä.example")),
            local: Some("[2001:db8::1]:443".parse().unwrap()),
            peer: Some("192.0.2.1:50000".parse().unwrap()),
            time: now(),
        };
        let facts = Facts {
            stage: SessionStage::Application,
            version: 0x0303,
            cipher_suite: 0xc02f,
            client_random: [5; 32],
            server_random: Some([6; 32]),
        };
        let origin = (part == Part::Metadata).then_some(origin);
        let content = Content { part, facts, origin, secrets };
        let bytes = content.dangerous_bytes();
        let again = Content::parse(&bytes).unwrap();
        assert_eq!((again.part, again.facts, &again.origin), (part, facts, &content.origin));
        assert_eq!(again.dangerous_bytes(), bytes);
        for len in 0..bytes.len() {
            assert!(Content::parse(&bytes[..len]).is_err(), "{part:?}, {len} bytes");
        }
        assert!(Content::parse(&[&bytes[..], &[0]].concat()).is_err());
    }
}

#[test]
fn a_secret_of_another_part_is_refused() {
    let facts = Facts {
        stage: SessionStage::Hello,
        version: 0x0304,
        cipher_suite: 0x1301,
        client_random: [5; 32],
        server_random: None,
    };
    let secrets = vec![(Label::ClientTraffic(0), Secret::new(&[2; 32]))];
    let content = Content { part: Part::Handshake, facts, origin: None, secrets };
    assert_eq!(Content::parse(&content.dangerous_bytes()).err(), Some(Malformed::Value));
}

fn frames() -> Vec<Vec<u8>> {
    let frames = [
        Frame::Hello(Peer::Agent),
        Frame::Hello(Peer::Monitor),
        Frame::Context(&[1; 60]),
        Frame::Deliver { sequence: 7, client_random: [1; 32], archive: &[2; 100], live: &[3; 50] },
        Frame::Incident {
            kind: IncidentKind::Abort,
            sessions: 3,
            client_random: Some([1; 32]),
            reason: ShortText::new("deadline"),
        },
        Frame::Subscribe { grant: "grant", key: "key" },
        Frame::Taken(9),
        Frame::Ping,
        Frame::Announcement(b"{}"),
        Frame::Acknowledge { received: 3, durable: 2, live: 1 },
        Frame::Missed(4),
        Frame::Refused(Refusal::Storage),
        Frame::Live { agent: "web-1", record: &[1; 80] },
    ];
    frames
        .iter()
        .map(|frame| {
            let mut bytes = Vec::new();
            frame.put(&mut bytes);
            assert_eq!(Frame::parse(&bytes), Ok(Some((frame.clone(), bytes.len()))));
            bytes
        })
        .collect()
}

#[test]
fn a_prefix_of_a_frame_is_no_error_and_consumes_nothing() {
    for bytes in frames() {
        for len in 0..bytes.len() {
            assert_eq!(Frame::parse(&bytes[..len]), Ok(None), "{len} bytes of {bytes:?}");
        }
    }
}

#[test]
fn lengths_that_a_kind_does_not_have_are_refused_before_the_body_comes() {
    for bytes in frames() {
        let mut head = *bytes.first_chunk::<5>().unwrap();
        head[..4].copy_from_slice(&u32::MAX.to_be_bytes());
        assert!(matches!(Frame::parse(&head), Err(Malformed::Len { .. })), "{head:?}");
    }
    assert_eq!(Frame::parse(&[0, 0, 0, 0, 99]), Err(Malformed::Kind(99)));
}

proptest! {
    #[test]
    fn anything_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        drop(Content::parse(&bytes).map(|content| content.dangerous_bytes()));
        SealedRecord::parse(&mut Reader::new(&bytes)).ok();
        ContextRecord::parse(&mut Reader::new(&bytes)).ok();
        Entry::parse(&bytes).ok();
        Frame::parse(&bytes).ok();
    }

    #[test]
    fn frames_are_the_same_however_they_are_cut(cuts in prop::collection::vec(1_usize..60, 1..60)) {
        let all = frames().concat();
        let mut reader = FrameReader::default();
        let mut again = Vec::new();
        let mut rest = &all[..];
        let mut cuts = cuts.iter().cycle();
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
            reader.push(piece);
            while let Some(frame) = reader.next_frame().unwrap() {
                frame.put(&mut again);
            }
            rest = behind;
        }
        prop_assert_eq!(again, all);
    }

    #[test]
    fn a_record_that_was_read_is_written_the_same(
        sequence in any::<u64>(), time_ms in any::<u64>(), part in 0_u8..5,
        sealed in prop::collection::vec(any::<u8>(), 16..200),
    ) {
        let record = SealedRecord {
            part: Part::numbered(part).unwrap(),
            stage: SessionStage::Application,
            recipient: [1; 16],
            context: [2; 16],
            sequence,
            time_ms,
            sealed: &sealed,
        };
        let mut bytes = Vec::new();
        record.put(&mut bytes);
        let mut reader = Reader::new(&bytes);
        prop_assert_eq!(SealedRecord::parse(&mut reader), Ok(record));
        prop_assert!(reader.is_empty());
        for len in 0..bytes.len() {
            prop_assert!(SealedRecord::parse(&mut Reader::new(&bytes[..len])).is_err());
        }
    }
}
