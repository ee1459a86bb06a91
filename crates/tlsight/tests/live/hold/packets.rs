//! Sessions of programs that nothing is loaded into: their packets wait in a queue of netfilter.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use rustls::version::{TLS12, TLS13};

use super::arrivals::Arrivals;
use super::load::Load;
use super::order::{Order, firsts};
use super::place::{Death, Place, timed};
use super::records::connections;
use crate::handover::{Capture, URL};
use crate::ids::nginx::Nginx;
use crate::network::{Network, SERVER_ADDRESS, in_namespace, wait_until, with_network};
use crate::servers::{Identity, OpensslServer, PAGE};

#[test]
fn a_server_that_runs_already_sends_no_data_before_its_secret_is_at_the_monitor() {
    with_network("queue-server", PROGRAMS, |network| {
        let identity = Identity::new(network);
        fs::write(network.folder().join("hello"), PAGE).unwrap();
        let large = "0123456789abcdef".repeat(1 << 16);
        fs::write(network.folder().join("large"), &large).unwrap();
        let settings = Nginx::settings(network, &identity, 443);
        let text = fs::read_to_string(&settings).unwrap();
        let versions = "ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate ";
        fs::write(&settings, text.replace("ssl_certificate ", versions)).unwrap();
        let nginx = Nginx::start_from(network, &settings, 443);
        let program = nginx.program().to_str().unwrap();
        let place = held(network, identity, Side::Server, program, ABORTING);
        let arrivals = Arrivals::start(&place);
        place.wait_for_live_copies();
        warm_up(network, &arrivals);
        add_rules(network, Side::Server, "443");
        for version in [&TLS12, &TLS13] {
            let is_tls12 = version == &TLS12;
            let capture = Capture::start(network);
            let load = Load::start(network, 443, version, SESSIONS);
            let done = load.finish();
            assert!(done.iter().all(|one| one.is_answered), "{version:?}: {done:?}");
            let order = order(capture, is_tls12, SESSIONS, &arrivals);
            println!("{version:?}: {order}");
            assert_eq!((order.unknown, order.early[1]), (0, 0), "{version:?}: {order}");
            if is_tls12 {
                assert_eq!(order.early[0], 0, "{order}");
            }
        }
        let url = URL.replace("/hello", "/large");
        let page = network.run(&network.client(), "curl", &["-sSk", "--max-time", "60", &url]);
        assert!(page == large, "what was large came as it was");
        let end = place.finish();
        assert!(end.messages.contains("waits ended with an acknowledgement"), "{}", end.messages);
        assert!(!end.messages.contains("without an acknowledgement"), "{}", end.messages);
        assert!(!end.messages.contains("could not be followed"), "{}", end.messages);
    });
}

#[test]
fn a_client_sends_no_data_before_both_secrets_are_at_the_monitor() {
    with_network("queue-client", PROGRAMS, |network| {
        let identity = Identity::new(network);
        for (namespace, address) in
            [(network.client(), "2001:db8::1"), (network.server(), "2001:db8::2")]
        {
            let address = format!("{address}/64");
            let arguments = ["-n", &namespace, "address", "add", &address, "dev", "veth0", "nodad"];
            assert!(Command::new("ip").args(arguments).status().unwrap().success());
        }
        let _server = OpensslServer::start(network, &identity);
        let place = held(network, identity, Side::Client, CURL, ABORTING);
        let arrivals = Arrivals::start(&place);
        place.wait_for_live_copies();
        warm_up(network, &arrivals);
        add_rules(network, Side::Client, "443");
        for (version, is_tls12) in [("1.2", true), ("1.3", false)] {
            let capture = Capture::start(network);
            for url in [URL, &URL.replace(SERVER_ADDRESS, "[2001:db8::2]")] {
                let clients: Vec<_> = (0..4).map(|_| curl(network, version, url)).collect();
                clients.into_iter().for_each(gets_page);
            }
            let order = order(capture, is_tls12, 8, &arrivals);
            println!("{version}: {order}");
            assert_eq!((order.unknown, order.early), (0, [0, 0]), "{version}: {order}");
        }
        let end = place.finish();
        assert!(!end.messages.contains("without an acknowledgement"), "{}", end.messages);
    });
}

#[test]
fn sessions_go_on_at_their_deadline_and_the_audit_log_has_them() {
    with_network("queue-open", PROGRAMS, |network| at_their_deadline(network, "open", "went on"));
}

#[test]
fn sessions_are_reset_at_their_deadline_with_no_protected_byte_and_the_audit_log_has_them() {
    with_network("queue-abort", PROGRAMS, |network| {
        at_their_deadline(network, "abort", "were ended");
    });
}

