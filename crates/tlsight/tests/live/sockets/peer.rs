//! The test program itself as a client or server in a cgroup: a server of rustls, or both ends of a
//! recorded conversation.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::{env, thread};

use capture::{Block, FileReader, More};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use wire::{Ethernet, IpProtocol, Ipv4, Ipv6, TcpSegment, UdpDatagram};

use super::cgroup::Cgroup;

/// A server of rustls on a port of the loopback interface.
pub(crate) fn rustls_server(cgroup: &Cgroup, folder: &Path, port: u16) -> Command {
    command(cgroup.command(env::current_exe().unwrap()), &format!("rustls {port}"), folder)
}

/// Both ends of the conversation of a capture, in a network namespace, with the server at `port`.
pub(crate) fn replay(cgroup: &Cgroup, namespace: &str, capture: &Path, port: u16) -> Command {
    let program = env::current_exe().unwrap();
    command(cgroup.command_in(namespace, program), &format!("replay {port}"), capture)
}

fn command(mut command: Command, role: &str, path: &Path) -> Command {
    command.args(ARGUMENTS).env(ROLE, role).env(FILE, path);
    command
}

#[test]
#[ignore = "is run by the other tests"]
fn plays_its_role() {
    let Ok(role) = env::var(ROLE) else { return };
    let (name, port) = role.split_once(' ').unwrap();
    let (port, path) = (port.parse().unwrap(), env::var(FILE).unwrap());
    match name {
        "rustls" => serve(Path::new(&path), port),
        "replay" => converse(Path::new(&path), port),
        _ => panic!("no such role: {name}"),
    }
}

fn serve(folder: &Path, port: u16) {
    let certificate = CertificateDer::from_pem_file(folder.join("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    while let Ok((stream, _)) = listener.accept() {
        let config = Arc::clone(&config);
        thread::spawn(move || {
            let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
            let mut request = [0; 4096];
            if stream.read(&mut request).is_ok() {
                let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
                stream.write_all(answer.as_bytes()).ok();
                stream.conn.send_close_notify();
                stream.flush().ok();
            }
        });
    }
}

/// What one side of a recorded conversation said at once.
struct Turn {
    is_client: bool,
    is_tcp: bool,
    is_v6: bool,
    payload: Vec<u8>,
}

fn converse(capture: &Path, port: u16) {
    let turns = turns(capture);
    let first = turns.first().expect("a conversation");
    let address = if first.is_v6 { "::1" } else { "127.0.0.1" };
    if first.is_tcp {
        let listener = TcpListener::bind((address, port)).unwrap();
        let mut client = TcpStream::connect((address, port)).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        for stream in [&client, &server] {
            stream.set_nodelay(true).unwrap();
        }
        for turn in &turns {
            let (from, to) = if turn.is_client {
                (&mut client, &mut server)
            } else {
                (&mut server, &mut client)
            };
            from.write_all(&turn.payload).unwrap();
            to.read_exact(&mut vec![0; turn.payload.len()]).unwrap();
        }
    } else {
        let server = UdpSocket::bind((address, port)).unwrap();
        let client = UdpSocket::bind((address, 0)).unwrap();
        let (to_server, to_client) = (server.local_addr().unwrap(), client.local_addr().unwrap());
        for turn in &turns {
            let (from, to, address) = if turn.is_client {
                (&client, &server, to_server)
            } else {
                (&server, &client, to_client)
            };
            from.send_to(&turn.payload, address).unwrap();
            to.recv(&mut [0; 65536]).unwrap();
        }
    }
}

/// The payloads of a capture of one conversation over Ethernet, of which nothing was lost.
fn turns(capture: &Path) -> Vec<Turn> {
    let mut reader = FileReader::open(capture).unwrap();
    let mut block = Block::new();
    let mut turns = Vec::new();
    let mut client = None;
    while let More::Packets = reader.read_block(&mut block).unwrap() {
        for packet in block.packets() {
            let ip = Ethernet::parse(packet.bytes).unwrap().payload;
            let (is_v6, protocol, bytes) = match ip.first().map(|byte| byte >> 4) {
                Some(4) => Ipv4::parse(ip).map(|ip| (false, ip.protocol, ip.payload)).unwrap(),
                Some(6) => Ipv6::parse(ip).map(|ip| (true, ip.next_header, ip.payload)).unwrap(),
                _ => continue,
            };
            let (is_tcp, port, payload) = match protocol {
                IpProtocol::TCP => TcpSegment::parse(bytes)
                    .map(|tcp| (true, tcp.source_port, tcp.payload))
                    .unwrap(),
                IpProtocol::UDP => UdpDatagram::parse(bytes)
                    .map(|udp| (false, udp.source_port, udp.payload))
                    .unwrap(),
                _ => continue,
            };
            let is_client = *client.get_or_insert(port) == port;
            if !payload.is_empty() {
                turns.push(Turn { is_client, is_tcp, is_v6, payload: payload.to_vec() });
            }
        }
    }
    turns
}

/// Those of the test program with which it plays a role.
pub(crate) const ARGUMENTS: &[&str] =
    &["--exact", "sockets::peer::plays_its_role", "--ignored", "--test-threads=1"];

const ROLE: &str = "TLSIGHT_TEST_ROLE";
const FILE: &str = "TLSIGHT_TEST_FILE";
