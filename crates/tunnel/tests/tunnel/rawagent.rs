//! An agent that says what it is told to say.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use forge::Record;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tunnel::format::{ALPN, Frame, Hello, Packer, Reply, SessionId, put_record};

use crate::place::{PATIENCE, file};

/// A connection to a sensor.
pub(crate) struct RawAgent(StreamOwned<ClientConnection, TcpStream>);

/// How an agent shows itself.
pub(crate) struct Shown {
    /// Its certificate's file, without ending.
    pub(crate) certificate: Option<std::path::PathBuf>,
    pub(crate) alpn: &'static [u8],
}

impl RawAgent {
    /// Connects as agent `a`.
    pub(crate) fn connect(port: u16) -> Self {
        Self::as_shown(port, Shown { certificate: Some(file("a")), alpn: ALPN }).unwrap()
    }

    pub(crate) fn as_shown(port: u16, shown: Shown) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(file("ca.pem")).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match shown.certificate {
            None => builder.with_no_client_auth(),
            Some(stem) => {
                let chain =
                    vec![CertificateDer::from_pem_file(stem.with_extension("pem")).unwrap()];
                let key = PrivateKeyDer::from_pem_file(stem.with_extension("key")).unwrap();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        };
        config.alpn_protocols = vec![shown.alpn.to_vec()];
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let tls = ClientConnection::new(Arc::new(config), name).unwrap();
        let tcp = TcpStream::connect(("127.0.0.1", port))?;
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(PATIENCE))?;
        let mut stream = StreamOwned::new(tls, tcp);
        stream.flush()?;
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Self(stream))
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        // The sensor may have hung up.
        self.0.write_all(bytes).and_then(|()| self.0.flush()).ok();
    }

    pub(crate) fn reply(&mut self) -> io::Result<Reply> {
        let mut bytes = [0; Reply::LEN];
        self.0.read_exact(&mut bytes)?;
        Ok(Reply::parse(bytes).unwrap())
    }

    /// Says hello, and gives the answer.
    pub(crate) fn hello(&mut self, session: u8, acknowledged: u64) -> Reply {
        self.send(&hello(session, acknowledged));
        self.reply().unwrap()
    }

    /// Sends a batch, and gives the answer.
    pub(crate) fn batch(&mut self, sequence: u64, records: &[Record<'_>]) -> Reply {
        self.send(&batch(sequence, records));
        self.reply().unwrap()
    }
}

pub(crate) fn hello(session: u8, acknowledged: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    Frame::Hello(Hello { session: SessionId([session; 16]), acknowledged }).put(&mut bytes);
    bytes
}

pub(crate) fn batch(sequence: u64, records: &[Record<'_>]) -> Vec<u8> {
    let mut plain = Vec::new();
    records.iter().for_each(|record| put_record(record, &mut plain));
    batch_of(sequence, &plain)
}

/// A batch of bytes that need not be records.
pub(crate) fn batch_of(sequence: u64, plain: &[u8]) -> Vec<u8> {
    let (mut packed, mut bytes) = (Vec::new(), Vec::new());
    Packer::new().unwrap().pack(plain, &mut packed).unwrap();
    let len = u32::try_from(plain.len()).unwrap();
    Frame::Batch { sequence, len, packed: &packed }.put(&mut bytes);
    bytes
}