fn at_their_deadline(network: &Network, on_deadline: &str, what: &str) {
    let identity = Identity::new(network);
    let _server = OpensslServer::start(network, &identity);
    let hold = ["--deadline", "400ms", "--breaker", "0", "--on-deadline", on_deadline];
    let place = held(network, identity, Side::Client, CURL, &hold);
    let arrivals = Arrivals::start(&place);
    place.wait_for_live_copies();
    warm_up(network, &arrivals);
    drop(arrivals);
    let _stopped = Death::Stopped.come_to(place.monitor(&[]));
    add_rules(network, Side::Client, "443");
    let capture = Capture::start(network);
    for version in ["1.2", "1.3"] {
        let (output, took) = timed(&mut curl_command(network, version, URL));
        assert_eq!(output.status.success(), on_deadline == "open", "{version}: {output:?}");
        assert!(took >= Duration::from_millis(400), "{version}: {took:?}");
        // A client that is told of no reset waits for as long as it is willing to.
        assert!(took < Duration::from_secs(20), "{version}: {took:?}");
    }
    wait_until("the audit log has them", || place.gaps(what, "curl") >= 2);
    assert_eq!(place.gaps(what, "curl"), 2);
    let captured = connections(&capture.finish(), &[443]);
    assert_eq!(captured.len(), 2);
    for one in &captured {
        assert_eq!(one.is_open(0), on_deadline == "abort", "{one:?}");
    }
    let end = place.finish();
    let became = if on_deadline == "open" { "went on" } else { "were aborted" };
    let told = format!("2 sessions {became} without an acknowledgement");
    assert!(end.messages.contains(&told), "{}", end.messages);
    assert!(!end.messages.contains("no secret had been taken"), "{}", end.messages);
}

#[test]
fn what_is_not_tls_and_what_no_rule_names_passes_at_once() {
    with_network("queue-others", PROGRAMS, |network| {
        let identity = Identity::new(network);
        let _plain = Plain::start(network);
        add_rules(network, Side::Client, "443,8080");
        let place = held(network, identity, Side::Client, CURL, ABORTING);
        let url = format!("http://{SERVER_ADDRESS}:8080/");
        for _ in 0..3 {
            let began = Instant::now();
            let page = network.run(&network.client(), "curl", &["-sS", &url]);
            assert_eq!(page, PAGE);
            // A session that waits does so for a minute.
            assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
        }
        network.run(&network.client(), "curl", &["-sS", &url.replace("8080", "8081")]);
        let end = place.finish();
        assert!(
            end.messages.contains("3 connections in the queue are not TLS"),
            "{}",
            end.messages
        );
    });
}

#[test]
fn a_connection_that_is_marked_needs_not_come_to_the_queue_again() {
    with_network("queue-mark", PROGRAMS, |network| {
        let identity = Identity::new(network);
        let _plain = Plain::start(network);
        let place = held(network, identity, Side::Client, CURL, ABORTING);
        let rule = |rule: &str| {
            let arguments: Vec<&str> = rule.split_whitespace().collect();
            network.run(&network.client(), "iptables-legacy", &arguments)
        };
        for (chain, flag, which) in [("OUTPUT", "-o", "--dport"), ("INPUT", "-i", "--sport")] {
            rule(&format!("-w -t mangle -A {chain} -m connmark --mark 0x7 -j ACCEPT"));
            rule(&format!(
                "-w -t mangle -A {chain} -p tcp {which} 8080 ! {flag} lo \
                 -j NFQUEUE --queue-num {QUEUE} --queue-bypass"
            ));
            rule(&format!("-w -A {chain} -m mark --mark 0x7 -j CONNMARK --save-mark"));
        }
        let url = format!("http://{SERVER_ADDRESS}:8080/");
        assert_eq!(network.run(&network.client(), "curl", &["-sS", &url]), PAGE);
        for chain in ["OUTPUT", "INPUT"] {
            let counters = rule(&format!("-w -t mangle -nvxL {chain}"));
            let marked = counters.lines().find(|line| line.contains("connmark match")).unwrap();
            let packets = marked.split_whitespace().next().unwrap();
            assert!(packets.parse::<u32>().unwrap() > 0, "{counters}");
        }
        drop(place);
    });
}

#[test]
fn an_agent_that_is_killed_leaves_sessions_to_go_on() {
    for version in ["1.2", "1.3"] {
        with_network(&format!("queue-kill-{version}"), PROGRAMS, |network| {
            let identity = Identity::new(network);
            let _server = OpensslServer::start(network, &identity);
            add_rules(network, Side::Client, "443");
            // Nobody is attached to whose secrets could come, so all that is TLS waits.
            let place = held(network, identity, Side::Client, "/usr/sbin/nginx", ABORTING);
            let client = curl(network, version, URL);
            wait_until("a packet waits, and not only for its turn", || {
                (0..20).all(|_| {
                    thread::sleep(Duration::from_millis(10));
                    waiting(place.agent_id()) >= Some(1)
                })
            });
            let agent = Pid::from_raw(place.agent_id().cast_signed()).unwrap();
            kill_process(agent, Signal::KILL).unwrap();
            // What waited is sent again, and nobody holds it.
            gets_page(client);
            gets_page(curl(network, version, URL));
        });
    }
}

