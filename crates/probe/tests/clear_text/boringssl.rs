//! BoringSSL as a part of a module of Python from PyPI, without its symbols.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use forge::Ending;
use probe::{Matches, Reason, Rules};

use crate::mirror::Mirror;
use crate::place::{Nginx, Place, Running, path_of, skip};

#[test]
fn a_boringssl_without_symbols_is_told_by_what_its_code_shows() {
    let Some(place) = Place::new("mirror-boringssl", &["nginx", "openssl", "strip"]) else {
        return;
    };
    let Some(python) = python() else {
        return skip("curl_cffi is not in target/curl-cffi (./dev test puts it there)");
    };
    let module = stripped(&place, &python);
    let nginx = Nginx::start_with(&place, "TLSv1.2 TLSv1.3");
    let server: SocketAddr = ([127, 0, 0, 1], nginx.port).into();
    // What is told is what the client's library shows.
    let deny = Matches { executables: vec![path_of("nginx")], ..Matches::default() };
    let allow = Matches { ports: vec![nginx.port], ..Matches::default() };
    let Some(mut mirror) = Mirror::open(Rules { allow, deny, ..Rules::default() }) else { return };
    let mut client = Running::start(
        Command::new(python).args(["-c", SCRIPT]).arg(place.file("")).stdin(Stdio::piped()),
    );
    mirror.poll_until("the library has probes", |mirror| {
        mirror.capture.targets().iter().any(|target| Path::new(&target.path) == module)
    });
    let targets = mirror.capture.targets();
    let target = targets.iter().find(|target| Path::new(&target.path) == module).unwrap();
    let probed: Vec<_> = target.probed.iter().map(|(name, _)| *name).collect();
    assert_eq!(probed, ["SSL_read", "SSL_write", "SSL_do_handshake", "SSL_free"]);
    for (at, len) in [1, 100, 16_384, 16_385, 1 << 20, 16 << 20].into_iter().enumerate() {
        let body = place.body("body", len);
        let mut stdin = client.child().stdin.as_ref().unwrap();
        writeln!(stdin, "{}", nginx.url("body")).unwrap();
        mirror.read_until("the whole response", |told| {
            told.with_server(server).get(at).is_some_and(|one| one.ending.is_some())
        });
        let told = mirror.told.with_server(server);
        assert_eq!(told.len(), at + 1, "each connection is told once");
        let last = told[at];
        assert!(last.client.starts_with(b"GET /body HTTP/1.1\r\n"));
        assert!(last.body() == body, "{len} bytes");
        assert_eq!((&last.missing[..], last.ending), (&[][..], Some(Ending::Finished)));
        assert!(!last.opened.is_late && last.has_right_client());
    }
    drop(client.child().stdin.take());
    client.finish();
    mirror.finish();
}

#[test]
fn a_boringssl_whose_code_does_not_tell_its_functions_is_listed_and_left_alone() {
    let Some(place) = Place::new("mirror-boringssl-none", &["openssl", "strip"]) else { return };
    let Some(python) = python() else {
        return skip("curl_cffi is not in target/curl-cffi (./dev test puts it there)");
    };
    let module = stripped(&place, &python);
    // The same reasons, but of another file.
    let mut code = fs::read(&module).unwrap();
    let at = code.windows(12).position(|window| window == b"/ssl_lib.cc\0").unwrap();
    code[at + 5] = b'X';
    fs::write(&module, code).unwrap();
    let Some(mut mirror) = Mirror::open(Rules::everything()) else { return };
    let mut client = Running::start(
        Command::new(python).args(["-c", SCRIPT]).arg(place.file("")).stdin(Stdio::piped()),
    );
    let pid = client.child().id();
    mirror.poll_until("the process is listed", |mirror| {
        mirror.capture.uncovered().iter().any(|uncovered| {
            uncovered.pid == pid
                && Path::new(&uncovered.path) == module
                && uncovered.reason == Reason::StrippedBoringSsl
        })
    });
    let targets = mirror.capture.targets();
    assert!(targets.iter().all(|target| Path::new(&target.path) != module));
    drop(client.child().stdin.take());
    client.finish();
}

/// Copies the package into a place and takes the symbols away; gives the file with BoringSSL.
fn stripped(place: &Place, python: &Path) -> PathBuf {
    let packages = python.parent().unwrap().parent().unwrap().join("lib");
    let found = Command::new("find").arg(packages).args(["-name", "curl_cffi"]).output().unwrap();
    let found = String::from_utf8(found.stdout).unwrap();
    let copied = Command::new("cp").arg("-r").arg(found.trim()).arg(place.file("")).status();
    assert!(copied.unwrap().success());
    let module = place.file("curl_cffi/_wrapper.abi3.so");
    assert!(Command::new("strip").arg(&module).status().unwrap().success());
    let code = fs::read(&module).unwrap();
    assert!(!code.windows(9).any(|window| window == b"\0SSL_read"), "a symbol is left");
    module
}

/// The Python that has curl_cffi: `./dev test` makes it beside what is built.
fn python() -> Option<PathBuf> {
    let program = env::current_exe().unwrap();
    let found = program.ancestors().map(|folder| folder.join("curl-cffi/bin/python3"));
    found.into_iter().find(|python| python.is_file())
}

const SCRIPT: &str = "
import sys
sys.path.insert(0, sys.argv[1])
from curl_cffi import CurlHttpVersion, requests
for url in sys.stdin:
    with requests.Session(http_version=CurlHttpVersion.V1_1, verify=False) as session:
        session.get(url.strip()).raise_for_status()
";
