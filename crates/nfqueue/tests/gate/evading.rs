//! What a peer sends to be read otherwise here than by whom it is for.

use wire::TcpFlags;

use crate::world::{
    BOTH, Connection, DEADLINE, World, client_hello, hold, or_abort, protected, server_hello,
};

#[test]
fn nothing_that_comes_in_ends_a_wait() {
    for trick in ["none", "reset", "SYN", "no TLS", "no records", "FIN"] {
        let mut world = World::new(hold());
        let mut tcp = Connection::begin(&mut world, 1000, 0);
        tcp.send(&mut world, 0, &client_hello(1, false));
        match trick {
            "reset" => drop(tcp.signal(&mut world, 1, TcpFlags::RST)),
            "FIN" => drop(tcp.signal(&mut world, 1, TcpFlags::FIN)),
            "SYN" => drop(tcp.syn(&mut world, 1, 77)),
            "no TLS" => drop(tcp.send_at(&mut world, 1, 0, b"220 mail.test ESMTP\r\n")),
            _ => {}
        }
        tcp.send(&mut world, 1, &server_hello(true));
        if trick == "no records" {
            tcp.send(&mut world, 1, b"\0\0\0\0\0\0\0");
        }
        let finished = tcp.send(&mut world, 0, &protected(53));
        assert!(world.waits(finished), "{trick}");
        world.acknowledge(1, &BOTH);
        assert!(!world.waits(finished), "{trick}");
    }
}

#[test]
fn what_a_client_sends_before_its_hello_does_not_let_its_server_go_on() {
    let mut world = World::new(or_abort());
    let mut tcp = Connection::begin(&mut world, 1000, 1);
    tcp.send_at(&mut world, 0, 0, b"GET / HTTP/1.1\r\n\r\n");
    tcp.send(&mut world, 0, &client_hello(1, false));
    let flight = tcp.send(&mut world, 1, &[server_hello(true), protected(500)].concat());
    assert!(world.waits(flight));
    world.pass(DEADLINE);
    assert_eq!(world.dropped, [flight]);
}

#[test]
fn what_is_aborted_stays_so_behind_a_reset() {
    let mut world = World::new(or_abort());
    let mut tcp = Connection::begin(&mut world, 1000, 0);
    tcp.send(&mut world, 0, &client_hello(1, false));
    tcp.send(&mut world, 1, &server_hello(true));
    let finished = tcp.send(&mut world, 0, &protected(53));
    world.pass(DEADLINE);
    let reset = tcp.signal(&mut world, 0, TcpFlags::RST);
    let again = tcp.send(&mut world, 0, &protected(53));
    assert_eq!(world.dropped, [finished, again]);
    assert!(world.accepted.contains(&reset));
}

#[test]
fn a_connection_that_this_host_accepts_between_the_same_ports_begins_anew() {
    let mut world = World::new(hold());
    let mut tcp = Connection::begin(&mut world, 1000, 1);
    tcp.send(&mut world, 0, &client_hello(1, false));
    // The client is gone, and comes back.
    let mut tcp = Connection::begin(&mut world, 1000, 1);
    tcp.send(&mut world, 0, &client_hello(2, false));
    let flight = tcp.send(&mut world, 1, &[server_hello(true), protected(500)].concat());
    assert!(world.waits(flight));
    world.acknowledge(2, &BOTH[1..]);
    assert!(!world.waits(flight));
}
