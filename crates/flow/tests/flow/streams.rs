//! TCP streams: order, repetition, loss, and what attackers do.

use std::net::SocketAddr;

use event::Transport;
use flow::Direction::{FromInitiator, FromResponder};
use flow::{FlowAnomaly, Interest, Progress};

use crate::packets::{ACK, CLIENT, CLIENT_PORT, FIN, SERVER, SERVER_PORT, SYN};
use crate::recorder::Call;
use crate::talk::{Talk, all, frame};

#[test]
fn a_segment_ahead_waits_for_the_one_before() {
    let mut talk = Talk::begun();
    talk.data(FromInitiator, 3, b"def");
    assert_eq!(talk.recorder().calls, []);
    talk.data(FromInitiator, 0, b"abc");
    assert_eq!(talk.recorder().stream(FromInitiator), b"abcdef");
    assert_eq!(talk.engine.counters().out_of_order_segments, 1);
}

#[test]
fn bytes_left_unconsumed_come_again_in_front() {
    fn pairs(bytes: &[u8]) -> Progress {
        Progress { consumed: bytes.len() & !1, opaque: false, interest: Interest::Continue }
    }
    let mut talk = Talk::consuming(pairs);
    talk.data(FromInitiator, 0, b"abc");
    talk.data(FromInitiator, 3, b"de");
    talk.data(FromInitiator, 5, b"f");
    let stream = |bytes: &[u8]| Call::Stream(FromInitiator, bytes.to_vec());
    assert_eq!(talk.recorder().calls[1..], [stream(b"abc"), stream(b"cde"), stream(b"ef")]);
}

#[test]
fn a_retransmit_is_not_delivered_again() {
    let mut talk = Talk::begun();
    talk.data(FromInitiator, 0, b"abc");
    talk.data(FromInitiator, 0, b"abc");
    talk.data(FromInitiator, 1, b"bcde");
    assert_eq!(talk.recorder().stream(FromInitiator), b"abcde");
    assert_eq!(talk.engine.counters().retransmitted_segments, 1);
    assert_eq!(talk.recorder().anomalies(), []);
}

#[test]
fn a_retransmit_with_other_bytes_is_an_anomaly() {
    let mut talk = Talk::begun();
    talk.data(FromInitiator, 0, b"abc");
    talk.data(FromInitiator, 0, b"aXc");
    assert_eq!(talk.recorder().stream(FromInitiator), b"abc");
    assert_eq!(talk.recorder().anomalies(), [FlowAnomaly::OverlapDiffers]);
    assert_eq!(talk.engine.counters().overlaps_differing, 1);
}

#[test]
fn a_second_copy_of_opaque_bytes_is_not_compared_but_that_of_others_is() {
    let mut talk = Talk::consuming(|bytes| Progress {
        consumed: bytes.len(),
        opaque: bytes.starts_with(b"?"),
        interest: Interest::Continue,
    });
    talk.data(FromInitiator, 0, b"abc");
    talk.data(FromInitiator, 3, b"???");
    talk.data(FromInitiator, 3, b"?X?");
    assert_eq!(talk.recorder().anomalies(), []);
    talk.data(FromInitiator, 0, b"abX???");
    assert_eq!(talk.recorder().anomalies(), [FlowAnomaly::OverlapDiffers]);
    assert_eq!(talk.engine.counters().retransmitted_segments, 2);
}

#[test]
fn of_two_copies_behind_a_hole_the_first_counts() {
    let mut talk = Talk::begun();
    talk.data(FromInitiator, 0, b"a");
    talk.data(FromInitiator, 3, b"def");
    talk.data(FromInitiator, 1, b"bcXXfgh");
    assert_eq!(talk.recorder().stream(FromInitiator), b"abcdefgh");
    assert_eq!(talk.recorder().anomalies(), [FlowAnomaly::OverlapDiffers]);
}

