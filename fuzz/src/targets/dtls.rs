//! Datagrams of DTLS: records, fragments and the reassembly of messages.

use crate::input::Datagrams;
use tls::dtls::{
    Delivery, Fragments, MAX_BUFFERED_LEN, MAX_MESSAGE_LEN, MessageReassembler, Record, Records,
    looks_like_dtls, turn_channel_data,
};

/// Reassembles the messages of datagrams.
pub fn dtls(input: &[u8]) {
    let mut reassembler = MessageReassembler::new();
    let deliver = |delivery: Delivery<'_>| {
        if let Delivery::Message(message) = delivery {
            assert!(message.body.len() <= MAX_MESSAGE_LEN);
        }
    };
    for (flags, datagram) in Datagrams::new(input) {
        let datagram = turn_channel_data(datagram).unwrap_or(datagram);
        std::hint::black_box(looks_like_dtls(datagram));
        let connection_id_len = (flags & 0x80 != 0).then_some(flags & 0x1f);
        for record in Records::new(datagram, connection_id_len).flatten() {
            let Record::Full(record) = record else { continue };
            for fragment in Fragments::new(record.fragment).flatten() {
                reassembler.add(&fragment, deliver);
                assert!(reassembler.buffered_bytes() <= MAX_BUFFERED_LEN);
            }
        }
        if flags & 0x40 != 0 {
            reassembler.skip_gap(deliver);
        }
    }
}
