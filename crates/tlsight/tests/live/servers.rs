//! TLS servers: OpenSSL, and one that accepts nothing but a post-quantum key exchange.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::network::{Network, SERVER_ADDRESS, in_namespace, wait_until};

/// Name in the servers' certificate.
pub(crate) const CERTIFICATE_NAME: &str = "server.test";

/// What the servers answer.
pub(crate) const PAGE: &str = "hello\n";

/// A self-signed certificate for all names below `test`, and its key.
pub(crate) struct Identity {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Identity {
    pub(crate) fn new(network: &Network) -> Self {
        let (certificate, key) =
            (network.folder().join("server.pem"), network.folder().join("server.key"));
        let names = "curl.test,server.test,tls12.test,tls13.test".replace(',', ",DNS:");
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
            .args(["-nodes", "-days", "30", "-subj", &format!("/CN={CERTIFICATE_NAME}")])
            .args(["-addext", &format!("subjectAltName=DNS:{names}")])
            .args(["-keyout".as_ref(), key.as_os_str(), "-out".as_ref(), certificate.as_os_str()])
            .output()
            .unwrap();
        assert!(made.status.success(), "openssl: {}", String::from_utf8_lossy(&made.stderr));
        Self { certificate, key }
    }
}

/// An `openssl s_server` on port 443 of all addresses of the server, with the page `/hello`, until it
/// is dropped.
pub(crate) struct OpensslServer(Child);

impl OpensslServer {
    pub(crate) fn start(network: &Network, identity: &Identity) -> Self {
        fs::write(network.folder().join("hello"), PAGE).unwrap();
        let mut server = Self(
            in_namespace(&network.server(), "openssl")
                .args(["s_server", "-accept", "443", "-quiet", "-WWW"])
                .args(["-cert".as_ref(), identity.certificate.as_os_str()])
                .args(["-key".as_ref(), identity.key.as_os_str()])
                .current_dir(network.folder())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .spawn()
                .unwrap(),
        );
        wait_until("openssl listens", || {
            assert_eq!(server.0.try_wait().unwrap(), None, "openssl ended");
            ["tcp", "tcp6"].iter().any(|table| {
                let table = fs::read_to_string(format!("/proc/{}/net/{table}", server.0.id()));
                table.unwrap_or_default().lines().any(is_listener_on_443)
            })
        });
        server
    }
}

impl Drop for OpensslServer {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// A server on port 443 that accepts only X25519MLKEM768 and answers any request, until it is
/// dropped.
pub(crate) struct PostQuantumServer(TcpListener);

impl PostQuantumServer {
    pub(crate) fn start(network: &Network, identity: &Identity) -> Self {
        let provider = rustls::crypto::CryptoProvider {
            kx_groups: vec![aws_lc_rs::kx_group::X25519MLKEM768],
            ..aws_lc_rs::default_provider()
        };
        let certificate = CertificateDer::from_pem_file(&identity.certificate).unwrap();
        let key = PrivateKeyDer::from_pem_file(&identity.key).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let namespace = File::open(format!("/run/netns/{}", network.server())).unwrap();
        let (listening, listener) = mpsc::channel();
        // A socket belongs to the namespace of the thread that made it.
        thread::spawn(move || {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            let listener = TcpListener::bind((SERVER_ADDRESS, 443)).unwrap();
            listening.send(listener.try_clone().unwrap()).unwrap();
            let config = Arc::new(config);
            while let Ok((stream, _)) = listener.accept() {
                let config = Arc::clone(&config);
                thread::spawn(move || answer(config, stream));
            }
        });
        Self(listener.recv().unwrap())
    }
}

impl Drop for PostQuantumServer {
    fn drop(&mut self) {
        // The thread that accepts gets an error and ends.
        rustix::net::shutdown(&self.0, rustix::net::Shutdown::Both).ok();
    }
}

/// Answers one request. A browser also opens connections and hangs up on them.
fn answer(config: Arc<ServerConfig>, stream: TcpStream) {
    let connection = ServerConnection::new(config).unwrap();
    let mut stream = BufReader::new(StreamOwned::new(connection, stream));
    let mut line = String::new();
    while stream.read_line(&mut line).is_ok_and(|length| length > 2) {
        line.clear();
    }
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{PAGE}",
        PAGE.len()
    );
    if line == "\r\n" && stream.get_mut().write_all(answer.as_bytes()).is_ok() {
        stream.get_mut().conn.send_close_notify();
        stream.get_mut().flush().ok();
    }
}

/// Whether a line of `/proc/net/tcp` is a socket that listens on port 443.
fn is_listener_on_443(line: &str) -> bool {
    let mut fields = line.split_whitespace().skip(1);
    fields.next().is_some_and(|local| local.ends_with(":01BB")) && fields.nth(1) == Some("0A")
}
