//! The test program itself as a program with rustls: a copy of it, for a mirror leaves its own file alone.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::{env, fs};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme, SupportedProtocolVersion,
};

use super::{clients, servers};
use crate::place::Place;

/// A copy of this program in a place.
pub(super) fn copy(place: &Place) -> PathBuf {
    let program = place.file("program");
    fs::copy(env::current_exe().unwrap(), &program).unwrap();
    program
}

/// Has a copy play a role; it waits for lines on its input.
pub(super) fn play(program: &Path, role: &str) -> Command {
    let mut command = Command::new(program);
    command.args(["--exact", "rustls::program::plays_its_role", "--ignored", "--nocapture"]);
    command.env(ROLE, role).stdin(Stdio::piped()).stdout(Stdio::null());
    command
}

#[test]
#[ignore = "is run by the other tests"]
fn plays_its_role() {
    let Ok(role) = env::var(ROLE) else { return };
    let mut words = role.split(' ');
    let mut next = || words.next().unwrap();
    match next() {
        "client" => clients::run(next()),
        "server" => servers::run(next(), next().parse().unwrap(), Path::new(next())),
        "pipe" => clients::talk_to_nobody(Path::new(next())),
        other => panic!("no such role: {other}"),
    }
}

/// Settings of a client that takes any certificate.
pub(super) fn settings(version: &str) -> Arc<ClientConfig> {
    let versions: &[&SupportedProtocolVersion] = match version {
        "1.2" => &[&rustls::version::TLS12],
        _ => &[&rustls::version::TLS13],
    };
    let settings = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody))
        .with_no_client_auth();
    Arc::new(settings)
}

#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
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
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}

const ROLE: &str = "TLSIGHT_TEST_ROLE";
