//! What is lost is counted.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;
use std::{env, fs, process};

use probe::{Batch, Options, SocketCapture};

#[test]
fn packets_that_the_ring_has_no_room_for_are_counted() {
    let Some(cgroup) = own_cgroup() else { return };
    let options =
        Options { cgroup: Some(cgroup.clone()), ring_len: Some(RING_LEN), ..Options::default() };
    let mut capture = match SocketCapture::open(&options) {
        Ok(capture) => capture,
        Err(error) => return skip(&error.to_string()),
    };
    for _ in 0..CONNECTIONS {
        say(&[22, 3, 1, 0, 100, 1, 0, 0, 96, 3, 3]);
    }
    let mut batch = Batch::default();
    capture.poll(Duration::ZERO, &mut batch).unwrap();
    assert!(!batch.is_empty());
    let lost = capture.losses().ring_full;
    assert!(lost > 0);
    // There is room again.
    say(&[22, 3, 1, 0, 100, 1, 0, 0, 96, 3, 3]);
    capture.poll(Duration::from_secs(10), &mut batch).unwrap();
    assert!(batch.packets().any(|(_, packet)| packet.bytes.len() > 11));
    assert_eq!(capture.losses().ring_full, lost);
}

/// Opens a connection to itself, says something and hangs up.
fn say(bytes: &[u8]) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    client.write_all(bytes).unwrap();
    drop(client);
    server.read_to_end(&mut Vec::new()).unwrap();
}

/// Moves this process into a cgroup of its own, so that others cannot fill the ring; `None` if it may
/// not.
fn own_cgroup() -> Option<std::path::PathBuf> {
    let made = probe::cgroup_root().map_err(|error| error.to_string()).and_then(|root| {
        let path = root.join(format!("tlsight-ring-{}", process::id()));
        fs::create_dir_all(&path)
            .and_then(|()| fs::write(path.join("cgroup.procs"), process::id().to_string()))
            .map(|()| path)
            .map_err(|error| error.to_string())
    });
    made.map_err(|obstacle| skip(&obstacle)).ok()
}

fn skip(obstacle: &str) {
    assert!(env::var_os("CI").is_none(), "the ring cannot be tested: {obstacle}");
    println!("skipped: {obstacle}");
}

/// The smallest ring: it has room for one process and some packets.
const RING_LEN: u32 = 64 << 10;

const CONNECTIONS: usize = 200;
