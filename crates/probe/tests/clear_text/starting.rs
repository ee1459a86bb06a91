//! Programs that have just begun, with a library that nobody had mapped before.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use probe::{Matches, Rules};

use crate::mirror::Mirror;
use crate::place::{Nginx, Place, Running, path_of};

#[test]
fn the_first_request_of_a_program_with_a_new_library_is_told() {
    let Some(place) = Place::new("mirror-first", &["nginx", "openssl", "python3"]) else {
        return;
    };
    let nginx = Nginx::start(&place);
    let body = place.body("body", 10_000);
    fs::write(place.file("script"), SCRIPT).unwrap();
    let Some(mut mirror) = Mirror::open(only(path_of(PYTHON), nginx.port)) else { return };
    let mut caught = 0;
    for round in 0..ROUNDS {
        let mut command = Command::new(PYTHON);
        let path = format!("/body?{round}");
        command.arg(place.file("script")).args([&nginx.port.to_string(), &path]);
        caught += usize::from(is_told_whole(&mut mirror, &place, command, &body, round));
    }
    // It is a race. Looks at all processes once a second would win one of three.
    assert!(caught >= ROUNDS - 1, "{caught} of {ROUNDS}");
    mirror.finish();
}

/// Runs a program with a library of its own, and whether all of its only request was told.
fn is_told_whole(
    mirror: &mut Mirror,
    place: &Place,
    mut command: Command,
    body: &[u8],
    round: usize,
) -> bool {
    let libraries = own_libraries(place, &format!("libraries-{round}"));
    let mut process = Running::start(command.env("LD_LIBRARY_PATH", &libraries));
    mirror.poll_until("it ends", |_| process.child().try_wait().unwrap().is_some());
    process.finish();
    let request = format!("GET /body?{round} HTTP/1.1\r\n");
    let mut told = mirror.told.0.values();
    told.any(|one| one.client.starts_with(request.as_bytes()) && one.body() == body)
}

#[test]
fn a_library_that_nobody_has_mapped_any_longer_is_let_go() {
    let Some(place) = Place::new("mirror-gone", &["openssl", "python3"]) else { return };
    let Some(mut mirror) = Mirror::open(Rules::everything()) else { return };
    let libraries = own_libraries(&place, "gone");
    let path = libraries.join("libssl.so.3").display().to_string();
    let has_probes =
        |mirror: &Mirror| mirror.capture.targets().iter().any(|target| target.path == path);
    let start = || {
        Running::start(
            Command::new(PYTHON)
                .args(["-c", "import ssl, sys; sys.stdin.read()"])
                .env("LD_LIBRARY_PATH", &libraries)
                .stdin(Stdio::piped()),
        )
    };
    let mut python = start();
    mirror.poll_until("the library has probes", has_probes);
    // As long as the file is there, it may be used again.
    drop(python.child().stdin.take());
    python.finish();
    let before = mirror.capture.counts().libraries_detached;
    fs::remove_dir_all(&libraries).unwrap();
    mirror.poll_until("the probes are gone", |mirror| !has_probes(mirror));
    assert!(mirror.capture.counts().libraries_detached > before);
    own_libraries(&place, "gone");
    let python = start();
    mirror.poll_until("another file of the same name has probes", has_probes);
    drop(python);
}

/// Rules that allow what a program says to a server.
fn only(program: PathBuf, port: u16) -> Rules {
    let executables = vec![program];
    let allow = Matches { executables, ports: vec![port], ..Matches::default() };
    Rules { allow, ..Rules::default() }
}

/// A folder with copies of OpenSSL that no other process has.
fn own_libraries(place: &Place, name: &str) -> PathBuf {
    let folder = place.file(name);
    fs::create_dir_all(&folder).unwrap();
    let listed = Command::new("ldd").arg(path_of("openssl")).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let paths = listed.split_whitespace().map(Path::new).filter(|path| path.is_absolute());
    for path in paths {
        let file = path.file_name().unwrap();
        if ["libssl.so.3", "libcrypto.so.3"].map(AsRef::as_ref).contains(&file) {
            fs::copy(path, folder.join(file)).unwrap();
        }
    }
    assert!(folder.join("libssl.so.3").exists(), "{listed}");
    folder
}

const ROUNDS: usize = 8;

/// The one of the system, which uses the system's libraries.
const PYTHON: &str = "/usr/bin/python3";

const SCRIPT: &str = "
import http.client, ssl, sys, time
# As long as other programs take to read their settings.
time.sleep(0.25)
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
connection = http.client.HTTPSConnection('127.0.0.1', int(sys.argv[1]), context=context)
connection.request('GET', sys.argv[2])
connection.getresponse().read()
";
