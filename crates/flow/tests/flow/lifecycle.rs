//! How flows begin and end, and who is who in them.

use std::net::IpAddr;

use event::Transport;
use flow::Direction::{FromInitiator, FromResponder};
use flow::{EndReason, Flow, FlowAnomaly, Interest, Progress};
use wire::LinkType;

use crate::packets::{
    ACK, CLIENT, CLIENT_MAC, CLIENT_PORT, FIN, RST, SERVER, SERVER_MAC, SERVER_PORT, SYN, TCP, UDP,
    ethernet, ipv4, packet, tcp, udp,
};
use crate::recorder::{Call, Recorder, at};
use crate::talk::{CLIENT_ISN, SERVER_ISN, Talk, all};

#[test]
fn a_flow_knows_its_ends_times_and_traffic() {
    let mut talk = Talk::begun();
    talk.data(FromInitiator, 0, b"abc");
    talk.data(FromResponder, 0, b"x");
    talk.engine.finish();
    let flow = talk.recorder().flows.last().unwrap();
    assert_eq!(flow.transport(), Transport::Tcp);
    assert_client_and_server(flow);
    assert!(flow.initiator_observed() && !flow.starts_mid_stream(FromInitiator));
    assert_eq!((flow.first_seen(), flow.last_seen()), (at(1), at(5)));
    assert_eq!((flow.syn(), flow.syn_ack()), (Some(at(1)), Some(at(2))));
    assert_eq!(flow.handshake_ack(), Some(at(3)));
    assert_eq!((flow.packets(FromInitiator), flow.packets(FromResponder)), (3, 2));
    assert_eq!((flow.ip_bytes(FromInitiator), flow.ip_bytes(FromResponder)), (135, 89));
    assert_eq!(flow.mac(FromInitiator).map(|mac| mac.0), Some(CLIENT_MAC));
    assert_eq!(flow.mac(FromResponder).map(|mac| mac.0), Some(SERVER_MAC));
    assert_eq!((flow.tunnel(), flow.virtual_network(), flow.vlan()), (None, None, None));
}

#[test]
fn a_handshake_alone_opens_nothing() {
    let mut talk = Talk::begun();
    talk.acknowledge(FromInitiator, 0, 0);
    talk.segment(FromResponder, FIN | ACK, 0, 0, b"");
    talk.engine.finish();
    assert_eq!(talk.recorder().calls, []);
    assert_eq!(talk.engine.counters().flows_opened, 1);
}

#[test]
fn both_fins_end_a_flow_and_late_packets_begin_no_other() {
    let mut talk = Talk::begun();
    talk.data(FromInitiator, 0, b"abc");
    talk.segment(FromInitiator, FIN | ACK, 3, 0, b"");
    assert_eq!(talk.recorder().ends(), []);
    talk.segment(FromResponder, FIN | ACK, 0, 4, b"xyz");
    assert_eq!(talk.recorder().ends(), [EndReason::Fin]);
    assert_eq!(talk.recorder().stream(FromResponder), b"xyz");
    talk.acknowledge(FromInitiator, 4, 4);
    talk.segment(FromResponder, FIN | ACK, 0, 4, b"xyz");
    talk.engine.finish();
    assert_eq!(talk.engine.counters().flows_opened, 1);
    assert_eq!(talk.recorder().ends(), [EndReason::Fin]);
}

#[test]
fn a_reset_in_the_window_ends_a_flow() {
    for place in [3, 0, 4, 1000] {
        let mut talk = Talk::begun();
        talk.data(FromInitiator, 0, b"abc");
        talk.segment(FromInitiator, RST, place, 0, b"");
        assert_eq!(talk.recorder().ends(), [EndReason::Reset], "RST at {place}");
    }
}

#[test]
fn a_reset_out_of_the_window_is_an_anomaly() {
    for place in [3 + (1 << 20), -1 - (1 << 20), 1 << 31] {
        let mut talk = Talk::begun();
        talk.data(FromInitiator, 0, b"abc");
        talk.acknowledge(FromResponder, 0, 3);
        talk.segment(FromInitiator, RST, place, 0, b"");
        talk.data(FromInitiator, 3, b"def");
        assert_eq!(talk.recorder().stream(FromInitiator), b"abcdef");
        assert_eq!(talk.recorder().anomalies(), [FlowAnomaly::ResetOutOfWindow]);
        assert_eq!(talk.engine.counters().resets_out_of_window, 1);
    }
}

