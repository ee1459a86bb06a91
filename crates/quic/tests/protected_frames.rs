//! Frames of packets that secrets opened.
#![cfg(test)]

use proptest::prelude::*;
use quic::{Anomaly, ProtectedFrame, Version, protected_frame};
use wire::Reader;

#[test]
fn every_frame_of_rfc_9000_is_read_or_passed_over() {
    let token = [0; 16];
    let frames: [(&[u8], &[u8]); 20] = [
        (&[0, 0, 0], &[]),
        (&[1], &[]),
        (&[2, 5, 0, 1, 0, 1, 1], &[]),
        (&[3, 5, 0, 0, 0, 1, 2, 3], &[]),
        (&[4, 1, 2, 3], &[]),
        (&[5, 1, 2], &[]),
        (&[7, 2, 9, 9], &[]),
        (&[0x10, 0x40, 0x80], &[]),
        (&[0x11, 1, 2], &[]),
        (&[0x12, 1], &[]),
        (&[0x13, 1], &[]),
        (&[0x14, 1], &[]),
        (&[0x15, 1, 2], &[]),
        (&[0x17, 1], &[]),
        (&[0x18, 1, 0, 2, 7, 7], &token),
        (&[0x19, 1], &[]),
        (&[0x1a, 1, 2, 3, 4, 5, 6, 7, 8], &[]),
        (&[0x1b, 1, 2, 3, 4, 5, 6, 7, 8], &[]),
        (&[0x1e], &[]),
        (&[0x31, 1, 9], &[]),
    ];
    for (first, rest) in frames {
        let bytes = [first, rest].concat();
        let mut reader = Reader::new(&bytes);
        let kind = first[0];
        assert_eq!(
            protected_frame(&mut reader, Version::V1),
            Ok(ProtectedFrame::Other),
            "{kind:#x}"
        );
        assert!(reader.is_empty(), "{kind:#x}");
        for len in 1..bytes.len() {
            let mut reader = Reader::new(&bytes[..len]);
            let cut = protected_frame(&mut reader, Version::V1);
            assert!(kind == 0 || cut == Err(Anomaly::TruncatedFrame), "{kind:#x}, {len} bytes");
        }
    }
}

#[test]
fn streams_have_the_fields_that_their_type_says() {
    for (bytes, id, offset, text, is_last) in [
        (&[0x08, 4, b'a', b'b'][..], 4, 0, &b"ab"[..], false),
        (&[0x09, 4, b'a'], 4, 0, b"a", true),
        (&[0x0a, 5, 1, b'a'], 5, 0, b"a", false),
        (&[0x0e, 5, 7, 1, b'a'], 5, 7, b"a", false),
        (&[0x0f, 0x40, 0x80, 7, 2, b'a', b'b'], 128, 7, b"ab", true),
    ] {
        let found = protected_frame(&mut Reader::new(bytes), Version::V1).unwrap();
        assert_eq!(found, ProtectedFrame::Stream { id, offset, bytes: text, is_last });
    }
}

proptest! {
    #[test]
    fn any_bytes_come_to_an_end(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut reader = Reader::new(&bytes);
        while !reader.is_empty() {
            let before = reader.remaining();
            if protected_frame(&mut reader, Version::V2).is_err() {
                break;
            }
            prop_assert!(reader.remaining() < before);
        }
    }
}