#[test]
fn a_keep_alive_is_no_anomaly() {
    let mut talk = Talk::begun();
    talk.data(FromInitiator, 0, b"abc");
    talk.data(FromInitiator, 2, b"\0");
    talk.data(FromInitiator, 2, b"");
    talk.data(FromInitiator, 3, b"d");
    assert_eq!(talk.recorder().stream(FromInitiator), b"abcd");
    assert_eq!(talk.engine.counters().losses().len(), 0);
}

#[test]
fn the_probe_of_a_closed_window_is_data_that_comes_again() {
    let mut talk = Talk::begun();
    talk.data(FromInitiator, 0, b"abc");
    talk.data(FromInitiator, 3, b"d");
    talk.data(FromInitiator, 3, b"d");
    talk.data(FromInitiator, 3, b"def");
    assert_eq!(talk.recorder().stream(FromInitiator), b"abcdef");
    assert_eq!(talk.recorder().anomalies(), []);
}

#[test]
fn an_acknowledged_hole_is_a_gap_after_its_time() {
    let mut talk = Talk::begun();
    talk.data(FromInitiator, 0, b"abc");
    talk.data(FromInitiator, 10, b"kl");
    talk.acknowledge(FromResponder, 0, 12);
    assert_eq!(talk.recorder().gaps(), []);
    talk.now_ms += 200;
    talk.acknowledge(FromResponder, 0, 12);
    assert_eq!(talk.recorder().gaps(), [(FromInitiator, Some(7))]);
    assert_eq!(talk.recorder().stream(FromInitiator), b"abckl");
    assert_eq!((talk.engine.counters().gaps, talk.engine.counters().gap_bytes), (1, 7));
}

#[test]
fn an_acknowledged_hole_is_a_gap_after_some_segments() {
    let mut talk = Talk::begun();
    talk.now_ms = -1_000_000;
    talk.data(FromInitiator, 1, b"b");
    talk.acknowledge(FromResponder, 0, 100);
    for place in 2..40 {
        talk.data(FromInitiator, place, b".");
    }
    assert_eq!(talk.recorder().gaps(), [(FromInitiator, Some(1))]);
}

#[test]
fn a_hole_that_nobody_acknowledged_is_waited_for() {
    let mut talk = Talk::begun();
    talk.data(FromInitiator, 0, b"abc");
    talk.data(FromInitiator, 5, b"f");
    talk.now_ms += 5000;
    talk.data(FromInitiator, 6, b"g");
    assert_eq!(talk.recorder().gaps(), []);
    talk.data(FromInitiator, 3, b"de");
    assert_eq!(talk.recorder().stream(FromInitiator), b"abcdefg");
}

#[test]
fn what_waits_behind_a_hole_is_bounded_in_bytes() {
    let mut talk = Talk::begun();
    talk.data(FromInitiator, 0, b"a");
    for segment in 0..200 {
        talk.data(FromInitiator, 2 + segment * 1000, &[7; 1000]);
    }
    assert_eq!(talk.recorder().gaps(), [(FromInitiator, Some(1))]);
    assert_eq!(talk.recorder().stream(FromInitiator).len(), 200_001);
}

#[test]
fn what_waits_behind_a_hole_is_bounded_in_pieces() {
    let mut talk = Talk::begun();
    talk.data(FromInitiator, 0, b"a");
    for segment in 1..200 {
        talk.data(FromInitiator, segment * 10, b"x");
    }
    let gaps = talk.recorder().gaps();
    assert!((60..140).contains(&gaps.len()), "{} gaps", gaps.len());
    assert!(gaps.iter().all(|gap| *gap == (FromInitiator, Some(9))));
}

#[test]
fn unconsumed_bytes_in_front_of_a_gap_are_shown_and_dropped() {
    let mut talk =
        Talk::consuming(|_| Progress { consumed: 0, opaque: false, interest: Interest::Continue });
    talk.data(FromInitiator, 0, b"abc");
    talk.data(FromInitiator, 5, b"f");
    talk.acknowledge(FromResponder, 0, 6);
    talk.now_ms += 200;
    talk.data(FromInitiator, 6, b"g");
    let calls = &talk.recorder().calls;
    assert_eq!(calls[2], Call::Gap(FromInitiator, Some(2), b"abc".to_vec()));
    assert_eq!(calls.last(), Some(&Call::Stream(FromInitiator, b"fg".to_vec())));
}