#[test]
fn a_reset_answers_a_syn_only_if_it_acknowledges_it() {
    let mut talk = Talk::unseen();
    talk.segment(FromInitiator, SYN, -1, 0, b"early");
    talk.segment(FromResponder, RST | ACK, 0, 900, b"");
    assert_eq!(talk.recorder().anomalies(), [FlowAnomaly::ResetOutOfWindow]);
    talk.segment(FromResponder, RST | ACK, 0, 0, b"");
    assert_eq!(talk.recorder().ends(), [EndReason::Reset]);
}

#[test]
fn a_reset_delivers_what_waits_behind_a_hole() {
    let mut talk = Talk::begun();
    talk.data(FromInitiator, 0, b"abc");
    talk.data(FromInitiator, 5, b"f");
    talk.segment(FromInitiator, RST, 6, 0, b"");
    assert_eq!(talk.recorder().gaps(), [(FromInitiator, Some(2))]);
    assert_eq!(talk.recorder().stream(FromInitiator), b"abcf");
}

#[test]
fn a_syn_with_another_number_begins_a_new_flow() {
    let mut talk = Talk::begun();
    talk.data(FromInitiator, 0, b"abc");
    talk.segment(FromInitiator, SYN, 100_000, 0, b"");
    assert_eq!(talk.recorder().ends(), [EndReason::PortReuse]);
    talk.data(FromInitiator, 100_001, b"new");
    assert_eq!(talk.recorder().stream(FromInitiator), b"abcnew");
    assert_eq!(talk.engine.counters().flows_opened, 2);
}

#[test]
fn a_syn_sent_again_begins_no_new_flow() {
    let mut talk = Talk::begun();
    talk.data(FromInitiator, 0, b"abc");
    talk.segment(FromInitiator, SYN, -1, 0, b"");
    talk.segment(FromResponder, SYN | ACK, -1, 0, b"");
    talk.data(FromInitiator, 3, b"def");
    assert_eq!(talk.recorder().stream(FromInitiator), b"abcdef");
    assert_eq!(talk.engine.counters().flows_opened, 1);
    assert_eq!(talk.engine.counters().losses().len(), 0);
}

#[test]
fn ports_of_done_and_of_closed_flows_are_used_again() {
    let mut done = Talk::consuming(|_| all(Interest::Done));
    done.data(FromInitiator, 0, b"abc");
    let mut closed = Talk::begun();
    closed.data(FromInitiator, 0, b"abc");
    closed.segment(FromInitiator, RST, 3, 0, b"");
    for mut talk in [done, closed] {
        talk.segment(FromResponder, SYN | ACK, -1, 0, b"");
        talk.data(FromInitiator, 0, b"old");
        assert_eq!(talk.engine.counters().flows_opened, 1);
        talk.segment(FromInitiator, SYN, 77_777, 0, b"");
        talk.data(FromInitiator, 77_778, b"new");
        assert_eq!(talk.engine.counters().flows_opened, 2);
        assert_eq!(talk.recorder().stream(FromInitiator), b"abcnew");
    }
}

#[test]
fn a_syn_sent_again_begins_a_new_flow_only_if_the_old_one_was_closed() {
    let mut done = Talk::consuming(|_| all(Interest::Done));
    done.data(FromInitiator, 0, b"abc");
    done.segment(FromInitiator, SYN, -1, 0, b"");
    done.data(FromInitiator, 0, b"old");
    assert_eq!(done.recorder().stream(FromInitiator), b"abc");

    let mut reset = Talk::unseen();
    reset.segment(FromInitiator, SYN, -1, 0, b"");
    reset.segment(FromResponder, RST | ACK, 0, 0, b"");
    reset.shake_hands();
    reset.data(FromInitiator, 0, b"abc");
    assert_eq!(reset.recorder().stream(FromInitiator), b"abc");
    assert_eq!(reset.engine.counters().flows_opened, 2);
}

