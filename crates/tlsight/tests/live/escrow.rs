//! `tlsight watch --escrow`: a server tells its secrets, and who captures elsewhere sees certificates.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use escrow::beacon::{BeaconKey, BeaconTarget};
use escrow::keys::{Signed, Trust, VerifyingKey};
use escrow::{Client, ClientSettings, Outcome, Wait};
use event::Timestamp;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{KeyLog, ServerConfig, ServerConnection, StreamOwned};
use secrets::{Label, Origin, Secret, SessionSecrets, SessionStage};
use tunnel::Credentials;

use crate::network::{Network, PATIENCE, SERVER_ADDRESS, in_namespace, wait_until, with_network};
use crate::servers::Identity;
use crate::watcher::Watcher;

#[test]
fn certificates_of_tls13_are_in_the_events_of_who_has_the_handshakes_secrets() {
    with_network("escrow", &["curl", "openssl"], |network| {
        let dir = network.folder().join("escrow");
        make(network, &dir, "t1");
        let mut service = Service::start(network, &dir);
        let outcomes = Arc::default();
        let server = serve(network, &dir, Arc::clone(&outcomes), Wait::Live);
        let mut watcher = watch(network, &dir, "t1", &[]);
        wait_until("the server knows of the monitor", || server.client.monitors() == 1);
        (0..SESSIONS).for_each(|_| fetch(network));
        for session in 0..SESSIONS {
            let line = session_line(&mut watcher);
            assert_eq!(line["tlsight"]["evidence"], "secrets", "session {session}: {line}");
            assert_eq!(line["tlsight"]["certificate"]["state"], "visible", "{session}: {line}");
            assert_eq!(line["tls"]["server"]["x509"]["subject"]["common_name"], "server.test");
        }
        let end = watcher.interrupt();
        assert_eq!(end.status, Some(0), "{}", end.messages);
        assert!(end.messages.contains(", 0 not"), "{}", end.messages);
        let outcomes: Vec<Outcome> = outcomes.lock().unwrap().clone();
        assert_eq!(outcomes, vec![Outcome::Acknowledged(Wait::Live); SESSIONS]);
        assert_eq!(service.0.try_wait().unwrap(), None, "the service goes on");
    });
}

#[test]
fn the_clear_text_of_sessions_is_told_as_packets_to_a_file_and_an_interface() {
    with_network("escrow-text", &["curl", "openssl", "tcpdump"], |network| {
        let dir = network.folder().join("escrow");
        make(network, &dir, "t3");
        let _service = Service::start(network, &dir);
        let outcomes = Arc::default();
        let server = serve(network, &dir, Arc::clone(&outcomes), Wait::Live);
        let clear = network.folder().join("clear.pcapng");
        let output = ["-o", "tap:clear0", "-w", clear.to_str().unwrap(), "--port-map", "443:80"];
        let watcher = watch(network, &dir, "t3", &output);
        let ids = Ids::start(network, "clear0");
        wait_until("the server knows of the monitor", || server.client.monitors() == 1);
        (0..SESSIONS).for_each(|_| fetch(network));
        let all = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            text.matches("GET / HTTP/1.1").count() == SESSIONS
                && text.matches("\r\n\r\nhello\n").count() == SESSIONS
        };
        wait_until("an IDS has seen all", || all(&fs::read(&ids.file).unwrap()));
        let end = watcher.interrupt();
        assert_eq!(end.status, Some(0), "{}", end.messages);
        assert!(end.messages.contains("clear text: "), "{}", end.messages);
        assert!(all(&fs::read(&clear).unwrap()));
    });
}

#[test]
fn who_watches_without_a_service_opens_what_beacons_bring() {
    with_network("beacon", &["curl", "openssl"], |network| {
        let dir = network.folder().join("escrow");
        make(network, &dir, "t3");
        tlsight(network, &["keys", "beacon", "beacon.key"]);
        let outcomes = Arc::default();
        // Nobody listens at the address that datagrams go to, and there is no service.
        let server = serve(network, &dir, Arc::clone(&outcomes), Wait::None);
        let clear = network.folder().join("clear.pcapng");
        let file = |name: &str| network.folder().join(name).to_str().unwrap().to_owned();
        let (key, own) = (file("beacon.key"), file("soc"));
        let arguments =
            ["--json", "--beacon-key", &key, "--escrow-key", &own, "-w", clear.to_str().unwrap()];
        let mut watcher = Watcher::start(&network.client(), "veth0", &arguments);
        (0..SESSIONS).for_each(|_| fetch(network));
        for session in 0..SESSIONS {
            let line = session_line(&mut watcher);
            assert_eq!(line["tlsight"]["evidence"], "secrets", "session {session}: {line}");
            assert_eq!(line["tlsight"]["certificate"]["state"], "visible", "{session}: {line}");
        }
        let end = watcher.interrupt();
        assert_eq!(end.status, Some(0), "{}", end.messages);
        let (sent, lost) = server.client.beacons();
        assert_eq!((sent, lost), (3 * SESSIONS as u64, 0));
        assert!(
            end.messages.contains(&format!("beacons: {sent} opened, 0 not")),
            "{}",
            end.messages
        );
        let text = fs::read(&clear).unwrap();
        let text = String::from_utf8_lossy(&text);
        assert_eq!(text.matches("GET / HTTP/1.1").count(), SESSIONS);
        assert_eq!(text.matches("\r\n\r\nhello\n").count(), SESSIONS);
    });
}

