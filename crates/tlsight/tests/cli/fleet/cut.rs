//! A network that is cut: packets vanish, and nobody is told.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, thread};

use fleet::agent::Link;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::Place;
use super::crowd::Crowd;
use crate::server::{has, skip, wait_until};

#[test]
fn what_agents_see_while_their_network_is_cut_arrives_once() {
    let test = "what_agents_see_while_their_network_is_cut_arrives_once";
    if !has(test, &["curl", "ip"]) {
        return;
    }
    if !rustix::process::geteuid().is_root() {
        skip(test, "not root, so no network namespace can be made");
        return;
    }
    let network = Network::new();
    let place = Place::start("cut", HERE, &[]);
    let token = place.join_token(AGENTS);
    let (server, folder) = (place.address.clone(), place.folder().to_owned());
    let mut crowd = network.within(move || Crowd::join(AGENTS, &server, &token, &folder));
    crowd.wait_for_connections();
    crowd.see();
    crowd.wait_until_all_is_kept();
    assert_eq!(place.states(), ["ok"]);
    network.set("down");
    let cut = Instant::now();
    let mut told = None;
    wait_until("agents and server notice", || {
        crowd.see();
        let is_down = crowd.links().iter().all(|link| matches!(link, Link::Down(Some(_))));
        if is_down {
            told.get_or_insert_with(|| cut.elapsed());
        }
        is_down && place.states() == ["silent"]
    });
    println!("agents noticed after {:?}, all had after {:?}", told, cut.elapsed());
    for agent in place.agents() {
        let reason = agent["troubles"][0]["reason"].as_str().unwrap();
        assert!(reason.starts_with("not connected since 20"), "{agent}");
        assert_eq!(agent["member"]["connected"], false);
    }
    let longer = env::var("TLSIGHT_TEST_CUT_SECONDS").map_or(0, |text| text.parse().unwrap());
    while cut.elapsed().as_secs() < longer {
        thread::sleep(Duration::from_millis(500));
        crowd.see();
    }
    assert!(crowd.waiting() >= AGENTS as u64);
    network.set("up");
    let restored = Instant::now();
    crowd.wait_until_all_is_kept();
    println!("{} sessions were there {:?} later", crowd.seen(), restored.elapsed());
    wait_until("all is well", || place.states() == ["ok"]);
    for agent in place.agents() {
        assert_eq!(agent["sessions"], crowd.seen_by_each(), "{agent}");
    }
    let overview = place.server.get(&place.token, "overview");
    assert_eq!(overview["sessions"], crowd.seen());
    for counters in crowd.counters() {
        assert_eq!(counters.connections, 2, "{:?}", crowd.said());
    }
    drop(crowd);
    place.end();
}

/// A namespace that a pair of virtual interfaces joins to the rest.
struct Network {
    name: String,
    interface: String,
}

impl Network {
    fn new() -> Self {
        let id = std::process::id();
        let network = Self { name: format!("tlsight-cut-{id}"), interface: format!("tlcut{id}") };
        let Self { name, interface } = &network;
        ip(&format!("netns add {name}"));
        ip(&format!("link add {interface} type veth peer name eth0 netns {name}"));
        ip(&format!("address add {HERE}/30 dev {interface}"));
        ip(&format!("-n {name} address add {THERE}/30 dev eth0"));
        ip(&format!("-n {name} link set lo up"));
        ip(&format!("-n {name} link set eth0 up"));
        network.set("up");
        network
    }

    /// Takes our end down or up; the other one stays up.
    fn set(&self, state: &str) {
        ip(&format!("link set {} {state}", self.interface));
    }

    /// Does something there; threads that it starts stay there.
    fn within<T: Send + 'static>(&self, act: impl FnOnce() -> T + Send + 'static) -> T {
        let namespace = File::open(format!("/run/netns/{}", self.name)).unwrap();
        let there = thread::spawn(move || {
            let network = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(namespace.as_fd(), network).unwrap();
            act()
        });
        there.join().unwrap()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let mut command = Command::new("ip");
        command.args(["netns", "delete", &self.name]).stderr(Stdio::null()).status().ok();
        // Its other end goes with the namespace, when the last thread has left that.
        let mut command = Command::new("ip");
        command.args(["link", "delete", &self.interface]).stderr(Stdio::null()).status().ok();
    }
}

fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split_whitespace()).status().unwrap();
    assert!(status.success(), "ip {arguments}: {status}");
}

const AGENTS: usize = 5;

/// Of a range for documents (RFC 5737), which nobody here has.
const HERE: &str = "203.0.113.161";
const THERE: &str = "203.0.113.162";
