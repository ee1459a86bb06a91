//! Programs that go on with something else while a session waits (`SSL_MODE_ASYNC`).

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use handover::Tallies;

use crate::agent::{Answers, Running};
use crate::place::{PATIENCE, Place, Server, gets_page, output};
use crate::relay::Relay;

#[test]
fn other_connections_of_a_thread_go_on_while_a_session_waits() {
    let Some(place) = Place::new(&["curl", "gcc"]) else { return };
    let Some(program) = built(&place) else { return };
    let agent = Running::start(place.folder(), Answers::Never);
    let hold = "wait=received deadline=3600s on-deadline=abort breaker=0";
    let server = Server::asynchronous(&place, place.program(path(&program), agent.socket(), hold));
    let mut clients: Vec<_> = ["--tlsv1.3", "--tlsv1.2"]
        .into_iter()
        .flat_map(|version| [version; 3])
        .map(|version| {
            let mut curl = curl(&server, version);
            curl.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
        })
        .collect();
    agent.wait_for(clients.len());
    // All of them wait, for an hour; the thread answers others.
    for _ in 0..3 {
        assert_eq!(other(&server, b"are you there"), *b"are you there");
    }
    assert!(clients.iter_mut().all(|client| client.try_wait().unwrap().is_none()));
    // The program may give them up; nothing of them is left in it.
    let open = || fs::read_dir(format!("/proc/{}/fd", server.id())).unwrap().count();
    let before = open();
    assert_eq!(other(&server, b"x, enough now"), *b"x, enough now");
    let began = Instant::now();
    // The connection, the one to the agent and the timer.
    while open() + 3 * clients.len() > before {
        assert!(began.elapsed() < PATIENCE, "{before} descriptors, {} are left", open());
        thread::sleep(Duration::from_millis(10));
    }
    for mut client in clients {
        assert!(!client.wait().unwrap().success());
    }
    assert_eq!(other(&server, b"are you there"), *b"are you there");
    drop(server);
    assert_eq!(agent.finish().0.len(), 6);
}

/// What the server answers without TLS.
fn other(server: &Server, text: &[u8; 13]) -> [u8; 13] {
    let mut other = TcpStream::connect(("127.0.0.1", server.other_port)).unwrap();
    other.set_read_timeout(Some(PATIENCE)).unwrap();
    other.write_all(text).unwrap();
    let mut bytes = [0; 13];
    other.read_exact(&mut bytes).unwrap();
    bytes
}

#[test]
fn a_session_that_waited_so_goes_on_with_its_answer_at_its_deadline_or_is_aborted() {
    let Some(place) = Place::new(&["curl", "gcc"]) else { return };
    let Some(program) = built(&place) else { return };
    let program = path(&program);
    for (answers, hold, opened) in [
        (Answers::AtOnce, "wait=durable deadline=60s on-deadline=abort", 0),
        (Answers::Never, "wait=live deadline=100ms on-deadline=open breaker=0", 3),
    ] {
        let agent = Running::start(place.folder(), answers);
        let server = Server::asynchronous(&place, place.program(program, agent.socket(), hold));
        for version in ["--tlsv1.3", "--tlsv1.2"] {
            gets_page(&mut curl(&server, version));
        }
        drop(server);
        let (came, missed) = agent.finish();
        // Two messages of TLS 1.3, and one of TLS 1.2.
        assert_eq!(came.len(), 3, "{hold}");
        assert_eq!(missed.iter().map(|it| it.opened).sum::<u32>(), opened, "{hold}");
    }
    for is_there in [true, false] {
        let agent = is_there.then(|| Running::start(place.folder(), Answers::Never));
        let hold = "wait=live deadline=100ms on-deadline=abort breaker=0";
        let socket = place.file("agent.sock");
        let server = Server::asynchronous(&place, place.program(program, &socket, hold));
        for version in ["--tlsv1.3", "--tlsv1.2"] {
            let relay = Relay::start(server.port);
            let output = output(&mut curl_at(relay.port, version));
            assert!(!output.status.success(), "{output:?}");
            let records = relay.records();
            let [[_, of_server]] = &records[..] else { panic!("{records:?}") };
            assert!(!of_server.contains(&APPLICATION_DATA), "{of_server:?}");
        }
        drop(server);
        if let Some(agent) = agent {
            assert_eq!(agent.finish().1, [Tallies { aborted: 1, ..Tallies::default() }; 2]);
        }
    }
}

#[test]
fn a_program_that_waits_for_jobs_by_itself_gets_its_page() {
    let Some(place) = Place::new(&[]) else { return };
    for answers in [Answers::AtOnce, Answers::Never] {
        let agent = Running::start(place.folder(), answers);
        let hold = "wait=received deadline=200ms on-deadline=open breaker=0";
        let server = Server::openssl_by(
            &place,
            place.program("openssl", agent.socket(), hold),
            &["-async", "-tls1_3"],
        );
        let mut client = place.program("openssl", agent.socket(), hold);
        client.args(["s_client", "-async", "-quiet", "-connect"]);
        let mut client = client
            .arg(format!("127.0.0.1:{}", server.port))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        client.stdin.as_mut().unwrap().write_all(b"GET /page HTTP/1.0\r\n\r\n").unwrap();
        let mut page = String::new();
        client.stdout.take().unwrap().read_to_string(&mut page).unwrap();
        client.wait().unwrap();
        assert!(page.contains("hello from behind"), "{page}");
        drop(server);
        let (came, missed) = agent.finish();
        assert_eq!(came.len(), 4, "two messages of each end");
        let opened: u32 = missed.iter().map(|it| it.opened).sum();
        assert_eq!(opened, if answers == Answers::Never { 4 } else { 0 });
    }
}

/// The server of this folder, compiled; `None`, aloud, without the headers of OpenSSL.
fn built(place: &Place) -> Option<PathBuf> {
    let program = place.file("async_server");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/preload/async_server.c");
    let mut gcc = Command::new("gcc");
    gcc.args(["-O1", "-Wall", "-Werror", "-o"]).arg(&program).arg(source);
    let output = output(gcc.args(["-lssl", "-lcrypto"]));
    if output.status.success() {
        return Some(program);
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("openssl/ssl.h"), "{stderr}");
    crate::place::skip("libssl-dev is missing");
    None
}

fn path(program: &Path) -> &str {
    program.to_str().unwrap()
}

fn curl(server: &Server, version: &str) -> Command {
    curl_at(server.port, version)
}

fn curl_at(port: u16, version: &str) -> Command {
    let mut curl = Command::new("curl");
    let most = if version == "--tlsv1.2" { "1.2" } else { "1.3" };
    curl.args(["-sS", "-k", "--max-time", "120", version, "--tls-max", most]);
    curl.arg(format!("https://localhost:{port}/page"));
    curl
}

const APPLICATION_DATA: u8 = 23;
