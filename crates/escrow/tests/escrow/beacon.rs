//! Beacons: sealed secrets as datagrams.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use escrow::beacon::{Beacon, BeaconCounters, BeaconKey, BeaconReceiver, BeaconTarget};
use escrow::hpke::Kem;
use escrow::keys::{Identity, Role, Signed};
use escrow::tier::{Part, Tier};
use escrow::{CannotDeliver, Client, ClientSettings, Wait};
use secrets::SessionStage;

use crate::world::{World, now_ms, random, secret, soon, tls13, wait_for};

#[test]
fn a_monitor_opens_what_passes_and_no_more_than_its_tier() {
    for (tier, parts) in [
        (Tier::Metadata, &[][..]),
        (Tier::Handshake, &[Part::Handshake]),
        (Tier::Server, &[Part::Server, Part::Handshake]),
        (Tier::Both, &[Part::Client, Part::Server, Part::Handshake]),
    ] {
        let mut scene = Scene::new(tier);
        scene.tell(1);
        let datagrams = scene.datagrams(parts.len());
        for (datagram, part) in datagrams.iter().zip(parts) {
            assert!(Beacon::is_claimed(datagram) && datagram.len() <= 1472 - 20, "it fits");
            let content = scene.receiver.take(now_ms(), datagram).unwrap();
            assert_eq!((content.part, content.facts.client_random), (*part, random(1)));
            assert!(content.origin.is_none());
            for (label, known) in &content.secrets {
                assert_eq!(known.dangerous_bytes(), secret(1, *label).dangerous_bytes());
            }
        }
        assert_eq!(scene.receiver.counters().opened, parts.len() as u64, "{tier}");
    }
}

#[test]
fn secrets_of_handshakes_are_not_sent_before_these_are_over() {
    let scene = Scene::new(Tier::Both);
    scene.client.deliver(tls13(1, SessionStage::Hello), Wait::None, soon());
    assert!(scene.datagrams(0).is_empty());
    scene.client.deliver(tls13(1, SessionStage::Application), Wait::None, soon());
    scene.datagrams(3);
    assert_eq!(scene.client.beacons(), (3, 0));
}

#[test]
fn a_beacon_is_there_before_whoever_delivers_goes_on() {
    let scene = Scene::new(Tier::Both);
    scene.socket.set_nonblocking(true).unwrap();
    for number in 0..100 {
        scene.tell(number);
        let mut datagram = [0; 2048];
        for part in 0..3 {
            assert!(scene.socket.recv(&mut datagram).is_ok(), "session {number}, part {part}");
        }
    }
}

#[test]
fn each_opens_alone_whatever_is_lost_or_comes_in_another_order() {
    let mut scene = Scene::new(Tier::Both);
    (0..4).for_each(|number| scene.tell(number));
    let datagrams = scene.datagrams(12);
    for datagram in datagrams.iter().rev().step_by(2) {
        assert!(scene.receiver.take(now_ms(), datagram).is_some());
    }
}

#[test]
fn what_comes_again_late_or_early_is_not_opened() {
    let mut scene = Scene::new(Tier::Handshake);
    scene.tell(1);
    let datagram = scene.datagrams(1).remove(0);
    let hour = 3_600_000;
    assert!(scene.receiver.take(now_ms() - hour, &datagram).is_none());
    assert!(scene.receiver.take(now_ms() + hour, &datagram).is_none());
    assert!(scene.receiver.take(now_ms(), &datagram).is_some());
    for _ in 0..1000 {
        assert!(scene.receiver.take(now_ms(), &datagram).is_none());
    }
    // When it is forgotten, it is too old.
    assert!(scene.receiver.take(now_ms() + hour, &datagram).is_none());
    let counters = BeaconCounters { opened: 1, again: 1003, ..BeaconCounters::default() };
    assert_eq!(scene.receiver.counters(), counters);
}