/// The end whose packets come to the queue.
#[derive(Clone, Copy)]
enum Side {
    Client,
    Server,
}

impl Side {
    fn namespace(self, network: &Network) -> String {
        match self {
            Self::Client => network.client(),
            Self::Server => network.server(),
        }
    }
}

/// Rules as the help has them, of IPv4 and IPv6, in both directions.
fn add_rules(network: &Network, side: Side, ports: &str) {
    let namespace = side.namespace(network);
    let (out, back) = match side {
        Side::Client => ("--dports", "--sports"),
        Side::Server => ("--sports", "--dports"),
    };
    for program in ["iptables-legacy", "ip6tables-legacy"] {
        for (chain, flag, which) in [("OUTPUT", "-o", out), ("INPUT", "-i", back)] {
            let rule = format!(
                "-w -A {chain} -p tcp ! {flag} lo -m multiport {which} {ports} \
                 -j NFQUEUE --queue-num {QUEUE} --queue-bypass"
            );
            let arguments: Vec<&str> = rule.split_whitespace().collect();
            network.run(&namespace, program, &arguments);
        }
    }
}

/// An escrow whose agent attaches to a program and answers for the queue.
fn held<'a>(
    network: &'a Network,
    identity: Identity,
    side: Side,
    program: &str,
    hold: &[&str],
) -> Place<'a> {
    let queue = QUEUE.to_string();
    let mut arguments =
        vec!["--attach", program, "--hold-packets", &queue, "--hold-mark", "0x7", "--wait", "live"];
    arguments.extend(hold);
    let place = Place::with_agent(network, identity, &side.namespace(network), &arguments);
    wait_until("the queue is bound", || waiting(place.agent_id()).is_some());
    place
}

/// Packets that wait in the queue, if there is one.
fn waiting(agent: u32) -> Option<u32> {
    let table = fs::read_to_string(format!("/proc/{agent}/net/netfilter/nfnetlink_queue")).ok()?;
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let line = table.lines().map(words).find(|words| words[0] == QUEUE.to_string())?;
    line[2].parse().ok()
}

/// Has sessions come until one is told: the probes are there then.
fn warm_up(network: &Network, arrivals: &Arrivals) {
    let before = arrivals.sessions();
    wait_until("sessions are told", || {
        curl(network, "1.3", URL).wait_with_output().unwrap();
        arrivals.sessions() > before
    });
}

fn curl_command(network: &Network, version: &str, url: &str) -> Command {
    let mut curl = in_namespace(&network.client(), CURL);
    curl.args(["-sSk", "--max-time", "50", "--tls-max", version, url]);
    curl.env("HOME", network.folder()).stdin(Stdio::null());
    curl.stdout(Stdio::piped()).stderr(Stdio::piped());
    curl
}

fn curl(network: &Network, version: &str, url: &str) -> Child {
    curl_command(network, version, url).spawn().unwrap()
}

#[track_caller]
fn gets_page(client: Child) {
    let output = client.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), PAGE, "{output:?}");
}

/// Which came first in a capture, once it has all sessions.
fn order(capture: Capture, is_tls12: bool, sessions: usize, arrivals: &Arrivals) -> Order {
    let of = |file: &Path| firsts(file, 443, is_tls12);
    wait_until("all sessions are in the capture", || of(capture.file()).len() >= sessions);
    let firsts = of(&capture.finish());
    let order = Order::of(&firsts, arrivals);
    assert_eq!(order.sessions, sessions);
    order
}

/// A server without TLS on two ports, until it is dropped.
struct Plain(Vec<TcpListener>);

impl Plain {
    fn start(network: &Network) -> Self {
        let namespace = File::open(format!("/run/netns/{}", network.server())).unwrap();
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let of = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(namespace.as_fd(), of).unwrap();
            for port in [8080, 8081] {
                let listener = TcpListener::bind((SERVER_ADDRESS, port)).unwrap();
                sender.send(listener.try_clone().unwrap()).unwrap();
                thread::spawn(move || {
                    while let Ok((mut stream, _)) = listener.accept() {
                        if !stream.read(&mut [0; 1024]).is_ok_and(|len| len > 0) {
                            continue;
                        }
                        let answer = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{PAGE}");
                        stream.write_all(answer.as_bytes()).ok();
                    }
                });
            }
        });
        Self(receiver.iter().collect())
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        for listener in &self.0 {
            rustix::net::shutdown(listener, rustix::net::Shutdown::Both).ok();
        }
    }
}

const PROGRAMS: &[&str] =
    &["curl", "nginx", "openssl", "tcpdump", "iptables-legacy", "ip6tables-legacy", "nsenter"];
const CURL: &str = "/usr/bin/curl";

/// A session that is held in vain would take a minute, and fail.
const ABORTING: &[&str] = &["--deadline", "60s", "--on-deadline", "abort"];

const QUEUE: u16 = 7;
const SESSIONS: usize = 60;
