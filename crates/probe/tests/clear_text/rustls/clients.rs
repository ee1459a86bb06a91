//! Clients with rustls.

use std::io::{self, BufRead as _, IoSlice, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::{mem, thread};

use rustls::{ClientConfig, ClientConnection, ServerConnection, StreamOwned};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;

use super::{program, servers};

/// Does what each line says: `KIND PORT COUNT`.
pub(super) fn run(version: &str) {
    let settings = program::settings(version);
    for line in io::stdin().lock().lines() {
        let line = line.unwrap();
        let [kind, port, count] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let (port, count) = (port.parse().unwrap(), count.parse().unwrap());
        match kind {
            "blocking" => (0..count).for_each(|_| blocking(&settings, port)),
            "tokio" => asynchronous(&settings, port, count),
            "swapped" => swapped(&settings, port, count),
            other => panic!("no such kind: {other}"),
        }
    }
}

fn request(local_port: u16) -> String {
    format!(
        "GET /body?{local_port} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Port: {local_port}\r\n\r\n"
    )
}

/// A connection that moves to the heap, and to another thread between its request and its response.
fn blocking(settings: &Arc<ClientConfig>, port: u16) {
    let socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let request = request(socket.local_addr().unwrap().port());
    let (first, rest) = request.split_at(1);
    let mut stream = StreamOwned::new(connection(settings), socket);
    stream.write_all(first.as_bytes()).unwrap();
    let mut stream = Box::new(stream);
    let (middle, last) = rest.split_at(20);
    let sent = stream
        .conn
        .writer()
        .write_vectored(&[IoSlice::new(middle.as_bytes()), IoSlice::new(last.as_bytes())])
        .unwrap();
    assert_eq!(sent, rest.len());
    stream.flush().unwrap();
    let reader = thread::spawn(move || {
        let mut stream = *stream;
        let mut buffer = vec![0; 100_000];
        // Not all servers say goodbye.
        while stream.read(&mut buffer).is_ok_and(|len| len > 0) {}
    });
    reader.join().unwrap();
}

fn connection(settings: &Arc<ClientConfig>) -> ClientConnection {
    ClientConnection::new(Arc::clone(settings), "localhost".try_into().unwrap()).unwrap()
}

/// Many connections at once, each of which goes on in any of some threads.
fn asynchronous(settings: &Arc<ClientConfig>, port: u16, count: usize) {
    let connector = TlsConnector::from(Arc::clone(settings));
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(4).enable_all().build().unwrap();
    let all: Vec<_> = (0..count)
        .map(|_| {
            let connector = connector.clone();
            runtime.spawn(async move {
                let socket = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                let request = request(socket.local_addr().unwrap().port());
                let stream = connector.connect("localhost".try_into().unwrap(), socket).await;
                let mut stream = stream.unwrap();
                stream.write_all(request.as_bytes()).await.unwrap();
                stream.flush().await.unwrap();
                let mut buffer = vec![0; 100_000];
                while stream.read(&mut buffer).await.is_ok_and(|len| len > 0) {
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    runtime.block_on(async {
        for one in all {
            one.await.unwrap();
        }
    });
}

/// Connections of one thread that change their places with each other whenever they can: between what is
/// written and what is sent, and between what is received and what is read.
fn swapped(settings: &Arc<ClientConfig>, port: u16, count: usize) {
    let mut all: Vec<(ClientConnection, TcpStream)> = (0..count)
        .map(|_| {
            let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
            let mut connection = connection(settings);
            connection.complete_io(&mut socket).unwrap();
            (connection, socket)
        })
        .collect();
    for (connection, socket) in &mut all {
        let request = request(socket.local_addr().unwrap().port());
        connection.writer().write_all(request.as_bytes()).unwrap();
    }
    all.rotate_left(1);
    for (connection, socket) in &mut all {
        while connection.wants_write() {
            connection.write_tls(socket).unwrap();
        }
    }
    let mut buffer = vec![0; 100_000];
    while !all.is_empty() {
        all.rotate_left(1);
        let mut received: Vec<_> = all
            .iter_mut()
            .map(|(connection, socket)| connection.read_tls(socket).unwrap_or(0))
            .collect();
        if let [first, .., last] = &mut all[..] {
            mem::swap(first, last);
            let end = received.len() - 1;
            received.swap(0, end);
        }
        for (connection, _) in &mut all {
            connection.process_new_packets().unwrap();
            while connection.reader().read(&mut buffer).is_ok_and(|len| len > 0) {}
        }
        let mut received = received.into_iter();
        all.retain(|_| received.next().is_some_and(|len| len > 0));
    }
}

/// Two ends of a connection that goes through memory, when a line says so.
pub(super) fn talk_to_nobody(folder: &Path) {
    let settings = program::settings("1.3");
    for line in io::stdin().lock().lines() {
        let len: usize = line.unwrap().parse().unwrap();
        let mut client = connection(&settings);
        let mut server = ServerConnection::new(servers::settings(folder)).unwrap();
        let mut left = vec![7; len];
        let mut buffer = vec![0; 100_000];
        let mut came = 0;
        while came < len {
            let written = client.writer().write(&left).unwrap();
            left.drain(..written);
            let mut records = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut records).unwrap();
            }
            let mut records = &records[..];
            while !records.is_empty() {
                server.read_tls(&mut records).unwrap();
                server.process_new_packets().unwrap();
                while let Ok(read @ 1..) = server.reader().read(&mut buffer) {
                    came += read;
                }
            }
            let mut records = Vec::new();
            while server.wants_write() {
                server.write_tls(&mut records).unwrap();
            }
            let mut records = &records[..];
            while !records.is_empty() {
                client.read_tls(&mut records).unwrap();
                client.process_new_packets().unwrap();
            }
        }
    }
}
