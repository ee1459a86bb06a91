//! `tlsight mirror` and the Suricata that has what it copies: on an interface, and through a tunnel.

pub(crate) mod nginx;
mod suricata;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::network::{Network, SERVER_ADDRESS, in_namespace, wait_until, with_network};
use crate::servers::Identity;
use crate::tunnel::{agent_beside, beside, make_certificates, sensor_at};
use crate::watcher::Watcher;
use nginx::{Nginx, wait_until_it_answers};
use suricata::{Events, Suricata, TAP};

#[test]
fn suricata_alerts_on_what_was_https() {
    with_network("ids", PROGRAMS, |network| {
        let server = start(network);
        let suricata = Suricata::start(&network.server(), network.folder());
        let mirror = mirror(network, &server, &["-o", TAP]);
        fetch_each(network);
        let events = end(mirror, suricata, 4);
        assert_all_alert(&events);
    });
}

#[test]
fn suricata_alerts_on_http2_as_it_is() {
    with_network("ids-h2", PROGRAMS, |network| {
        let server = start(network);
        let suricata = Suricata::start(&network.server(), network.folder());
        let mirror = mirror(network, &server, &["-o", TAP, "--no-redact"]);
        fetch_each(network);
        let events = end(mirror, suricata, 4);
        let alerts = events.alerts();
        for rule in ["uri", "user agent", "file data"] {
            assert_eq!(alerts.get(rule), Some(&4), "{alerts:?}");
        }
        for rule in ["md5", "sha256", "response body"] {
            assert!(alerts.get(rule).is_some_and(|count| *count >= 2), "{alerts:?}");
        }
        let protocols = events.counts("flow", "/app_proto");
        assert_eq!(protocols, BTreeMap::from([("http".into(), 2), ("http2".into(), 2)]));
        assert_quiet(&events);
    });
}

#[test]
fn suricata_alerts_at_a_sensor_in_another_network() {
    with_network("ids-tunnel", PROGRAMS, |network| {
        let server = start(network);
        make_certificates(network, CLIENT_ADDRESS);
        let suricata = Suricata::start(&network.client(), network.folder());
        let sensor = sensor_at(network, &network.client(), CLIENT_ADDRESS, &["-o", TAP]);
        let program = server.program();
        let agent = agent_beside(network, &network.server(), CLIENT_ADDRESS, program);
        fetch_each(network);
        wait_until("Suricata has the requests", || suricata.count("fileinfo") >= 4);
        let agent = agent.interrupt();
        assert!(agent.messages.contains(" + 0 dropped"), "{}", agent.messages);
        let events = end(sensor, suricata, 4);
        assert_all_alert(&events);
    });
}

#[test]
fn bodies_of_any_length_arrive_byte_for_byte() {
    with_network("ids-bodies", PROGRAMS, |network| {
        let server = start(network);
        let lengths = [1, 16_384, 1_000_001, 16 << 20];
        let mut expected = BTreeMap::new();
        for len in lengths {
            let path = network.folder().join(format!("body-{len}"));
            let mut body = vec![0; len];
            File::open("/dev/urandom").unwrap().read_exact(&mut body).unwrap();
            fs::write(&path, body).unwrap();
            let sum = Command::new("sha256sum").arg(&path).output().unwrap().stdout;
            expected.insert(String::from_utf8(sum).unwrap()[..64].to_owned(), 2);
        }
        let capture = network.folder().join("clear.pcapng");
        let mirror = mirror(network, &server, &["-w", capture.to_str().unwrap()]);
        for version in ["--http1.1", "--http2"] {
            for len in lengths {
                let url = format!("https://{SERVER_ADDRESS}/body-{len}");
                network.run(&network.client(), "curl", &["-sSk", "-o", "/dev/null", version, &url]);
            }
        }
        assert_nothing_lost(mirror);
        let events = Events::of_file(&capture);
        assert_eq!(events.counts("fileinfo", "/fileinfo/sha256"), expected);
    });
}

