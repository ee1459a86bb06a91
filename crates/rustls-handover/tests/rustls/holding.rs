//! What is sent before the agent has answered.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use endpoint::{Agent, Peer, Receipt, Remote, Sink};
use handover::{Reached, Settings, Tallies};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, KeyLog, RootCertStore, ServerConfig, ServerConnection,
    StreamOwned, SupportedProtocolVersion, version,
};
use rustls_handover::{Handover, Impossible};
use secrets::{SessionSecrets, SessionStage};

use crate::relay::Relay;

#[test]
fn nothing_that_is_protected_leaves_before_its_secret_is_acknowledged() {
    for version in [&version::TLS13, &version::TLS12] {
        for holder in [Holder::Server, Holder::Client] {
            let folder = tempfile::tempdir().unwrap();
            let agent = Running::start(folder.path());
            let server = server(version, (holder == Holder::Server).then(|| agent.key_log("60s")));
            for _ in 0..SESSIONS {
                let key_log = (holder == Holder::Client).then(|| agent.key_log("60s"));
                hold_one(&agent, &server, version, holder, key_log);
            }
        }
    }
}

/// One session: at each message to the agent, its holder has sent nothing that is protected.
fn hold_one(
    agent: &Running,
    server: &Server,
    version: &'static SupportedProtocolVersion,
    holder: Holder,
    key_log: Option<Handover>,
) {
    let relay = Relay::start(server.port);
    let (port, certificate) = (relay.port, server.certificate.clone());
    let client = thread::spawn(move || ask(port, version, certificate, key_log));
    let stages: &[SessionStage] = if version.version == rustls::ProtocolVersion::TLSv1_3 {
        &[SessionStage::Hello, SessionStage::Application]
    } else {
        &[SessionStage::Application]
    };
    for stage in stages {
        let (secrets, receipt) = agent.came.recv_timeout(PATIENCE).unwrap();
        assert_eq!(secrets.stage, *stage);
        let [[of_client, of_server]] = &relay.records()[..] else { panic!("one connection") };
        let sent = if holder == Holder::Server { of_server } else { of_client };
        assert!(is_open(sent), "{holder:?} {version:?} {stage:?}: {sent:?}");
        receipt.reach(Reached::Live);
    }
    assert_eq!(client.join().unwrap(), PAGE);
}

#[test]
fn a_deadline_lets_a_session_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Running::start(folder.path());
    let server = server(&version::TLS13, Some(agent.key_log("20ms")));
    let relay = Relay::start(server.port);
    assert_eq!(ask(relay.port, &version::TLS13, server.certificate.clone(), None), PAGE);
    assert_eq!(agent.came.iter().take(2).count(), 2);
}

#[test]
fn settings_that_ask_for_what_a_key_log_cannot_do_are_refused() {
    for text in ["on-deadline=abort", "on-trip=refuse"] {
        let settings = format!("socket=/x {text}").parse().unwrap();
        assert_eq!(Handover::new(settings).err(), Some(Impossible::Abort), "{text}");
    }
    let key_log = Handover::new(Settings::new("/x".into())).unwrap();
    assert!(!key_log.will_log("EXPORTER_SECRET") && key_log.will_log("CLIENT_RANDOM"));
}

/// Which end hands over and waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    Client,
    Server,
}

/// Whether nothing is protected of what was sent: in TLS 1.3 that looks like application data, and before it
/// follows the change of the cipher.
fn is_open(types: &[u8]) -> bool {
    let change = types.iter().position(|kind| *kind == 20);
    let behind = change.and_then(|at| types.get(at + 1..)).unwrap_or_default();
    !types.contains(&23) && !behind.contains(&22)
}

struct Running {
    socket: String,
    remote: Remote,
    thread: Option<JoinHandle<()>>,
    came: Receiver<(Box<SessionSecrets>, Receipt)>,
}

struct Channel(mpsc::Sender<(Box<SessionSecrets>, Receipt)>);

impl Sink for Channel {
    fn take(&mut self, secrets: SessionSecrets, receipt: Receipt) {
        self.0.send((Box::new(secrets), receipt)).ok();
    }

    fn miss(&mut self, _: &Peer, _: Option<&[u8; 32]>, _: &Tallies) {}
}

impl Running {
    fn start(folder: &Path) -> Self {
        let (sender, came) = mpsc::channel();
        let socket = folder.join("agent.sock");
        let mut agent = Agent::bind(&socket, 0o600, Channel(sender)).unwrap();
        let remote = agent.remote();
        let thread = thread::spawn(move || agent.run().unwrap());
        let socket = socket.to_str().unwrap().to_owned();
        Self { socket, remote, thread: Some(thread), came }
    }

    fn key_log(&self, deadline: &str) -> Handover {
        let text = format!("socket={} wait=live deadline={deadline} breaker=0", self.socket);
        Handover::new(text.parse().unwrap()).unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.remote.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

struct Server {
    port: u16,
    certificate: rustls_pki_types::CertificateDer<'static>,
}

/// Answers each request with the page, for as long as the process lives.
fn server(version: &'static SupportedProtocolVersion, key_log: Option<Handover>) -> Server {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let certificate = made.cert.der().clone();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    if let Some(key_log) = key_log {
        config.key_log = Arc::new(key_log) as Arc<dyn KeyLog>;
    }
    let config = Arc::new(config);
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (config, stream) = (Arc::clone(&config), stream.unwrap());
            thread::spawn(move || {
                let connection = ServerConnection::new(config).unwrap();
                let mut stream = StreamOwned::new(connection, stream);
                let mut request = [0; 3];
                if stream.read_exact(&mut request).is_ok() {
                    stream.write_all(PAGE.as_bytes()).unwrap();
                    stream.conn.send_close_notify();
                    stream.flush().unwrap();
                }
            });
        }
    });
    Server { port, certificate }
}

/// Asks a server; gives its answer.
fn ask(
    port: u16,
    version: &'static SupportedProtocolVersion,
    certificate: rustls_pki_types::CertificateDer<'static>,
    key_log: Option<Handover>,
) -> String {
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    if let Some(key_log) = key_log {
        config.key_log = Arc::new(key_log) as Arc<dyn KeyLog>;
    }
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut stream = StreamOwned::new(connection, stream);
    stream.write_all(b"GET").unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    page
}

const PAGE: &str = "hello from rustls";

const SESSIONS: usize = 50;

/// What is waited for has come by then, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