#[test]
fn outputs_that_make_no_sense_are_refused() {
    let run = |arguments: &[&str]| {
        let files = ["--escrow-name", "a", "--escrow-key", "a", "--escrow-grant", "a"];
        let more = ["--cert", "a", "--key", "a", "--ca", "a", "--escrow", "localhost"];
        let output = Command::new(env!("CARGO_BIN_EXE_tlsight"))
            .args(["watch", "-i", "lo"])
            .args(files)
            .args(more)
            .args(arguments)
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (status, said) = run(&["--tier", "t1", "-w", "x"]);
    assert!(status == Some(1) && said.contains("opens no application data"), "{said}");
    let (status, said) = run(&["--tier", "t3", "-o", "lo"]);
    assert!(status == Some(1) && said.contains("would be seen again"), "{said}");
    let output = Command::new(env!("CARGO_BIN_EXE_tlsight"))
        .args(["watch", "-i", "lo", "-w", "x"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "nobody tells secrets");
}

const SESSIONS: usize = 10;

/// Watches the client's interface as the monitor.
fn watch(network: &Network, dir: &Path, tier: &str, more: &[&str]) -> Watcher {
    let tls = |name: &str| dir.join("tls").join(name).to_str().unwrap().to_owned();
    let file = |name: &str| network.folder().join(name).to_str().unwrap().to_owned();
    let arguments = [
        "--json",
        "--escrow",
        SERVER_ADDRESS,
        "--tier",
        tier,
        "--escrow-name",
        "soc",
        "--escrow-key",
        &file("soc"),
        "--escrow-grant",
        &file("escrow/grants/soc.json"),
        "--cert",
        &tls("soc.pem"),
        "--key",
        &tls("soc.key"),
        "--ca",
        &tls("ca.pem"),
    ];
    Watcher::start(&network.client(), "veth0", &[&arguments, more].concat())
}

fn fetch(network: &Network) {
    let resolve = format!("tls13.test:443:{SERVER_ADDRESS}");
    let arguments = ["-sS", "--insecure", "--max-time", "30", "--resolve", &resolve];
    let url = ["https://tls13.test/"];
    let page = network.run(&network.client(), "curl", &[&arguments[..], &url].concat());
    assert_eq!(page, "hello\n");
}

/// The line of the next session that is one of the server's: connections of agent and monitor are sessions
/// as well.
fn session_line(watcher: &mut Watcher) -> serde_json::Value {
    loop {
        let line = watcher.next();
        if line["tls"]["client"]["server_name"] == "tls13.test" {
            return line;
        }
    }
}

/// A tcpdump where an IDS would listen.
struct Ids {
    process: Child,
    file: PathBuf,
}

impl Ids {
    fn start(network: &Network, interface: &str) -> Self {
        let file = network.folder().join("ids.pcap");
        let process = in_namespace(&network.client(), "tcpdump")
            .args(["-i", interface, "-U", "--immediate-mode", "-Z", "root", "-w"])
            .arg(&file)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let ids = Self { process, file };
        wait_until("tcpdump captures", || {
            let sockets = fs::read_to_string(format!("/proc/{}/net/packet", ids.process.id()));
            // The other one is that of the monitor.
            sockets.unwrap_or_default().lines().count() > 2
                && fs::metadata(&ids.file).is_ok_and(|it| it.len() > 0)
        });
        ids
    }
}

impl Drop for Ids {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// Runs `tlsight escrow ARGUMENTS...` in the network's folder.
fn tlsight(network: &Network, arguments: &[&str]) {
    let program = env!("CARGO_BIN_EXE_tlsight");
    let output = Command::new(program)
        .arg("escrow")
        .args(arguments)
        .current_dir(network.folder())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Makes an escrow with an agent, and a monitor that may have a tier.
pub(crate) fn make(network: &Network, dir: &Path, tier: &str) {
    let dir = dir.to_str().unwrap();
    let tlsight = |arguments: &[&str]| tlsight(network, arguments);
    tlsight(&[
        "init",
        "--dir",
        dir,
        "--service",
        SERVER_ADDRESS,
        "--agent",
        "web-1",
        "--monitor",
        "soc",
    ]);
    tlsight(&["keys", "identity", "soc"]);
    tlsight(&[
        "keys", "grant", "soc", "--public", "soc.pub", "--role", "monitor", "--tier", tier,
        "--dir", dir,
    ]);
}

/// A service in the server's namespace, killed if it is dropped.
pub(crate) struct Service(Child);

impl Service {
    pub(crate) fn start(network: &Network, dir: &Path) -> Self {
        let mut child = in_namespace(&network.server(), env!("CARGO_BIN_EXE_tlsight"))
            .args(["escrow", "serve", "--dir", dir.to_str().unwrap()])
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let is_listening = lines.any(|line| line.is_ok_and(|line| line.contains("listening")));
        assert!(is_listening, "the service ended");
        thread::spawn(move || lines.for_each(drop));
        Self(child)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// A server that answers when the secrets of the session are with the monitors.
struct Server {
    client: Arc<Client>,
    listener: TcpListener,
}

impl Drop for Server {
    fn drop(&mut self) {
        // The thread that accepts gets an error and ends.
        rustix::net::shutdown(&self.listener, rustix::net::Shutdown::Both).ok();
    }
}

/// Secrets by client random.
type Known = HashMap<[u8; 32], Vec<(Label, Secret)>>;

/// Collects the secrets of each session, and tells them all at once.
struct Telling {
    client: Arc<Client>,
    known: Mutex<Known>,
    outcomes: Arc<Mutex<Vec<Outcome>>>,
    wait: Wait,
}

impl std::fmt::Debug for Telling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Telling")
    }
}

impl KeyLog for Telling {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let label = match label {
            "CLIENT_HANDSHAKE_TRAFFIC_SECRET" => Label::ClientHandshakeTraffic,
            "SERVER_HANDSHAKE_TRAFFIC_SECRET" => Label::ServerHandshakeTraffic,
            "CLIENT_TRAFFIC_SECRET_0" => Label::ClientTraffic(0),
            "SERVER_TRAFFIC_SECRET_0" => Label::ServerTraffic(0),
            _ => return,
        };
        let random: [u8; 32] = *client_random.as_array().unwrap();
        let mut known = self.known.lock().unwrap();
        let secrets = known.entry(random).or_default();
        secrets.push((label, Secret::new(secret)));
        if secrets.len() < 4 {
            return;
        }
        let secrets = known.remove(&random).unwrap();
        drop(known);
        let told = SessionSecrets {
            stage: SessionStage::Application,
            version: 0x0304,
            cipher_suite: 0x1302,
            client_random: random,
            server_random: None,
            secrets,
            origin: Origin::unknown(Timestamp::default()),
        };
        let outcome = self.client.deliver(told, self.wait, Instant::now() + PATIENCE);
        self.outcomes.lock().unwrap().push(outcome);
    }
}

/// Beacons past the client's interface, if there is a key for them.
fn beacons(network: &Network) -> Vec<BeaconTarget> {
    let Ok(key) = fs::read_to_string(network.folder().join("beacon.key")) else { return vec![] };
    let grant = fs::read_to_string(network.folder().join("escrow/grants/soc.json")).unwrap();
    vec![BeaconTarget {
        destination: "192.0.2.1:3007".parse().unwrap(),
        grant: Signed::parse(&grant).unwrap(),
        key: Arc::new(BeaconKey::parse(&key).unwrap()),
    }]
}

fn serve(network: &Network, dir: &Path, outcomes: Arc<Mutex<Vec<Outcome>>>, wait: Wait) -> Server {
    let identity = Identity::new(network);
    let certificate = CertificateDer::from_pem_file(&identity.certificate).unwrap();
    let key = PrivateKeyDer::from_pem_file(&identity.key).unwrap();
    let authority = fs::read_to_string(dir.join("authority.pub")).unwrap();
    let trust = Trust::new(VerifyingKey::parse(&authority).unwrap());
    let tls = |name: &str| dir.join("tls").join(name);
    let credentials =
        Credentials::read(&tls("web-1.pem"), &tls("web-1.key"), &tls("ca.pem")).unwrap();
    let namespace = File::open(format!("/run/netns/{}", network.server())).unwrap();
    let beacons = beacons(network);
    let (sender, receiver) = mpsc::channel();
    // Sockets belong to the namespace of the thread that made them, or of the one that began it.
    thread::spawn(move || {
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
        let settings = ClientSettings {
            beacons,
            ..ClientSettings::new(SERVER_ADDRESS, escrow::DEFAULT_PORT, trust)
        };
        let config = credentials.client(escrow::wire::ALPN).unwrap();
        let client = Arc::new(Client::start(settings, config, Box::new(|_: &str| {})).unwrap());
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let known = Mutex::default();
        config.key_log = Arc::new(Telling { client: Arc::clone(&client), known, outcomes, wait });
        let config = Arc::new(config);
        let listener = TcpListener::bind((SERVER_ADDRESS, 443)).unwrap();
        sender.send((client, listener.try_clone().unwrap())).unwrap();
        while let Ok((stream, _)) = listener.accept() {
            stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
            let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = BufReader::new(StreamOwned::new(tls, stream));
            let mut line = String::new();
            while stream.read_line(&mut line).is_ok_and(|len| len > 2) {
                line.clear();
            }
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n";
            stream.get_mut().write_all(answer.as_bytes()).unwrap();
            stream.get_mut().conn.send_close_notify();
            stream.get_mut().flush().ok();
        }
    });
    let (client, listener) = receiver.recv().unwrap();
    Server { client, listener }
}