#[test]
fn a_thousand_connections_at_a_time_are_never_taken_for_each_other() {
    with_network("ids-many", PROGRAMS, |network| {
        let server = start(network);
        let capture = network.folder().join("clear.pcapng");
        let mirror = mirror(network, &server, &["-w", capture.to_str().unwrap()]);
        let clients: Vec<Child> = (0..4).map(|client| fetch_slowly(network, client)).collect();
        let mut expected = BTreeMap::new();
        for client in clients {
            let output = client.wait_with_output().unwrap();
            assert!(output.status.success(), "{output:?}");
            for line in String::from_utf8(output.stdout).unwrap().lines() {
                let (port, url) = line.split_once(' ').unwrap();
                expected.insert(port.to_owned(), url.to_owned());
            }
        }
        assert_eq!(expected.len(), 1000);
        assert_nothing_lost(mirror);
        let events = Events::of_file(&capture);
        let told: BTreeMap<String, String> = events
            .of("http")
            .iter()
            .map(|event| {
                let url = event.pointer("/http/url").and_then(Value::as_str).unwrap();
                (event["src_port"].to_string(), format!("https://{SERVER_ADDRESS}{url}"))
            })
            .collect();
        assert_eq!(told, expected);
        let lengths = events.counts("fileinfo", "/fileinfo/size");
        assert_eq!(lengths, BTreeMap::from([(SLOW_LEN.to_string(), 1000)]));
    });
}