#[test]
fn what_was_changed_cut_or_made_without_the_key_is_false() {
    let mut scene = Scene::new(Tier::Handshake);
    scene.tell(1);
    let datagram = scene.datagrams(1).remove(0);
    let mut false_ones = 0;
    let mut is_false = |receiver: &mut BeaconReceiver, datagram: &[u8]| {
        assert!(receiver.take(now_ms(), datagram).is_none());
        false_ones += 1;
        assert_eq!(receiver.counters().false_ones, false_ones);
    };
    for at in 0..datagram.len() {
        let mut changed = datagram.clone();
        changed[at] ^= 1;
        is_false(&mut scene.receiver, &changed);
        is_false(&mut scene.receiver, &datagram[..at]);
    }
    is_false(&mut scene.receiver, &[&datagram[..], &[0]].concat());
    // The tag is judged before an operation with the private key is spent.
    assert_eq!(scene.receiver.counters().unopened, 0);
    let mut other = BeaconReceiver::new(Identity::generate(Kem::XWing).unwrap().sealing, key(2));
    assert!(other.take(now_ms(), &datagram).is_none());
    assert_eq!(other.counters().false_ones, 1);
    let mut other = BeaconReceiver::new(Identity::generate(Kem::XWing).unwrap().sealing, key(1));
    assert!(other.take(now_ms(), &datagram).is_none());
    assert_eq!(other.counters().for_others, 1);
    assert!(scene.receiver.take(now_ms(), &datagram).is_some());
}

#[test]
fn who_is_no_monitor_or_granted_by_another_gets_none() {
    let world = World::new();
    let who = Identity::generate(Kem::XWing).unwrap();
    let asks = world.grant("asks", &[Role::Requester], Tier::Both, &who);
    let foreign = World::new().grant("soc", &[Role::Monitor], Tier::Both, &who);
    for grant in [asks, foreign] {
        let settings = settings(&world, grant, (Ipv4Addr::LOCALHOST, 9).into());
        let tls = world.credentials("web-1").client(escrow::wire::ALPN).unwrap();
        let refused = Client::start(settings, tls, Box::new(|_: &str| {}));
        assert!(matches!(refused, Err(CannotDeliver::Beacon(_))));
    }
}

#[test]
fn a_key_comes_back_from_its_text_and_from_no_other() {
    let text = BeaconKey::dangerous_new_text().unwrap();
    assert!(BeaconKey::parse(&text).is_ok());
    for wrong in ["", "x", &text[1..], &text[..text.len() - 6], &format!("{}AAAA", text.trim())] {
        assert!(BeaconKey::parse(wrong).is_err(), "{wrong}");
    }
}

/// An agent whose service is away, a socket where beacons come, and a monitor.
struct Scene {
    client: Client,
    socket: UdpSocket,
    receiver: BeaconReceiver,
    _world: World,
}

impl Scene {
    fn new(tier: Tier) -> Self {
        let world = World::new();
        let who = Identity::generate(Kem::XWing).unwrap();
        let grant = world.grant("soc", &[Role::Monitor], tier, &who);
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let settings = settings(&world, grant, socket.local_addr().unwrap());
        let client = world.client_with("web-1", settings);
        let receiver = BeaconReceiver::new(who.sealing, key(1));
        Self { client, socket, receiver, _world: world }
    }

    fn tell(&self, number: u32) {
        for stage in [SessionStage::Hello, SessionStage::Application] {
            self.client.deliver(tls13(number, stage), Wait::None, soon());
        }
    }

    /// The datagrams that have come, which are so many.
    fn datagrams(&self, count: usize) -> Vec<Vec<u8>> {
        wait_for("beacons to be sent", || self.client.beacons() == (count as u64, 0));
        self.socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut datagram = [0; 2048];
        let datagrams = (0..count).map(|_| {
            let len = self.socket.recv(&mut datagram).unwrap();
            datagram[..len].to_vec()
        });
        datagrams.collect()
    }
}

fn settings(world: &World, grant: Signed, destination: std::net::SocketAddr) -> ClientSettings {
    let target = BeaconTarget { destination, grant, key: Arc::new(key(1)) };
    ClientSettings { beacons: vec![target], ..world.settings(9) }
}

fn key(number: u8) -> BeaconKey {
    let bytes = data_encoding::BASE64.encode(&[number; 32]);
    BeaconKey::parse(&format!("tlsight-escrow-beacon {bytes}\n")).unwrap()
}
