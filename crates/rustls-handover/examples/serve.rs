//! A web server with rustls that hands over its secrets if its environment says so: `serve PORT CERT KEY`.

use std::error::Error;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::{env, thread};

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_handover::Handover;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let mut next = || arguments.next().ok_or("usage: serve PORT CERT KEY");
    let listener = TcpListener::bind(("127.0.0.1", next()?.parse()?))?;
    let certificate = CertificateDer::from_pem_file(next()?)?;
    let key = PrivateKeyDer::from_pem_file(next()?)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    if let Some(key_log) = Handover::from_environment()? {
        config.key_log = Arc::new(key_log);
    }
    let config = Arc::new(config);
    for stream in listener.incoming() {
        let (config, stream) = (Arc::clone(&config), stream?);
        thread::spawn(move || answer(config, stream));
    }
    Ok(())
}

/// Answers one request.
fn answer(
    config: Arc<ServerConfig>,
    stream: TcpStream,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    let tls = StreamOwned::new(ServerConnection::new(config)?, stream);
    let mut tls = BufReader::new(tls);
    let mut line = String::new();
    while tls.read_line(&mut line)? > 2 {
        line.clear();
    }
    let tls = tls.get_mut();
    tls.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\nhello\n")?;
    tls.conn.send_close_notify();
    Ok(io::Write::flush(tls)?)
}
