//! Forged frames, followed by tlsight's own engine: the same bytes, and the same holes.

use flow::{
    Application, Direction, EndReason, Engine, Flow, FlowAnomaly, Interest, Limits, Progress,
};
use forge::{Ending, Frames, Mtu, Settings, Side};
use proptest::prelude::*;
use wire::{LinkType, Packet};

use crate::read::Teller;

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_directions_arrive_with_the_holes_that_were_told(
        mtu in 576_u16..=u16::MAX,
        is_v6 in any::<bool>(),
        vlan in proptest::option::of(1_u16..4095),
        turns in proptest::collection::vec(turn(), 0..30),
        key in any::<u64>(),
    ) {
        let mtu = Mtu::new(mtu).unwrap();
        let mut teller = Teller::new(Settings { mtu, vlan, key, ..Settings::default() });
        let (client, server) = if is_v6 {
            ("[2001:db8::1]:5000", "[2001:db8::2]:443")
        } else {
            ("192.0.2.1:5000", "192.0.2.2:443")
        };
        teller.open(1, client, server);
        let mut told = [Vec::new(), Vec::new()];
        let mut positions = [0, 0];
        for turn in &turns {
            let index = usize::from(turn.sender == Side::Server);
            let (position, len) = (&mut positions[index], turn.len);
            if turn.is_missing {
                teller.missing(1, turn.sender, *position, len);
                push(&mut told[index], Piece::Hole(len));
            } else {
                let bytes: Vec<u8> = (*position..*position + len).map(|at| at.to_be_bytes()[7]).collect();
                teller.data(1, turn.sender, *position, &bytes);
                push(&mut told[index], Piece::Bytes(bytes));
            }
            *position += len;
        }
        teller.close(1, Ending::Finished);
        let seen = followed(&teller.frames);
        prop_assert_eq!(&seen.anomalies, &[]);
        // The engine looks at a flow from its first payload on.
        if turns.iter().any(|turn| !turn.is_missing) {
            prop_assert_eq!(&seen.ends, &[EndReason::Fin]);
            prop_assert_eq!(&seen.pieces, &told);
        }
        let counters = teller.forger.counters();
        let of = |missing: bool| -> u64 {
            turns.iter().filter(|turn| turn.is_missing == missing).map(|turn| turn.len).sum()
        };
        prop_assert_eq!((counters.delivered_bytes, counters.missing_bytes), (of(false), of(true)));
        prop_assert_eq!(counters.dropped_bytes(), 0);
    }
}

#[derive(Clone, Debug)]
struct Turn {
    sender: Side,
    is_missing: bool,
    len: u64,
}

fn turn() -> impl Strategy<Value = Turn> {
    let sender = prop_oneof![Just(Side::Client), Just(Side::Server)];
    // One byte at the end of a stream that only an acknowledgement tells might be a FIN.
    let len = prop_oneof![2_u64..100, 1000_u64..3000, Just(16_384), 2_u64..70_000];
    let kinds = prop_oneof![4 => Just(false), 1 => Just(true)];
    (sender, kinds, len).prop_map(|(sender, is_missing, len)| Turn { sender, is_missing, len })
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Bytes(Vec<u8>),
    Hole(u64),
}

/// Appends a piece to a stream; neighbours of a kind are one.
fn push(stream: &mut Vec<Piece>, piece: Piece) {
    match (stream.last_mut(), piece) {
        (Some(Piece::Bytes(last)), Piece::Bytes(more)) => last.extend(more),
        (Some(Piece::Hole(last)), Piece::Hole(more)) => *last += more,
        (_, piece) => stream.push(piece),
    }
}

#[derive(Default)]
struct Follower {
    pieces: [Vec<Piece>; 2],
    anomalies: Vec<FlowAnomaly>,
    ends: Vec<EndReason>,
}

fn followed(frames: &Frames) -> Follower {
    let mut engine = Engine::new(Follower::default(), Limits::for_memory(64 << 20));
    for frame in frames.iter() {
        engine.handle_packet(&Packet {
            timestamp_ns: frame.at.as_nanos(),
            link_type: LinkType::ETHERNET,
            wire_len: u32::try_from(frame.bytes.len()).unwrap_or(u32::MAX),
            bytes: frame.bytes,
        });
    }
    engine.finish();
    let follower = engine.application();
    Follower {
        pieces: follower.pieces.clone(),
        anomalies: follower.anomalies.clone(),
        ends: follower.ends.clone(),
    }
}

impl Application for Follower {
    type State = ();

    fn open(&mut self, _: &Flow) {}

    fn on_stream(&mut self, _: &Flow, (): &mut (), from: Direction, bytes: &[u8]) -> Progress {
        push(&mut self.pieces[from.index()], Piece::Bytes(bytes.to_vec()));
        Progress { consumed: bytes.len(), opaque: false, interest: Interest::Continue }
    }

    fn on_gap(
        &mut self,
        _: &Flow,
        (): &mut (),
        from: Direction,
        missing: Option<u32>,
        unconsumed: &[u8],
    ) -> Interest {
        assert!(unconsumed.is_empty(), "all is consumed at once");
        push(&mut self.pieces[from.index()], Piece::Hole(missing.map_or(u64::MAX, u64::from)));
        Interest::Continue
    }

    fn on_datagram(&mut self, _: &Flow, (): &mut (), _: Direction, _: &[u8]) -> Interest {
        unreachable!("all is TCP")
    }

    fn on_anomaly(&mut self, _: &Flow, (): &mut (), _: Direction, anomaly: FlowAnomaly) {
        self.anomalies.push(anomaly);
    }

    fn on_end(&mut self, _: &Flow, (): (), reason: EndReason) {
        self.ends.push(reason);
    }

    fn heap_size((): &()) -> usize {
        0
    }
}
