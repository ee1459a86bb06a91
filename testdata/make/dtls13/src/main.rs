//! A server and a client of DTLS 1.3: `dtls13 serve [cookie]` echoes, `dtls13 connect` says hello.

use std::error::Error;
use std::io::ErrorKind;
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dimpl::certificate::generate_self_signed_certificate;
use dimpl::{Config, Dtls, Output};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |word| arguments.iter().any(|argument| argument == word);
    let config = Arc::new(Config::builder().use_server_cookie(has("cookie")).build()?);
    let mut dtls = Dtls::new_13(config, generate_self_signed_certificate()?, Instant::now());
    dtls.set_active(has("connect"));
    let socket = if has("connect") {
        let socket = UdpSocket::bind("0.0.0.0:0")?;
        socket.connect("192.0.2.2:4433")?;
        socket
    } else {
        let socket = UdpSocket::bind("0.0.0.0:4433")?;
        let (_, client) = socket.peek_from(&mut [0])?;
        socket.connect(client)?;
        socket
    };
    converse(dtls, &socket, has("connect"))
}

/// Goes on until either side closes.
fn converse(mut dtls: Dtls, socket: &UdpSocket, is_client: bool) -> Result<(), Box<dyn Error>> {
    let (mut out, mut datagram) = ([0; 4096], [0; 4096]);
    dtls.handle_timeout(Instant::now())?;
    loop {
        let (mut say, mut is_over) = (None, false);
        let wake = loop {
            match dtls.poll_output(&mut out) {
                Output::Packet(packet) => drop(socket.send(packet)?),
                Output::Timeout(wake) => break wake,
                Output::Connected if is_client => say = Some(b"hello".to_vec()),
                Output::ApplicationData(_) if is_client => is_over = true,
                Output::ApplicationData(data) => say = Some(data.to_vec()),
                Output::CloseNotify => return Ok(()),
                _ => {}
            }
        };
        if let Some(data) = say {
            dtls.send_application_data(&data)?;
            continue;
        }
        if is_over {
            dtls.close()?;
            while let Output::Packet(packet) = dtls.poll_output(&mut out) {
                socket.send(packet)?;
            }
            return Ok(());
        }
        let left = wake.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        socket.set_read_timeout(Some(left))?;
        match socket.recv(&mut datagram) {
            Ok(len) => {
                dtls.handle_timeout(Instant::now())?;
                dtls.handle_packet(&datagram[..len])?;
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                dtls.handle_timeout(Instant::now())?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}
