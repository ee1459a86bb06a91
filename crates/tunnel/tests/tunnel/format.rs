//! Frames, records and replies.

use std::net::SocketAddr;

use event::Timestamp;
use forge::{ConnectionId, Ending, MissingCause, Opened, Origin, Record, RecordKind, Side};
use proptest::prelude::*;
use tunnel::format::{
    Frame, FrameReader, Hello, MAX_BATCH_LEN, MAX_DATA_LEN, Malformed, Packer, Records, Refusal,
    Reply, Report, SessionId, Unpacker, VERSION, encoded_len, put_record, shed,
};

use crate::records::{closed, data, noise, opened, record};

proptest! {
    #[test]
    fn records_come_back_as_they_were(records in prop::collection::vec(any_record(), 0..20)) {
        let mut bytes = Vec::new();
        for record in &records {
            let before = bytes.len();
            put_record(&record.borrowed(), &mut bytes);
            prop_assert!(bytes.len() - before <= encoded_len(&record.borrowed()));
        }
        let read: Vec<_> = Records::new(&bytes).collect::<Result<_, _>>().unwrap();
        let written: Vec<_> = records.iter().map(OwnedRecord::borrowed).collect();
        prop_assert_eq!(read, written);
    }

    #[test]
    fn a_record_that_is_cut_is_malformed_and_the_last(record in any_record()) {
        let mut bytes = Vec::new();
        put_record(&record.borrowed(), &mut bytes);
        for len in 1..bytes.len() {
            let read: Vec<_> = Records::new(&bytes[..len]).collect();
            prop_assert_eq!(&read, &[Err(Malformed::Record)], "prefix of {} bytes", len);
        }
    }

    #[test]
    fn any_bytes_are_records_or_malformed(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut again = Vec::new();
        let mut is_whole = true;
        for read in Records::new(&bytes) {
            match read {
                Ok(record) => put_record(&record, &mut again),
                Err(_) => is_whole = false,
            }
        }
        if is_whole {
            prop_assert_eq!(&again, &bytes);
        } else {
            prop_assert!(bytes.starts_with(&again) && again.len() < bytes.len());
        }
    }

    #[test]
    fn frames_come_out_whole_however_they_are_split(cuts in prop::collection::vec(0_usize..900, 0..9)) {
        let (bytes, frames) = frames();
        let mut cuts: Vec<_> = cuts.into_iter().filter(|cut| *cut < bytes.len()).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let (mut reader, mut read) = (FrameReader::default(), Vec::new());
        for pair in cuts.windows(2) {
            reader.push(&bytes[pair[0]..pair[1]]);
            while let Some(frame) = reader.next_frame().unwrap() {
                read.push(format!("{frame:?}"));
            }
        }
        prop_assert_eq!(read, frames);
    }

    #[test]
    fn any_bytes_are_frames_or_malformed(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut reader = FrameReader::default();
        reader.push(&bytes);
        while let Ok(Some(_)) = reader.next_frame() {}
    }

    #[test]
    fn a_reply_is_one_of_few(bytes in any::<[u8; Reply::LEN]>()) {
        if let Ok(reply) = Reply::parse(bytes) {
            prop_assert_eq!(reply.to_bytes(), bytes);
        }
    }

    #[test]
    fn what_is_shed_keeps_its_places(records in prop::collection::vec(any_record(), 0..20)) {
        let mut bytes = Vec::new();
        records.iter().for_each(|record| put_record(&record.borrowed(), &mut bytes));
        let (kept, lost) = shed(&bytes).unwrap();
        let mut sum = 0;
        let others = |bytes: &[u8]| -> Vec<String> {
            Records::new(bytes)
                .map(Result::unwrap)
                .filter(|it| matches!(it.kind, RecordKind::Opened(_) | RecordKind::Closed(_)))
                .map(|it| format!("{it:?}"))
                .collect()
        };
        for record in Records::new(&kept) {
            match record.unwrap().kind {
                RecordKind::Data { .. } => prop_assert!(false, "clear text was kept"),
                RecordKind::Missing { len, cause: MissingCause::Overload, .. } => sum += u128::from(len),
                RecordKind::Opened(_) | RecordKind::Missing { .. } | RecordKind::Closed(_) => {}
            }
        }
        let said: u128 = records
            .iter()
            .map(|it| {
                let OwnedKind::Missing(_, _, len, MissingCause::Overload) = it.kind else { return 0 };
                u128::from(len)
            })
            .sum();
        prop_assert_eq!(sum, said + u128::from(lost));
        prop_assert_eq!(others(&kept), others(&bytes));
    }
}