#[test]
fn a_syn_ack_alone_tells_the_roles() {
    let mut talk = Talk::unseen();
    talk.segment(FromResponder, SYN | ACK, -1, 0, b"");
    talk.data(FromResponder, 0, b"hello");
    talk.data(FromInitiator, 3, b"def");
    talk.data(FromInitiator, 0, b"abc");
    assert_eq!(talk.recorder().stream(FromInitiator), b"abcdef");
    let flow = &talk.recorder().flows[0];
    assert!(flow.initiator_observed());
    assert_client_and_server(flow);
}

#[test]
fn a_late_syn_sets_the_roles_and_the_start() {
    let mut talk = Talk::unseen();
    talk.engine = Recorder::consuming(|_| Progress {
        consumed: 0,
        opaque: false,
        interest: Interest::Continue,
    });
    talk.data(FromResponder, 0, b"hello");
    talk.data(FromInitiator, 3, b"def");
    assert!(!talk.recorder().flows[0].initiator_observed());
    talk.segment(FromInitiator, SYN, -1, 0, b"");
    talk.data(FromInitiator, 0, b"abc");
    let calls = &talk.recorder().calls;
    let of = |direction, bytes: &[u8]| Call::Stream(direction, bytes.to_vec());
    let reopened = calls.iter().rposition(|call| *call == Call::Open).unwrap();
    assert_eq!(
        calls[reopened + 1..],
        [of(FromResponder, b"hello"), of(FromInitiator, b"abc"), of(FromInitiator, b"abcdef")]
    );
    let flow = talk.recorder().flows.last().unwrap();
    assert_client_and_server(flow);
    assert!(flow.initiator_observed());
}

#[test]
fn a_late_syn_of_a_stream_that_was_consumed_changes_nothing() {
    let mut talk = Talk::unseen();
    talk.data(FromResponder, 0, b"hello");
    talk.segment(FromInitiator, SYN, -1, 0, b"");
    talk.data(FromInitiator, 0, b"abc");
    assert_eq!(talk.engine.counters().flows_opened, 1);
    assert_eq!(talk.recorder().stream(FromInitiator), b"hello");
    assert_eq!(talk.recorder().stream(FromResponder), b"abc");
}

#[test]
fn a_lost_syn_ack_is_made_up_for_by_the_ack_behind_it() {
    let mut talk = Talk::unseen();
    talk.segment(FromInitiator, SYN, -1, 0, b"");
    talk.acknowledge(FromInitiator, 0, 0);
    talk.data(FromResponder, 3, b"def");
    talk.data(FromResponder, 0, b"abc");
    assert_eq!(talk.recorder().stream(FromResponder), b"abcdef");
}

#[test]
fn silence_ends_a_flow() {
    let mut talk = Talk::begun();
    talk.data(FromInitiator, 0, b"abc");
    talk.engine.handle_timeout(at(talk.now_ms + 119_000));
    assert_eq!(talk.recorder().ends(), []);
    talk.engine.handle_timeout(at(talk.now_ms + 121_000));
    assert_eq!(talk.recorder().ends(), [EndReason::Timeout]);
    assert_eq!(talk.engine.flows_tracked(), 0);
}

#[test]
fn a_packet_behind_a_long_silence_begins_a_new_flow() {
    let mut talk = Talk::begun();
    talk.data(FromInitiator, 0, b"abc");
    talk.now_ms += 200_000;
    talk.data(FromInitiator, 3, b"def");
    assert_eq!(talk.recorder().ends(), [EndReason::Timeout]);
    assert_eq!(talk.engine.counters().flows_opened, 2);
}

#[test]
fn a_flow_closed_with_a_hole_ends_soon() {
    let mut talk = Talk::begun();
    talk.data(FromInitiator, 0, b"abc");
    talk.segment(FromInitiator, FIN | ACK, 9, 0, b"");
    talk.segment(FromResponder, FIN | ACK, 0, 3, b"");
    talk.engine.handle_timeout(at(talk.now_ms + 11_000));
    assert_eq!(talk.recorder().gaps(), [(FromInitiator, Some(6))]);
    assert_eq!(talk.recorder().ends(), [EndReason::Fin]);
}

