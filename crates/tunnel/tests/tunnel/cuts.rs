//! Connections that are cut.

use forge::{Ending, Side};
use tunnel::Link;
use tunnel::format::Reply;

use crate::place::{Sensor, finish, sender, settings, until};
use crate::proxy::{Cut, Proxy};
use crate::rawagent::{RawAgent, batch};
use crate::records::{closed, data, opened};

#[test]
fn a_connection_that_is_cut_at_any_byte_loses_and_doubles_nothing() {
    let sensor = Sensor::start();
    let proxy = Proxy::to(sensor.receiver.address());
    let [after_hello, total] = exchange(&sensor, &proxy, None);
    let cuts = |side: usize| {
        // The handshake in steps, then every byte of the frames.
        let first = after_hello[side].saturating_sub(150);
        (0..first).step_by(61).chain(first..total[side] + 8)
    };
    let cuts = cuts(0).map(Cut::FromAgent).chain(cuts(1).map(Cut::FromSensor));
    for cut in cuts {
        exchange(&sensor, &proxy, Some(cut));
    }
    let counters = sensor.receiver.stop();
    assert_eq!(counters.unexplained_bytes, 0);
    assert_eq!(counters.refused.get("contradiction"), None);
    assert_eq!(counters.received_bytes, counters.delivered_bytes);
}

/// Tells a connection in two batches; gives how many bytes went through up to the greeting, and in all.
fn exchange(sensor: &Sensor, proxy: &Proxy, cut: Option<Cut>) -> [[usize; 2]; 2] {
    let before = proxy.passed();
    let agent = {
        if let Some(cut) = cut {
            proxy.cut_next(cut);
        }
        sender("a", settings(proxy.port))
    };
    until("a connection", || agent.link() == Link::Up);
    let greeted = proxy.passed();
    agent.hand_in(&opened(1));
    agent.hand_in(&data(1, Side::Client, 0, b"first"));
    until("the first batch", || agent.counters().acknowledged_bytes == 5);
    agent.hand_in(&data(1, Side::Client, 5, b"second"));
    agent.hand_in(&closed(1));
    let counters = finish(agent);
    assert_eq!(counters.dropped_bytes, 0, "{cut:?}");
    assert!(!proxy.has_cut_left(), "{cut:?}");
    let seen = sensor.only();
    assert_eq!(seen.bytes[0], b"firstsecond", "{cut:?}");
    assert_eq!((seen.ending, seen.missing.len()), (Some(Ending::Finished), 0), "{cut:?}");
    let passed = proxy.passed();
    [greeted, passed].map(|then| [0, 1].map(|side| then[side] - before[side]))
}

#[test]
fn an_agent_that_stops_at_any_byte_of_its_frames_goes_on_where_it_was() {
    let sensor = Sensor::start();
    let port = sensor.receiver.address().port();
    let batches = [
        batch(1, &[opened(1), data(1, Side::Client, 0, b"first")]),
        batch(2, &[data(1, Side::Client, 5, b"second"), closed(1)]),
    ];
    let whole = [&batches[0][..], &batches[1]].concat();
    for len in 0..=whole.len() {
        let session = u8::try_from(len % 250).unwrap();
        let mut first = RawAgent::connect(port);
        assert_eq!(first.hello(session, 0), Reply::Acknowledged { sequence: 0, is_new: true });
        first.send(&whole[..len]);
        let last = taken(&batches, len);
        for _ in 0..last {
            first.reply().unwrap();
        }
        drop(first);
        let mut second = RawAgent::connect(port);
        let reply = second.hello(session, 0);
        assert_eq!(reply, Reply::Acknowledged { sequence: last as u64, is_new: last == 0 });
        for (sequence, batch) in (1_u64..).zip(&batches).skip(last) {
            second.send(batch);
            let reply = second.reply().unwrap();
            assert_eq!(reply, Reply::Acknowledged { sequence, is_new: false });
        }
        assert_eq!(sensor.only().bytes[0], b"firstsecond", "{len} bytes");
    }
    assert!(sensor.receiver.counters().resumed_sessions > 0);
}

/// How many batches are whole in the first `len` bytes.
fn taken(batches: &[Vec<u8>], len: usize) -> usize {
    let ends = batches.iter().scan(0, |end, batch| {
        *end += batch.len();
        Some(*end)
    });
    ends.filter(|end| *end <= len).count()
}