#[test]
fn every_prefix_of_frames_needs_more_bytes() {
    let (bytes, frames) = frames();
    for len in 0..bytes.len() {
        let mut reader = FrameReader::default();
        reader.push(&bytes[..len]);
        let mut read = 0;
        while reader.next_frame().unwrap().is_some() {
            read += 1;
        }
        assert!(read < frames.len(), "prefix of {len} bytes");
    }
}

#[test]
fn hostile_lengths_are_refused_by_the_first_five_bytes() {
    let too_long = u32::try_from(MAX_BATCH_LEN * 2).unwrap();
    for (kind, len) in
        [(1, 257), (1, 5), (2, 11), (2, too_long), (2, u32::MAX), (3, u32::MAX), (4, 25), (5, 23)]
    {
        let head = [&len.to_be_bytes()[..], &[kind]].concat();
        assert_eq!(Frame::parse(&head), Err(Malformed::FrameLen { kind, len }));
        assert_eq!(Frame::parse(&head[..4]), Ok(None));
    }
    for kind in [0, 6, 255] {
        assert_eq!(Frame::parse(&[0, 0, 0, 0, kind]), Err(Malformed::FrameKind(kind)));
    }
}

#[test]
fn a_hello_of_another_version_or_protocol_is_told_apart() {
    let mut bytes = Vec::new();
    hello().put(&mut bytes);
    let mut other = bytes.clone();
    other[10] = other[10].wrapping_add(1);
    assert_eq!(Frame::parse(&other), Err(Malformed::Version(VERSION + 1)));
    bytes[5] = b'X';
    assert_eq!(Frame::parse(&bytes), Err(Malformed::Magic));
}

#[test]
fn batches_survive_compression() {
    for batch in [Vec::new(), vec![7; MAX_BATCH_LEN], noise(1, MAX_BATCH_LEN), noise(2, 1)] {
        let mut packed = Vec::new();
        Packer::new().unwrap().pack(&batch, &mut packed).unwrap();
        let (mut unpacker, mut out) = (Unpacker::new().unwrap(), vec![1, 2, 3]);
        let len = u32::try_from(batch.len()).unwrap();
        unpacker.unpack(&packed, len, &mut out).unwrap();
        assert_eq!(out, batch);
        let mut frame = Vec::new();
        Frame::Batch { sequence: 1, len, packed: &packed }.put(&mut frame);
        assert!(matches!(Frame::parse(&frame), Ok(Some((Frame::Batch { .. }, _)))));
    }
}

#[test]
fn a_decompression_bomb_is_refused() {
    let mut packed = Vec::new();
    Packer::new().unwrap().pack(&vec![0; 64 << 20], &mut packed).unwrap();
    let (mut unpacker, mut out) = (Unpacker::new().unwrap(), Vec::new());
    let max = u32::try_from(MAX_BATCH_LEN).unwrap();
    let long = 64 << 20;
    assert_eq!(unpacker.unpack(&packed, long, &mut out), Err(Malformed::BatchLen(long)));
    for len in [0, 100, max] {
        assert_eq!(unpacker.unpack(&packed, len, &mut out), Err(Malformed::Compression));
        assert!(out.capacity() <= MAX_BATCH_LEN);
    }
    for garbage in [&b""[..], b"\x28\xb5\x2f\xfd", &noise(3, 200)] {
        assert_eq!(unpacker.unpack(garbage, 10, &mut out), Err(Malformed::Compression));
    }
}

#[test]
fn long_clear_text_becomes_several_records() {
    let text = noise(4, 3 * MAX_DATA_LEN + 1);
    let mut bytes = Vec::new();
    put_record(&data(1, Side::Server, 10, &text), &mut bytes);
    let mut next = 10;
    for read in Records::new(&bytes) {
        let RecordKind::Data { sender, position, bytes } = read.unwrap().kind else { panic!() };
        assert_eq!((sender, position), (Side::Server, next));
        assert!(bytes.len() <= MAX_DATA_LEN);
        next += bytes.len() as u64;
    }
    assert_eq!(next, 10 + text.len() as u64);
}

#[test]
fn clear_text_that_is_too_long_or_beyond_all_positions_is_refused() {
    let mut bytes = Vec::new();
    put_record(&data(1, Side::Client, u64::MAX, b"x"), &mut bytes);
    assert_eq!(Records::new(&bytes).next(), Some(Err(Malformed::DataLen(1))));
    let mut bytes = Vec::new();
    put_record(&data(1, Side::Client, 0, b"x"), &mut bytes);
    bytes[25..29].copy_from_slice(&u32::MAX.to_be_bytes());
    let refused = Malformed::DataLen(u32::MAX.into());
    assert_eq!(Records::new(&bytes).collect::<Vec<_>>(), [Err(refused)]);
    let (sender, cause) = (Side::Server, MissingCause::Fault);
    let kind = RecordKind::Missing { sender, position: 2, len: u64::MAX - 1, cause };
    let mut bytes = Vec::new();
    put_record(&record(1, kind), &mut bytes);
    assert_eq!(Records::new(&bytes).next(), Some(Err(Malformed::DataLen(u64::MAX - 1))));
}

