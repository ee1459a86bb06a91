//! Any packets, in any order.

use std::time::Duration;

use nfqueue::Hook;
use proptest::prelude::*;

use crate::world::{
    BOTH, Connection, World, change_cipher_spec, client_hello, hold, or_abort, protected,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn however_a_stream_is_cut_no_protected_byte_leaves_before_its_secrets_are_there(
        cuts in prop::collection::vec(1_usize..200, 1..8),
        // Segments that come late, and copies.
        order in prop::collection::vec(0_usize..12, 0..24),
    ) {
        let mut world = World::new(hold());
        let tcp = Connection::begin(&mut world, 1000, 0);
        let clear = [client_hello(1, false), change_cipher_spec()].concat();
        let stream = [clear.clone(), protected(60), protected(200)].concat();
        let mut segments = Vec::new();
        let mut at = 0;
        for len in cuts.iter().cycle().take(12) {
            let end = (at + len).min(stream.len());
            segments.push((at, &stream[at..end]));
            at = end;
        }
        segments.push((at, &stream[at..]));
        let late = order.iter().filter_map(|index| segments.get(*index));
        let mut sent = Vec::new();
        for (at, data) in late.chain(&segments).filter(|(_, data)| !data.is_empty()) {
            let place = u32::try_from(*at).unwrap();
            let id = tcp.send_at(&mut world, 0, place, data).unwrap();
            sent.push((id, at + data.len()));
        }
        // A piece of a record's header says nothing of what is protected.
        let body = clear.len() + 5;
        for (id, end) in &sent {
            prop_assert!(world.waits(*id) || *end < body, "up to {}", end);
            prop_assert!(!world.waits(*id) || *end > clear.len(), "up to {}", end);
        }
        world.acknowledge(1, &BOTH);
        prop_assert!(sent.iter().all(|(id, _)| !world.waits(*id)));
    }

    #[test]
    fn each_packet_gets_one_verdict_whatever_it_is(
        packets in prop::collection::vec(
            (0_u8..5, prop::collection::vec(any::<u8>(), 0..120), 0_usize..200, any::<bool>()), 1..40),
    ) {
        let mut world = World::new(or_abort());
        for (hook, mut bytes, more, is_tcp) in packets {
            let hook = [Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting]
                [usize::from(hook)];
            if is_tcp && bytes.len() >= 40 {
                // Few addresses and ports, so that they meet.
                bytes[..4].copy_from_slice(&[0x45, 0, 0, 0]);
                bytes[6..8].fill(0);
                bytes[9] = 6;
                let few = bytes[12] & 1;
                bytes[12..24].fill(few);
                bytes[32] = 0x50;
            }
            world.packet(hook, &bytes, bytes.len() + more);
        }
        world.pass(Duration::from_secs(10));
        for id in 1..=world.asked() {
            prop_assert!(!world.waits(id));
        }
    }
}
