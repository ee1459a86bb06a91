//! Clients that open one session after the other, without waiting for anybody but the server.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned,
    SupportedProtocolVersion,
};

use crate::network::{Network, PATIENCE, SERVER_ADDRESS, wait_until};
use crate::servers::PAGE;

/// Clients at work; they end with this value.
pub(super) struct Load {
    left: Arc<AtomicUsize>,
    done: Arc<Mutex<Vec<Done>>>,
    threads: Vec<JoinHandle<()>>,
}

/// A session that was opened and closed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Done {
    pub(super) took: Duration,
    /// Whether the page came whole.
    pub(super) is_answered: bool,
}

impl Load {
    /// Has some clients open `sessions` sessions together.
    pub(super) fn start(
        network: &Network,
        port: u16,
        version: &'static SupportedProtocolVersion,
        sessions: usize,
    ) -> Self {
        let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anyone))
            .with_no_client_auth();
        config.resumption = rustls::client::Resumption::disabled();
        let config = Arc::new(config);
        let (left, done) =
            (Arc::new(AtomicUsize::new(sessions)), Arc::<Mutex<Vec<Done>>>::default());
        let threads = (0..CLIENTS).map(|_| {
            let namespace = File::open(format!("/run/netns/{}", network.client())).unwrap();
            let (config, left, done) = (Arc::clone(&config), Arc::clone(&left), Arc::clone(&done));
            thread::spawn(move || {
                let network = Some(LinkNameSpaceType::Network);
                move_into_link_name_space(namespace.as_fd(), network).unwrap();
                let more = |left: usize| left.checked_sub(1);
                while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok() {
                    let began = Instant::now();
                    let page = ask(&config, port);
                    let took = began.elapsed();
                    let is_answered = page.is_ok_and(|page| page.ends_with(PAGE));
                    let one = Done { took, is_answered };
                    done.lock().unwrap().push(one);
                }
            })
        });
        Self { threads: threads.collect(), left, done }
    }

    /// Those that are over, in order.
    pub(super) fn done(&self) -> Vec<Done> {
        self.done.lock().unwrap().clone()
    }

    /// Waits for `count` more to end; gives those.
    pub(super) fn wait_for(&self, count: usize) -> Vec<Done> {
        let before = self.done.lock().unwrap().len();
        wait_until("sessions end", || self.done.lock().unwrap().len() >= before + count);
        self.done().split_off(before)
    }

    /// Waits until all are over.
    pub(super) fn finish(mut self) -> Vec<Done> {
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
        self.done()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.left.store(0, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().ok();
        }
    }
}

fn ask(config: &Arc<ClientConfig>, port: u16) -> io::Result<String> {
    let name = ServerName::try_from("server.test").unwrap();
    let tls = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
    let socket = TcpStream::connect((SERVER_ADDRESS, port))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    // The request does not wait for anything, as those of browsers and curl do not.
    socket.set_nodelay(true)?;
    let mut stream = StreamOwned::new(tls, socket);
    stream.write_all(b"GET /hello HTTP/1.1\r\nHost: server.test\r\nConnection: close\r\n\r\n")?;
    let mut page = String::new();
    stream.read_to_string(&mut page)?;
    Ok(page)
}

/// Takes any certificate.
#[derive(Debug)]
struct Anyone;

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

/// Sessions at a time.
const CLIENTS: usize = 4;
