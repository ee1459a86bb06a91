//! An agent of tests, which says whatever it is told to.

use std::sync::Arc;
use std::time::Duration;

use fleet::v1::from_agent::Message as Say;
use fleet::v1::from_server::Message as Told;
use fleet::v1::{self, enrolment_client::EnrolmentClient, fleet_client::FleetClient};
use futures_util::stream;
use hyper_util::rt::TokioIo;
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Status, Streaming};

use super::Running;

/// An agent that has enrolled.
pub(in crate::tests) struct Member {
    pub(in crate::tests) id: String,
    chain: Vec<Vec<u8>>,
    key: Vec<u8>,
    authorities: Vec<Vec<u8>>,
}

/// Its long call.
pub(in crate::tests) struct Call {
    says: mpsc::Sender<v1::FromAgent>,
    told: Streaming<v1::FromServer>,
    pub(in crate::tests) welcome: v1::Welcome,
    /// Policies and settings that came between other things.
    pub(in crate::tests) policies: Vec<v1::Policies>,
    pub(in crate::tests) settings: Vec<v1::Settings>,
}

/// A new key, and a request for a certificate of it.
pub(in crate::tests) fn request() -> (Vec<u8>, Vec<u8>) {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let request = CertificateParams::default().serialize_request(&key).unwrap();
    (key.serialize_der(), request.der().to_vec())
}

/// Asks for a certificate by the text of a token.
pub(in crate::tests) async fn enrol(server: &Running, token: &str) -> Result<Member, Status> {
    let authorities = vec![server.authority.certificate().to_vec()];
    let channel = dial(server, &authorities, None).await;
    let (key, request) = request();
    let asked = v1::EnrolRequest {
        token: token.to_owned(),
        certificate_request: request,
        host: "node 7".to_owned(),
    };
    let issued = EnrolmentClient::new(channel).enrol(asked).await?.into_inner();
    Ok(Member::of(key, issued))
}

/// An agent of a token that has no labels.
pub(in crate::tests) async fn join(server: &Running) -> Member {
    let token = server.token(1, &[]).reveal();
    enrol(server, &token).await.unwrap()
}

impl Member {
    fn of(key: Vec<u8>, issued: v1::Issued) -> Self {
        let v1::Issued { chain, authorities, .. } = issued;
        let id = fleet_id(&chain[0]);
        Self { id, chain, key, authorities }
    }

    pub(in crate::tests) async fn client(&self, server: &Running) -> FleetClient<Channel> {
        let identity = Some((self.chain.clone(), self.key.clone()));
        FleetClient::new(dial(server, &self.authorities, identity).await)
    }

    /// The agent with its next certificate.
    pub(in crate::tests) async fn renew(&self, server: &Running) -> Result<Self, Status> {
        let (key, certificate_request) = request();
        let asked = v1::RenewRequest { certificate_request };
        let issued = self.client(server).await.renew(asked).await?.into_inner();
        Ok(Self::of(key, issued))
    }

    /// Connects, as an agent that has nothing yet.
    pub(in crate::tests) async fn call(&self, server: &Running) -> Result<Call, Status> {
        self.call_with(server, hello()).await
    }

    pub(in crate::tests) async fn call_with(
        &self,
        server: &Running,
        hello: Say,
    ) -> Result<Call, Status> {
        let (says, said) = mpsc::channel::<v1::FromAgent>(1024);
        let said = stream::unfold(said, async |mut said| Some((said.recv().await?, said)));
        says.send(v1::FromAgent { message: Some(hello) }).await.unwrap();
        let mut client = self.client(server).await;
        let mut told = client.report(said).await?.into_inner();
        match told.message().await?.and_then(|told| told.message) {
            Some(Told::Welcome(welcome)) => {
                Ok(Call { says, told, welcome, policies: Vec::new(), settings: Vec::new() })
            }
            other => panic!("no welcome: {other:?}"),
        }
    }
}

impl Call {
    pub(in crate::tests) async fn say(&self, message: Say) {
        // A call that is over is told by what is read.
        self.says.send(v1::FromAgent { message: Some(message) }).await.ok();
    }

    pub(in crate::tests) async fn batch(&self, batch: v1::Batch) {
        self.say(Say::Batch(batch)).await;
    }

    /// The next answer to a batch. Policies and settings that come before it are noted.
    pub(in crate::tests) async fn answer(&mut self) -> Result<Told, Status> {
        loop {
            let told = self.next().await?;
            if let Told::Policies(policies) = told {
                self.policies.push(policies);
            } else if let Told::Settings(settings) = told {
                self.settings.push(settings);
            } else {
                return Ok(told);
            }
        }
    }

    /// Whatever is told next.
    pub(in crate::tests) async fn next(&mut self) -> Result<Told, Status> {
        let told = tokio::time::timeout(Duration::from_secs(180), self.told.message()).await;
        let told = told.expect("nothing was told")?;
        told.and_then(|told| told.message).ok_or_else(|| Status::cancelled("it is over"))
    }

    /// The end of the call.
    pub(in crate::tests) async fn end(mut self) -> Status {
        loop {
            if let Err(status) = self.next().await {
                return status;
            }
        }
    }
}

pub(in crate::tests) fn hello() -> Say {
    Say::Hello(v1::Hello {
        host: "node-7".to_owned(),
        version: "1.2.3".to_owned(),
        clock: crate::clock::Clock::system().now().as_nanos(),
        capability: "sockets".to_owned(),
        ..v1::Hello::default()
    })
}

fn fleet_id(certificate: &[u8]) -> String {
    fleet::Peer::of(certificate).unwrap().agent.to_string()
}

async fn dial(
    server: &Running,
    authorities: &[Vec<u8>],
    identity: Option<(Vec<Vec<u8>>, Vec<u8>)>,
) -> Channel {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(CertificateDer::from(authority.clone())).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match identity {
        None => config.with_no_client_auth(),
        Some((chain, key)) => {
            let chain = chain.into_iter().map(CertificateDer::from).collect();
            let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key));
            config.with_client_auth_cert(chain, key).unwrap()
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    let (connector, address) = (TlsConnector::from(Arc::new(config)), server.address);
    let connect = tower::service_fn(move |_uri: Uri| {
        let connector = connector.clone();
        async move {
            let tcp = TcpStream::connect(address).await?;
            let name = ServerName::try_from("server.fleet.tlsight").unwrap();
            connector.connect(name, tcp).await.map(TokioIo::new)
        }
    });
    Endpoint::from_static("https://server.fleet.tlsight").connect_with_connector_lazy(connect)
}
