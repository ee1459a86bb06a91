//! What an agent sends to a sensor.

use tunnel::format::{Frame, FrameReader, MAX_BATCH_LEN, Unpacker};

use crate::input::Datagrams;

/// Takes frames in the pieces in which they come; splitting them further changes nothing.
pub fn tunnel_frames(input: &[u8]) {
    let (mut in_pieces, mut whole) = (FrameReader::default(), FrameReader::default());
    let (mut pieces, mut bytes) = (Vec::new(), Vec::new());
    for (_, piece) in Datagrams::new(input) {
        bytes.extend_from_slice(piece);
        in_pieces.push(piece);
        take(&mut in_pieces, &mut pieces);
    }
    let mut at_once = Vec::new();
    whole.push(&bytes);
    take(&mut whole, &mut at_once);
    assert_eq!(pieces, at_once);
}

/// Takes frames up to the first that is malformed or not there yet.
fn take(reader: &mut FrameReader, taken: &mut Vec<Vec<u8>>) {
    let Ok(mut unpacker) = Unpacker::new() else { return };
    let mut records = Vec::new();
    while let Ok(Some(frame)) = reader.next_frame() {
        if let Frame::Batch { len, packed, .. } | Frame::Known { len, packed } = frame {
            if unpacker.unpack(packed, len, &mut records).is_ok() {
                super::tunnel_records(&records);
            }
            assert!(records.capacity() <= MAX_BATCH_LEN);
        }
        let mut again = Vec::new();
        frame.put(&mut again);
        taken.push(again);
    }
}