#[test]
fn a_tail_that_was_not_captured_is_a_gap_at_the_end() {
    let mut talk = Talk::begun();
    talk.data(FromInitiator, 0, b"abc");
    talk.acknowledge(FromResponder, 0, 9);
    talk.engine.finish();
    assert_eq!(talk.recorder().gaps(), [(FromInitiator, Some(6))]);
}

#[test]
fn a_fin_that_was_not_captured_is_no_gap() {
    let mut talk = Talk::begun();
    talk.data(FromInitiator, 0, b"abc");
    talk.acknowledge(FromResponder, 0, 4);
    talk.engine.finish();
    assert_eq!(talk.recorder().gaps(), []);
}

#[test]
fn packets_cut_by_the_capture_give_what_is_there_and_a_gap() {
    let mut talk = Talk::begun();
    let first = frame(FromInitiator, ACK, 0, 0, b"abcdef");
    talk.frame(&first, first.len() - 4);
    talk.data(FromInitiator, 6, b"gh");
    let calls = &talk.recorder().calls;
    assert_eq!(calls[1], Call::Stream(FromInitiator, b"ab".to_vec()));
    assert_eq!(calls[2], Call::Gap(FromInitiator, Some(4), vec![]));
    assert_eq!(calls[3], Call::Stream(FromInitiator, b"gh".to_vec()));
    talk.engine.finish();
    assert!(talk.recorder().flows.last().unwrap().truncated_by_snaplen());
    assert_eq!(talk.engine.counters().packets_truncated, 1);
}

#[test]
fn data_on_the_syn_is_delivered_once_though_it_is_sent_again() {
    for resent in [b"early".to_vec(), b"early and late".to_vec()] {
        let mut talk = Talk::unseen();
        talk.segment(FromInitiator, SYN, -1, 0, b"early");
        talk.segment(FromResponder, SYN | ACK, -1, 0, b"");
        talk.data(FromInitiator, 0, &resent);
        assert_eq!(talk.recorder().stream(FromInitiator), resent);
        assert_eq!(talk.recorder().anomalies(), []);
    }
}

#[test]
fn a_fin_in_front_of_its_data_waits_for_them() {
    let mut talk = Talk::begun();
    talk.data(FromInitiator, 0, b"ab");
    talk.segment(FromInitiator, FIN | ACK, 4, 0, b"");
    talk.segment(FromResponder, FIN | ACK, 0, 2, b"");
    assert_eq!(talk.recorder().ends(), []);
    talk.data(FromInitiator, 2, b"cd");
    assert_eq!(talk.recorder().stream(FromInitiator), b"abcd");
    assert_eq!(talk.recorder().ends().len(), 1);
}

#[test]
fn data_behind_the_fin_is_an_anomaly_and_ignored() {
    let mut talk = Talk::begun();
    talk.segment(FromInitiator, FIN | ACK, 0, 0, b"abc");
    talk.data(FromInitiator, 2, b"cXX");
    talk.data(FromInitiator, 20, b"far");
    assert_eq!(talk.recorder().stream(FromInitiator), b"abc");
    assert_eq!(talk.recorder().anomalies(), [FlowAnomaly::DataAfterFin; 2]);
    assert_eq!(talk.engine.counters().segments_after_fin, 2);
}

#[test]
fn a_segment_outside_of_any_window_is_ignored() {
    let mut talk = Talk::begun();
    talk.data(FromInitiator, 0, b"abc");
    talk.data(FromInitiator, 1 << 31, b"far");
    talk.data(FromInitiator, 3, b"def");
    assert_eq!(talk.recorder().stream(FromInitiator), b"abcdef");
    assert_eq!(talk.engine.counters().segments_out_of_window, 1);
}

