//! Programs whose TLS library leaves records in memory, which they send themselves.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use probe::{Matches, Rules};

use crate::mirror::Mirror;
use crate::place::{Nginx, Place, Running, path_of};

#[test]
fn each_connection_of_node_has_its_own_addresses() {
    let Some(place) = Place::new("mirror-node", &["nginx", "openssl", "node"]) else { return };
    let nginx = Nginx::start(&place);
    // One that says nothing, so that its library is found before the other one begins.
    let _idle = Running::start(Command::new("node").args(["-e", "setInterval(() => {}, 1e6)"]));
    fetch_all(&place, &nginx, "node", NODE);
}

#[test]
fn each_connection_of_asyncio_has_its_own_addresses() {
    let Some(place) = Place::new("mirror-asyncio", &["nginx", "openssl", "python3"]) else {
        return;
    };
    let nginx = Nginx::start(&place);
    fetch_all(&place, &nginx, "python3", ASYNCIO);
}

/// Has a program fetch a page on many connections at a time, and compares what it says of each with
/// what the server says.
fn fetch_all(place: &Place, nginx: &Nginx, program: &str, script: &str) {
    let body = place.body("body", BODY_LEN);
    fs::write(place.file("script"), script).unwrap();
    let rules = Rules {
        allow: Matches {
            executables: vec![executable(program)],
            ports: vec![nginx.port],
            ..Matches::default()
        },
        ..Rules::default()
    };
    let Some(mut mirror) = Mirror::open(rules) else { return };
    let mut child = Running::start(
        Command::new(program)
            .arg(place.file("script"))
            .arg(nginx.port.to_string())
            .arg(CONNECTIONS.to_string())
            .env("NODE_TLS_REJECT_UNAUTHORIZED", "0")
            .env("NODE_NO_WARNINGS", "1"),
    );
    let mut is_over = false;
    mirror.read_until("the program ends", |_| {
        is_over = is_over || child.child().try_wait().unwrap().is_some();
        is_over
    });
    child.finish();
    let counts = mirror.capture.counts();
    let told = mirror.finish();
    let conversations = told.with_server(([127, 0, 0, 1], nginx.port).into());
    assert_eq!(conversations.len(), CONNECTIONS, "{counts:?}");
    for conversation in conversations {
        assert!(conversation.has_right_client(), "{:?}", conversation.opened);
        assert!(conversation.client.starts_with(b"GET /body HTTP/1.1\r\n"));
        assert!(conversation.body() == body, "{} bytes", conversation.body().len());
        assert!(conversation.missing.is_empty());
    }
}

/// The file that is executed as a program, which may be a script that finds it.
fn executable(program: &str) -> PathBuf {
    let print = match program {
        "node" => return path_of(program),
        _ => "import sys, os; print(os.path.realpath(sys.executable), end='')",
    };
    let printed = Command::new(program).arg("-c").arg(print).output().unwrap();
    String::from_utf8(printed.stdout).unwrap().into()
}

const CONNECTIONS: usize = 50;

const BODY_LEN: usize = 20_000;

const NODE: &str = "
const https = require('https');
const [port, count] = process.argv.slice(2).map(Number);
for (let at = 0; at < count; at++) {
  https.get({ host: '127.0.0.1', port, path: '/body', agent: false }, (response) => response.resume());
}
";

const ASYNCIO: &str = "
import asyncio, ssl, sys
port, count = map(int, sys.argv[1:])
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

async def fetch():
    reader, writer = await asyncio.open_connection('127.0.0.1', port, ssl=context)
    writer.write(b'GET /body HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n')
    await reader.read()
    writer.close()

async def main():
    await asyncio.gather(*(fetch() for _ in range(count)))

asyncio.run(main())
";
