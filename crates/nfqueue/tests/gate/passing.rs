//! Which packets pass.

use nfqueue::{Hook, Limits};
use wire::TcpFlags;

use crate::world::{
    BOTH, Connection, World, addr, client_hello, hold, or_abort, protected, server_hello,
};

#[test]
fn what_is_not_tls_passes_at_once_and_needs_not_come_again() {
    for (client, server) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], &b"HTTP/1.1 200 OK\r\n\r\n"[..]),
        (b"", b"220 mail.test ESMTP\r\n"),
        (b"\x17\x03\x03\x00\x10no hello was here", b""),
    ] {
        let mut world = World::new(or_abort());
        let mut tcp = Connection::begin(&mut world, 1000, 0);
        if !server.is_empty() && client.is_empty() {
            tcp.send(&mut world, 1, server);
        }
        let sent = tcp.send(&mut world, 0, if client.is_empty() { b"EHLO\r\n" } else { client });
        assert!(!world.waits(sent), "{client:?}");
        let more = tcp.send(&mut world, 0, &protected(100));
        assert!(world.done.contains(&more), "{client:?}");
        assert_eq!((world.counts().not_tls, world.counts().held), (1, 0), "{client:?}");
    }
}

#[test]
fn packets_of_other_protocols_and_of_other_hosts_pass() {
    let mut world = World::new(or_abort());
    let udp = [&[0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0][..], &[0; 20]].concat();
    let fragment = [&[0x45, 0, 0, 48, 0, 0, 0x20, 1, 64, 6, 0, 0][..], &[0; 36]].concat();
    for bytes in [&udp[..], &fragment, &[0x60; 40], &[0x45], &[]] {
        let id = world.packet(Hook::Output, bytes, bytes.len());
        assert!(!world.waits(id));
    }
    assert_eq!(world.counts().not_tcp, 5);
    let tcp = [&[0x45, 0, 0, 60, 0, 0, 0, 0, 64, 6, 0, 0][..], &[0x50; 48]].concat();
    let forwarded = world.packet(Hook::Forward, &tcp, tcp.len());
    let unknown = world.packet(Hook::Output, &tcp, tcp.len());
    assert!(!world.waits(forwarded) && !world.waits(unknown));
    assert_eq!((world.counts().forwarded, world.counts().unknown), (1, 1));
}

#[test]
fn a_connection_that_uses_the_ports_of_another_again_begins_anew() {
    let mut world = World::new(hold());
    for random in [1, 2] {
        let mut tcp = Connection::begin(&mut world, 1000, 0);
        tcp.send(&mut world, 0, &client_hello(random, false));
        tcp.send(&mut world, 1, &server_hello(true));
        let finished = tcp.send(&mut world, 0, &protected(53));
        assert!(world.waits(finished));
        world.acknowledge(random, &BOTH);
        assert!(!world.waits(finished));
        tcp.signal(&mut world, 0, TcpFlags::FIN);
        tcp.signal(&mut world, 1, TcpFlags::FIN);
    }
}

#[test]
fn a_connection_that_is_forgotten_for_others_passes_and_is_counted() {
    let limits = Limits { max_flows: 2, ..Limits::default() };
    let mut world = World::with_limits(hold(), limits);
    let mut first = Connection::begin(&mut world, 1000, 0);
    first.send(&mut world, 0, &client_hello(1, false));
    Connection::begin(&mut world, 1001, 0);
    Connection::begin(&mut world, 1002, 0);
    let finished = first.send(&mut world, 0, &protected(53));
    assert!(!world.waits(finished));
    assert_eq!((world.counts().evicted, world.counts().unknown), (1, 1));
}

#[test]
fn of_what_was_cut_off_nothing_is_let_out() {
    let mut world = World::new(hold());
    let mut tcp = Connection::begin(&mut world, 1000, 0);
    tcp.send(&mut world, 0, &client_hello(1, false));
    tcp.send(&mut world, 1, &server_hello(true));
    let cut = tcp.send_cut(&mut world, 0, &[0x16, 3, 3, 0, 200].repeat(100), 400);
    assert!(world.waits(cut), "it is not known what is behind the cut");
    assert_eq!(world.counts().lost, 1);
    world.acknowledge(1, &BOTH);
    assert!(!world.waits(cut));
}

#[test]
fn a_large_packet_that_is_segmented_later_is_looked_at_as_a_whole() {
    let mut world = World::new(hold());
    let ends = [addr("2001:db8::1", 1000), addr("2001:db8::2", 443)];
    let mut tcp = Connection::begin_between(&mut world, ends, 1, true);
    tcp.send(&mut world, 0, &client_hello(1, false));
    let clear = crate::world::certificate().repeat(60);
    let flight = tcp.send(&mut world, 1, &[server_hello(false), clear.clone()].concat());
    assert!(!world.waits(flight));
    let flight = tcp.send(&mut world, 1, &[clear, protected(500)].concat());
    assert!(world.waits(flight));
}