/// Has one curl hold 250 connections open while as many responses trickle in.
fn fetch_slowly(network: &Network, client: usize) -> Child {
    fs::write(network.folder().join("slow"), vec![b'x'; SLOW_LEN]).unwrap();
    in_namespace(&network.client(), "curl")
        .args(["-sSk", "--http1.1", "-Z", "--parallel-immediate", "--parallel-max", "250"])
        .args(["-o", "/dev/null", "-w", "%{local_port} %{url}\n", "-H", "Connection: close"])
        .arg(format!("https://{SERVER_ADDRESS}/slow?client={client}&number=[1-250]"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn a_mirror_beside_the_programs_of_a_pod_reaches_no_others() {
    with_network("ids-pod", &[PROGRAMS, &["setpriv", "unshare"]].concat(), |network| {
        let identity = prepare(network);
        let outside = Nginx::start_on(network, &identity, 8443);
        let audit = network.folder().join("audit.ndjson");
        // As containers do that share a namespace of processes: the mirror sees no others.
        let mut pod = Command::new("nsenter");
        pod.arg(format!("--net=/run/netns/{}", network.server()));
        pod.args(["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c"]);
        pod.args(["nginx -c \"$1\" & shift; exec \"$@\"", "sh"]);
        pod.arg(Nginx::settings(network, &identity, 443));
        pod.args(["setpriv", "--inh-caps=-all", "--bounding-set", &capabilities_of_the_sidecar()]);
        pod.args([env!("CARGO_BIN_EXE_tlsight"), "mirror", "-o", "tap:ids0", "--all"]);
        pod.args(["--port-map", "443:80", "--audit"]).arg(&audit);
        let _pod = Watcher::run(&mut pod, "the pod runs", |_| {
            fs::read_to_string(&audit).is_ok_and(|audit| audit.contains("mirror-start"))
        });
        wait_until_it_answers(network, 443);
        let suricata = Suricata::start_in(&network.server(), network.folder());
        let url = format!("https://{SERVER_ADDRESS}:8443/hello.txt?outside");
        network.run(&network.client(), "curl", &["-sSk", &url]);
        fetch_each(network);
        wait_until("Suricata has the requests", || suricata.count("fileinfo") >= 4);
        let events = suricata.end();
        assert_all_alert(&events);
        assert!(!events.counts("http", "/http/url").keys().any(|url| url.contains("outside")));
        drop(outside);
    });
}

/// What the manifest lets a mirror do, as `setpriv` is told it.
fn capabilities_of_the_sidecar() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/kubernetes/sidecar.yaml");
    let manifest = fs::read_to_string(path).unwrap();
    let (_, after) = manifest.split_once("add: [BPF").expect("the capabilities of the mirror");
    let (more, _) = after.split_once(']').unwrap();
    format!("-all,+bpf{}", more.to_lowercase().replace(", ", ",+"))
}

/// An nginx for both families, with what is asked for.
fn start(network: &Network) -> Nginx {
    let identity = prepare(network);
    Nginx::start(network, &identity)
}

/// Addresses of both families, what is asked for, and a certificate.
fn prepare(network: &Network) -> Identity {
    for (side, address) in [(network.client(), "2001:db8::1"), (network.server(), "2001:db8::2")] {
        let arguments = ["-n", &side, "address", "add", &format!("{address}/64"), "dev", "veth0"];
        let added = Command::new("ip").args(arguments).arg("nodad").status().unwrap();
        assert!(added.success(), "{address}");
    }
    fs::write(network.folder().join("hello.txt"), "hello mirror, this is the body\n").unwrap();
    Identity::new(network)
}

/// Mirrors the server, in its namespace, and returns when probes are in place.
fn mirror(network: &Network, server: &Nginx, output: &[&str]) -> Watcher {
    let audit = network.folder().join("audit.ndjson");
    let mut command = beside(&network.server());
    command.args(["mirror", "--port-map", "443:80", "--exe"]).arg(server.program());
    command.arg("--audit").arg(&audit).args(output);
    Watcher::run(&mut command, "tlsight mirrors", |_| {
        fs::read_to_string(&audit).is_ok_and(|audit| audit.contains("mirror-start"))
    })
}

/// One suspicious request by each version of HTTP and of the Internet Protocol.
fn fetch_each(network: &Network) {
    for version in ["--http1.1", "--http2"] {
        for address in [SERVER_ADDRESS, "[2001:db8::2]"] {
            let url = format!("https://{address}/hello.txt?file=/etc/passwd");
            let arguments = ["-sSk", "-A", "evilbot/1.0", version, &url];
            let body = network.run(&network.client(), "curl", &arguments);
            assert_eq!(body, "hello mirror, this is the body\n");
        }
    }
}

/// Ends both when Suricata has seen so many requests; nothing may have been lost.
fn end(mirror: Watcher, suricata: Suricata, requests: usize) -> Events {
    wait_until("Suricata has the requests", || suricata.count("fileinfo") >= requests);
    assert_nothing_lost(mirror);
    suricata.end()
}

fn assert_nothing_lost(mirror: Watcher) {
    let end = mirror.interrupt();
    assert_eq!(end.status, Some(0), "{}", end.messages);
    assert!(end.messages.contains(" frames sent, 0 dropped"), "{}", end.messages);
}

/// Each of the requests, told as HTTP/1.1, met each rule.
fn assert_all_alert(events: &Events) {
    let rules = ["file data", "md5", "response body", "sha256", "uri", "user agent"];
    assert_eq!(events.alerts(), rules.into_iter().map(|rule| (rule, 4)).collect());
    assert_eq!(events.counts("flow", "/app_proto"), BTreeMap::from([("http".into(), 4)]));
    assert_eq!(events.counts("flow", "/dest_port"), BTreeMap::from([("80".into(), 4)]));
    assert_eq!(
        events.counts("fileinfo", "/fileinfo/sha256").into_values().collect::<Vec<_>>(),
        [4]
    );
    assert_quiet(events);
}

/// Sessions are whole, and nothing about their packets is odd.
fn assert_quiet(events: &Events) {
    assert_eq!(events.counts("flow", "/tcp/state"), BTreeMap::from([("closed".into(), 4)]));
    assert_eq!(events.of("anomaly"), Vec::<&Value>::new());
    let files = events.of("fileinfo");
    assert!(files.iter().all(|file| file["fileinfo"]["state"] == "CLOSED"), "{files:?}");
}

const PROGRAMS: &[&str] = &["curl", "nginx", "nsenter", "openssl", "suricata", "sysctl"];

const CLIENT_ADDRESS: &str = "192.0.2.1";

/// Of a body that takes two seconds at the rate of `/slow`.
const SLOW_LEN: usize = 4096;