#[test]
fn each_refusal_has_a_reply_and_a_name() {
    for refusal in Refusal::ALL {
        let reply = Reply::Refused(refusal);
        assert_eq!(Reply::parse(reply.to_bytes()), Ok(reply));
        assert!(!refusal.name().is_empty());
    }
}

fn hello() -> Frame<'static> {
    Frame::Hello(Hello { session: SessionId([9; 16]), acknowledged: 3 })
}

/// Some frames, and how they look.
fn frames() -> (Vec<u8>, Vec<String>) {
    let mut records = Vec::new();
    for record in [opened(1), data(1, Side::Client, 0, b"GET / HTTP/1.1\r\n\r\n"), closed(1)] {
        put_record(&record, &mut records);
    }
    let (len, mut packed) = (u32::try_from(records.len()).unwrap(), Vec::new());
    Packer::new().unwrap().pack(&records, &mut packed).unwrap();
    let report = Report { seen_bytes: 1, dropped_bytes: 2, untold_connections: 3 };
    let all = [
        hello(),
        Frame::Known { len, packed: &packed },
        Frame::Batch { sequence: 4, len, packed: &packed },
        Frame::Heartbeat(report),
        Frame::Goodbye(report),
    ];
    let mut bytes = Vec::new();
    all.iter().for_each(|frame| frame.put(&mut bytes));
    (bytes, all.iter().map(|frame| format!("{frame:?}")).collect())
}

#[derive(Clone, Debug)]
struct OwnedRecord {
    connection: u64,
    at: i64,
    kind: OwnedKind,
}

#[derive(Clone, Debug)]
enum OwnedKind {
    Opened(Opened),
    Data(Side, u64, Vec<u8>),
    Missing(Side, u64, u64, MissingCause),
    Closed(Ending),
}

impl OwnedRecord {
    fn borrowed(&self) -> Record<'_> {
        let kind = match &self.kind {
            OwnedKind::Opened(opened) => RecordKind::Opened(Box::new(opened.clone())),
            OwnedKind::Data(sender, position, bytes) => {
                RecordKind::Data { sender: *sender, position: *position, bytes }
            }
            OwnedKind::Missing(sender, position, len, cause) => RecordKind::Missing {
                sender: *sender,
                position: *position,
                len: *len,
                cause: *cause,
            },
            OwnedKind::Closed(ending) => RecordKind::Closed(*ending),
        };
        Record {
            connection: ConnectionId(self.connection),
            at: Timestamp::from_nanos(self.at),
            kind,
        }
    }
}

fn any_record() -> impl Strategy<Value = OwnedRecord> {
    (any::<u64>(), any::<i64>(), any_kind()).prop_map(|(connection, at, kind)| OwnedRecord {
        connection,
        at,
        kind,
    })
}

fn any_kind() -> impl Strategy<Value = OwnedKind> {
    let side = || prop::sample::select(vec![Side::Client, Side::Server]);
    let text = || prop::collection::vec(any::<u8>(), 1..200);
    let cause = prop::sample::select(vec![
        MissingCause::RingFull,
        MissingCause::Fault,
        MissingCause::Overload,
        MissingCause::Redacted,
        MissingCause::Undecryptable,
    ]);
    let ending = prop::sample::select(vec![Ending::Finished, Ending::Reset, Ending::Abandoned]);
    prop_oneof![
        any_opened().prop_map(OwnedKind::Opened),
        (side(), 0..u64::MAX / 2, text()).prop_map(|(a, b, c)| OwnedKind::Data(a, b, c)),
        (side(), 0..u64::MAX / 2, 0..u64::MAX / 2, cause)
            .prop_map(|(a, b, c, d)| OwnedKind::Missing(a, b, c, d)),
        ending.prop_map(OwnedKind::Closed),
    ]
}

fn any_opened() -> impl Strategy<Value = Opened> {
    let address = || {
        prop_oneof![
            any::<([u8; 4], u16)>().prop_map(SocketAddr::from),
            any::<([u8; 16], u16)>().prop_map(SocketAddr::from),
        ]
    };
    let origin = (any::<bool>(), any::<u32>(), "[a-z]{0,15}", prop::option::of("[0-9a-f]{64}"))
        .prop_map(|(is_server, pid, command, container)| Origin {
            side: if is_server { Side::Server } else { Side::Client },
            pid,
            command: command.into(),
            container: container.map(Into::into),
        });
    (address(), address(), any::<bool>(), prop::option::of(origin))
        .prop_map(|(client, server, is_late, origin)| Opened { client, server, is_late, origin })
}
