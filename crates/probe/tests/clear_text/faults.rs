//! Programs that do unusual things with their connections, and are not harmed.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use probe::{Matches, Rules};

use crate::mirror::Mirror;
use crate::place::{Nginx, Place, Running};

#[test]
fn a_connection_is_one_whatever_threads_use_it() {
    with_client("mirror-threads", |place, nginx, mut mirror| {
        let body = place.body("body", 30_000);
        Running::start(&mut client(place, nginx, "threads")).finish();
        let server = nginx.address();
        mirror.read_until("all the responses", |told| {
            told.with_server(server).iter().any(|one| one.server.len() > 20 * body.len())
        });
        let told = mirror.finish();
        let [conversation] = told.with_server(server)[..] else { panic!("one connection") };
        assert_eq!(conversation.missing, []);
        let requests = conversation.client.windows(4).filter(|bytes| *bytes == b"GET ").count();
        assert_eq!(requests, 20);
    });
}

#[test]
fn a_child_without_a_program_of_its_own_goes_on_with_a_connection() {
    with_client("mirror-fork", |place, nginx, mirror| is_told(place, nginx, mirror, "fork"));
}

#[test]
fn a_process_that_may_do_next_to_nothing_is_told_and_not_killed() {
    with_client("mirror-seccomp", |place, nginx, mirror| is_told(place, nginx, mirror, "seccomp"));
}

#[test]
fn a_process_that_is_killed_ends_its_connection() {
    with_client("mirror-killed", |place, nginx, mut mirror| {
        place.body("body", 1 << 20);
        let status = client(place, nginx, "killed").status().unwrap();
        assert_eq!(status.signal(), Some(9));
        let server = nginx.address();
        mirror.read_until("the end", |told| {
            told.with_server(server).iter().any(|one| one.ending.is_some())
        });
        let told = mirror.finish();
        let [conversation] = told.with_server(server)[..] else { panic!("one connection") };
        assert!(conversation.client.starts_with(b"GET /body HTTP/1.1\r\n"));
        assert!(conversation.server.len() >= 20_000, "{}", conversation.server.len());
        assert_eq!(conversation.missing, []);
    });
}

#[test]
fn a_library_that_is_replaced_is_told_of_old_and_new_processes() {
    with_client("mirror-upgrade", |place, nginx, mut mirror| {
        let body = place.body("body", 1000);
        let library = place.file("libssl.so.3");
        install(&library);
        let begin = || {
            let mut command = client(place, nginx, "upgrade");
            command.env("LD_LIBRARY_PATH", library.parent().unwrap());
            let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut process = Running::start(piped);
            let mut said = String::new();
            let stdout = process.child().stdout.take().unwrap();
            BufReader::new(stdout).read_line(&mut said).unwrap();
            assert_eq!(said, "open\n");
            process
        };
        let path = library.to_str().unwrap();
        let targets = |mirror: &Mirror| {
            let targets = mirror.capture.targets();
            targets.iter().filter(|target| target.path.starts_with(path)).count()
        };
        let old = begin();
        mirror.poll_until("the library has probes", |mirror| targets(mirror) == 1);
        install(&library);
        let new = begin();
        mirror.poll_until("the new one has, too", |mirror| targets(mirror) == 2);
        let server = nginx.address();
        for (at, mut process) in [new, old].into_iter().enumerate() {
            drop(process.child().stdin.take());
            mirror.read_until("the response", |told| {
                let whole =
                    told.with_server(server).iter().filter(|one| one.body() == body).count();
                whole > at
            });
            process.finish();
        }
        mirror.finish();
    });
}

/// Has one request told whole, and the client end as it should.
fn is_told(place: &Place, nginx: &Nginx, mut mirror: Mirror, what: &str) {
    let body = place.body("body", 30_000);
    Running::start(&mut client(place, nginx, what)).finish();
    let server = nginx.address();
    mirror.read_until("the response", |told| {
        told.with_server(server).iter().any(|one| one.body() == body)
    });
    let told = mirror.finish();
    let [conversation] = told.with_server(server)[..] else { panic!("one connection") };
    assert_eq!(conversation.missing, []);
}

/// A server, and a mirror of Python only, whose library is found before the test begins.
fn with_client(name: &str, test: impl FnOnce(&Place, &Nginx, Mirror)) {
    let Some(place) = Place::new(name, &["nginx", "openssl", "python3"]) else { return };
    let nginx = Nginx::start(&place);
    let allow =
        Matches { executables: vec![python()], ports: vec![nginx.port], ..Matches::default() };
    if let Some(mirror) = Mirror::open(Rules { allow, ..Rules::default() }) {
        test(&place, &nginx, mirror);
    }
}

fn client(place: &Place, nginx: &Nginx, what: &str) -> Command {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clear_text/faults.py");
    let mut command = Command::new(python());
    command.arg(script).args([what, &nginx.port.to_string()]).arg(place.file("server.pem"));
    command
}

/// Debian's Python, whose file is the one that runs.
fn python() -> PathBuf {
    fs::canonicalize("/usr/bin/python3").unwrap()
}

/// Puts the system's library to a path, as a package manager does: with another inode each time.
fn install(path: &Path) {
    let system = "/usr/lib/x86_64-linux-gnu/libssl.so.3";
    let new = path.with_extension("new");
    fs::copy(system, &new).unwrap();
    fs::rename(&new, path).unwrap();
}

impl Nginx {
    fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }
}
