//! What agents, monitors and an escrow service say to each other.

use escrow::wire::FrameReader;

use crate::input::Datagrams;

/// Takes frames in the pieces in which they come; splitting them further changes nothing.
pub fn escrow_frames(input: &[u8]) {
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
    assert!(bytes.starts_with(&at_once.concat()), "a frame is written as it was read");
}

/// Takes frames up to the first that is malformed or not there yet.
fn take(reader: &mut FrameReader, taken: &mut Vec<Vec<u8>>) {
    while let Ok(Some(frame)) = reader.next_frame() {
        let mut again = Vec::new();
        frame.put(&mut again);
        taken.push(again);
    }
}