#[test]
fn a_stream_that_goes_on_far_away_is_followed_behind_a_gap_of_unknown_length() {
    let mut talk = Talk::begun();
    talk.data(FromInitiator, 0, b"abc");
    for segment in 0..6 {
        talk.data(FromInitiator, (1 << 31) + segment, b".");
    }
    assert_eq!(talk.recorder().gaps(), [(FromInitiator, None)]);
    assert_eq!(talk.recorder().stream(FromInitiator), b"abc...");
}

#[test]
fn one_direction_alone_is_followed() {
    let mut talk = Talk::unseen();
    talk.segment(FromInitiator, SYN, -1, 0, b"");
    talk.data(FromInitiator, 0, b"abc");
    talk.data(FromInitiator, 3, b"def");
    talk.engine.finish();
    assert_eq!(talk.recorder().stream(FromInitiator), b"abcdef");
    assert_eq!(talk.recorder().gaps(), []);
}

#[test]
fn the_first_data_segment_behind_a_syn_may_come_late() {
    let mut talk = Talk::unseen();
    talk.segment(FromInitiator, SYN, -1, 0, b"");
    talk.data(FromInitiator, 3, b"def");
    talk.data(FromInitiator, 0, b"abc");
    assert_eq!(talk.recorder().stream(FromInitiator), b"abcdef");
}

#[test]
fn a_stream_that_began_unseen_begins_with_its_first_segment() {
    let mut talk = Talk::unseen();
    talk.data(FromInitiator, 500, b"abc");
    talk.data(FromResponder, 900, b"xyz");
    talk.data(FromInitiator, 503, b"def");
    assert_eq!(talk.recorder().stream(FromInitiator), b"abcdef");
    assert_eq!(talk.recorder().stream(FromResponder), b"xyz");
    let flow = &talk.recorder().flows[0];
    assert!(flow.starts_mid_stream(FromInitiator) && !flow.initiator_observed());
    assert_eq!(talk.engine.counters().flows_mid_stream, 1);
}

#[test]
fn a_done_flow_is_not_shown_any_more() {
    let mut talk = Talk::consuming(|_| all(Interest::Done));
    talk.data(FromInitiator, 0, b"abc");
    talk.data(FromInitiator, 3, b"def");
    talk.data(FromResponder, 0, b"xyz");
    talk.engine.finish();
    let only = Call::Stream(FromInitiator, b"abc".to_vec());
    assert_eq!(talk.recorder().calls, [Call::Open, only]);
    assert_eq!(talk.engine.held_bytes(), 0);
}

#[test]
fn a_done_flow_that_goes_on_is_a_bulk_flow() {
    let ends = [(SERVER, SERVER_PORT), (CLIENT, CLIENT_PORT)].map(SocketAddr::from);
    for (segments, told) in [(10, 0), (200, 1), (300, 2)] {
        let mut talk = Talk::consuming(|_| all(Interest::Done));
        talk.engine.want_bulk_flows();
        talk.data(FromInitiator, 0, b"hello");
        for place in 0..segments {
            talk.data(FromResponder, place, b"x");
        }
        let found: Vec<_> = talk.engine.take_bulk_flows().collect();
        assert_eq!(found.len(), told);
        for flow in found {
            assert_eq!(flow.transport, Transport::Tcp);
            assert!(ends.iter().all(|end| flow.ends.contains(end)), "{flow:?}");
        }
        assert_eq!(talk.engine.take_bulk_flows().count(), 0);
    }
}

#[test]
fn nobody_is_told_of_bulk_flows_who_did_not_ask() {
    let mut talk = Talk::consuming(|_| all(Interest::Done));
    for place in 0..300 {
        talk.data(FromInitiator, place, b"x");
    }
    assert_eq!(talk.engine.take_bulk_flows().count(), 0);
}