#[test]
fn a_hole_is_given_up_when_time_goes_on_without_packets() {
    let mut talk = Talk::begun();
    talk.data(FromInitiator, 2, b"c");
    talk.acknowledge(FromResponder, 0, 3);
    talk.engine.handle_timeout(at(talk.now_ms + 300));
    assert_eq!(talk.recorder().gaps(), [(FromInitiator, Some(2))]);
    assert_eq!(talk.recorder().stream(FromInitiator), b"c");
}

#[test]
fn time_that_goes_backwards_is_harmless() {
    let mut talk = Talk::begun();
    talk.data(FromInitiator, 0, b"abc");
    for step in [-3_600_000, 0, -50_000, 10] {
        talk.now_ms += step;
        talk.data(FromResponder, 0, b"x");
    }
    talk.data(FromInitiator, 3, b"def");
    assert_eq!(talk.recorder().stream(FromInitiator), b"abcdef");
    assert_eq!(talk.recorder().ends(), []);
}

#[test]
fn datagrams_of_both_directions_are_one_flow() {
    let mut engine = Recorder::engine();
    for (direction, payload) in [(FromInitiator, b"ask"), (FromResponder, b"say")] {
        let frame = ethernet(direction, 0x0800, &ipv4(direction, UDP, &udp(direction, payload)));
        engine.handle_packet(&packet(LinkType::ETHERNET, &frame, 0));
    }
    engine.handle_timeout(at(61_000));
    let datagram = |direction, payload: &[u8]| Call::Datagram(direction, payload.to_vec());
    let expected = [
        Call::Open,
        datagram(FromInitiator, b"ask"),
        datagram(FromResponder, b"say"),
        Call::End(EndReason::Timeout),
    ];
    assert_eq!(engine.application().calls, expected);
    let flow = &engine.application().flows[0];
    assert_eq!((flow.transport(), flow.initiator_observed()), (Transport::Udp, false));
}

#[test]
fn an_application_that_consumes_nothing_loses_the_flow() {
    let mut talk =
        Talk::consuming(|_| Progress { consumed: 0, opaque: false, interest: Interest::Continue });
    for segment in 0..100 {
        talk.data(FromInitiator, segment * 1000, &[7; 1000]);
    }
    assert_eq!(talk.recorder().ends(), [EndReason::Evicted]);
    assert_eq!(talk.engine.counters().flows_unconsumed_over_limit, 1);
    assert_eq!(talk.engine.held_bytes(), 0);
}

#[test]
fn a_simultaneous_open_is_one_flow() {
    let mut engine = Recorder::engine();
    let mut give = |direction, numbers, flags, payload: &[u8]| {
        let ip = ipv4(direction, TCP, &tcp(direction, numbers, flags, payload));
        engine.handle_packet(&packet(LinkType::RAW, &ip, 0));
    };
    let (client, server) = (CLIENT_ISN.wrapping_add(1), SERVER_ISN + 1);
    give(FromInitiator, (CLIENT_ISN, 0), SYN, b"");
    give(FromResponder, (SERVER_ISN, 0), SYN, b"");
    give(FromInitiator, (CLIENT_ISN, server), SYN | ACK, b"");
    give(FromResponder, (SERVER_ISN, client), SYN | ACK, b"");
    give(FromInitiator, (client, server), ACK, b"abc");
    give(FromResponder, (server, client + 3), ACK, b"xyz");
    assert_eq!(engine.counters().flows_opened, 1);
    assert_eq!(engine.application().stream(FromInitiator), b"abc");
    assert_eq!(engine.application().stream(FromResponder), b"xyz");
}

fn assert_client_and_server(flow: &Flow) {
    assert_eq!(flow.source_ip(FromInitiator), IpAddr::from(CLIENT));
    assert_eq!(flow.source_ip(FromResponder), IpAddr::from(SERVER));
    assert_eq!(flow.source_port(FromInitiator), CLIENT_PORT);
    assert_eq!(flow.source_port(FromResponder), SERVER_PORT);
    assert_eq!(flow.initiator().to_string(), "192.0.2.1:50000");
    assert_eq!(flow.responder().to_string(), "198.51.100.2:443");
}
