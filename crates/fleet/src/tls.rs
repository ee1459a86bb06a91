//! TLS 1.3 between agents and servers of one fleet.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::kx_group::{SECP256R1, SECP384R1, X25519, X25519MLKEM768};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, ServerConfig,
    SignatureScheme,
};

use crate::authority::{SERVER_NAME, ServerIdentity};
use crate::token::Fingerprint;

/// Why certificates or keys cannot be used for TLS.
#[derive(Debug, thiserror::Error)]
#[error("certificate, key and authority cannot be used: {0}")]
pub struct NotUsable(String);

/// Whom an agent takes for its server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Whoever has a certificate of the authority with this fingerprint, and shows that too.
    Fingerprint(Fingerprint),
    /// Whoever has a certificate of one of these authorities, DER.
    Authorities(Vec<Vec<u8>>),
}

/// How a server listens: TLS 1.3 and HTTP/2; post-quantum key exchange first. Who has a certificate of one of
/// these `authorities` (DER) shows it, and who has none may come in to enrol; whoever shows another one does not
/// come in.
///
/// # Errors
/// See [`NotUsable`].
pub fn server_config(
    identity: &ServerIdentity,
    authorities: &[Vec<u8>],
) -> Result<Arc<ServerConfig>, NotUsable> {
    let roots = Arc::new(roots(authorities).map_err(unusable)?);
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider())
        .allow_unauthenticated()
        .build()
        .map_err(unusable)?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(unusable)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(certificates(&identity.chain), key(&identity.key))
        .map_err(unusable)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    // A resumed session would outlive the certificate that it began with.
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// How an agent connects, with its certificates and its key (DER) if it has them.
pub(crate) fn client_config(
    trust: Trust,
    identity: Option<(&[Vec<u8>], &[u8])>,
) -> Result<Arc<ClientConfig>, NotUsable> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(unusable)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(FleetVerifier::new(trust)?));
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some((chain, private)) => {
            builder.with_client_auth_cert(certificates(chain), key(private)).map_err(unusable)?
        }
    };
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::new(config))
}

/// Verifies that a server is of the fleet. By which name or address it was reached does not matter.
#[derive(Debug)]
struct FleetVerifier {
    trust: Trusted,
    name: ServerName<'static>,
    provider: Arc<CryptoProvider>,
}

#[derive(Debug)]
enum Trusted {
    Fingerprint(Fingerprint),
    Authorities(Arc<WebPkiServerVerifier>),
}

impl FleetVerifier {
    fn new(trust: Trust) -> Result<Self, NotUsable> {
        let trust = match trust {
            Trust::Fingerprint(fingerprint) => Trusted::Fingerprint(fingerprint),
            Trust::Authorities(authorities) => {
                let roots = roots(&authorities).map_err(unusable)?;
                Trusted::Authorities(verifier(roots).map_err(unusable)?)
            }
        };
        let name = ServerName::try_from(SERVER_NAME).map_err(unusable)?;
        Ok(Self { trust, name, provider: provider() })
    }
}

impl ServerCertVerifier for FleetVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let of_fleet = match &self.trust {
            Trusted::Authorities(verifier) => Arc::clone(verifier),
            Trusted::Fingerprint(fingerprint) => {
                let authority = intermediates
                    .iter()
                    .find(|certificate| Fingerprint::of(certificate) == *fingerprint)
                    .ok_or(Error::InvalidCertificate(CertificateError::UnknownIssuer))?;
                let mut roots = RootCertStore::empty();
                roots.add(authority.clone().into_owned())?;
                verifier(roots).map_err(|error| Error::General(error.to_string()))?
            }
        };
        of_fleet.verify_server_cert(end_entity, intermediates, &self.name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn verifier(
    roots: RootCertStore,
) -> Result<Arc<WebPkiServerVerifier>, rustls::client::VerifierBuilderError> {
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build()
}

fn roots(authorities: &[Vec<u8>]) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(CertificateDer::from(authority.clone()))?;
    }
    Ok(roots)
}

fn certificates(chain: &[Vec<u8>]) -> Vec<CertificateDer<'static>> {
    chain.iter().cloned().map(CertificateDer::from).collect()
}

fn key(pkcs8: &[u8]) -> PrivateKeyDer<'static> {
    PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pkcs8.to_vec()))
}

fn provider() -> Arc<CryptoProvider> {
    let groups = vec![X25519MLKEM768, X25519, SECP256R1, SECP384R1];
    Arc::new(CryptoProvider { kx_groups: groups, ..aws_lc_rs::default_provider() })
}

fn unusable(error: impl std::fmt::Display) -> NotUsable {
    NotUsable(error.to_string())
}

/// HTTP/2 over TLS (RFC 9113 section 3.2).
const ALPN: &[u8] = b"h2";
