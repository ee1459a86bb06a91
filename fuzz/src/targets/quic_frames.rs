//! What is inside Initial packets: the input is sealed as an endpoint would do it.

#[path = "../../../crates/quic/tests/sealed/mod.rs"]
#[expect(dead_code, reason = "a part is enough here")]
mod sealed;

use crate::engines::quic;
use crate::input::{Datagrams, put_datagram};
use sealed::{Initial, Keys};

/// Seals each datagram's bytes in an Initial packet and follows the connection.
pub fn quic_frames(input: &[u8]) {
    let (client, server) = (Keys::client(), Keys::server());
    let mut datagrams = Vec::new();
    for ((flags, frames), packet_number) in Datagrams::new(input).zip(0..) {
        // The sample for header protection needs three bytes behind the packet number.
        let mut payload = frames.iter().copied().take(MAX_PAYLOAD_LEN).collect::<Vec<_>>();
        payload.resize(payload.len().max(3), 0);
        let (initial, keys) = match flags & 1 {
            0 => (Initial::client(&payload), &client),
            _ => (Initial::server(&payload), &server),
        };
        put_datagram(flags, &Initial { packet_number, ..initial }.seal(keys), &mut datagrams);
    }
    quic(&datagrams);
}

/// What the length field of two bytes leaves room for.
const MAX_PAYLOAD_LEN: usize = 16_000;
