//! Beacons of an escrow.

use escrow::beacon::Beacon;

/// Reads a datagram; one that is read is written again as it was, but for its tag.
///
/// # Panics
/// If it is not.
pub fn escrow_beacon(input: &[u8]) {
    let Ok(beacon) = Beacon::parse(input) else { return };
    assert!(Beacon::is_claimed(input), "what is a beacon claims to be one");
    let mut written = b"TLSB\x01".to_vec();
    beacon.context.put(&mut written);
    beacon.record.put(&mut written);
    assert!(input.starts_with(&written) && input.len() == written.len() + 16, "all of it was read");
}
