//! A server with rustls whose sessions wait.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::sync::{Arc, mpsc};
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_handover::Handover;

use super::place::Place;
use crate::network::SERVER_ADDRESS;
use crate::servers::PAGE;

/// It ends with this value.
pub(super) struct HeldRustls(TcpListener);

impl HeldRustls {
    /// One with TLS 1.3 on port 9443 of the server.
    pub(super) fn start(place: &Place<'_>, hold: &str) -> Self {
        let certificate = CertificateDer::from_pem_file(&place.identity.certificate).unwrap();
        let key = PrivateKeyDer::from_pem_file(&place.identity.key).unwrap();
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let settings = place.settings(hold).parse().unwrap();
        config.key_log = Arc::new(Handover::new(settings).unwrap());
        let config = Arc::new(config);
        let namespace = File::open(format!("/run/netns/{}", place.network.server())).unwrap();
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let network = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(namespace.as_fd(), network).unwrap();
            let listener = TcpListener::bind((SERVER_ADDRESS, 9443)).unwrap();
            sender.send(listener.try_clone().unwrap()).unwrap();
            while let Ok((stream, _)) = listener.accept() {
                let config = Arc::clone(&config);
                thread::spawn(move || answer(config, stream));
            }
        });
        Self(receiver.recv().unwrap())
    }
}

impl Drop for HeldRustls {
    fn drop(&mut self) {
        // The thread that accepts gets an error and ends.
        rustix::net::shutdown(&self.0, rustix::net::Shutdown::Both).ok();
    }
}

fn answer(config: Arc<ServerConfig>, stream: TcpStream) {
    let tls = ServerConnection::new(config).unwrap();
    let mut stream = BufReader::new(StreamOwned::new(tls, stream));
    let mut line = String::new();
    while stream.read_line(&mut line).is_ok_and(|len| len > 2) {
        line.clear();
    }
    let answer = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{PAGE}");
    if stream.get_mut().write_all(answer.as_bytes()).is_ok() {
        stream.get_mut().conn.send_close_notify();
        stream.get_mut().flush().ok();
    }
}
