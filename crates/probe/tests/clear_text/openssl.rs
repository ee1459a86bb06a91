//! OpenSSL, as a shared library.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use forge::Ending;
use probe::{Matches, Rules};

use crate::mirror::Mirror;
use crate::place::{Nginx, PATIENCE, Place, Running, curl, skip};

#[test]
fn what_curl_and_nginx_say_is_told_with_both_ends_of_their_connection() {
    let Some(place) = Place::new("mirror-curl", &["nginx", "curl", "openssl"]) else { return };
    let nginx = Nginx::start(&place);
    let Some(mut mirror) = Mirror::open(only_port(nginx.port)) else { return };
    let server: SocketAddr = ([127, 0, 0, 1], nginx.port).into();
    for (at, len) in [1, 100, 16_384, 16_385, 1 << 20, 64 << 20].into_iter().enumerate() {
        let body = place.body("body", len);
        let child = Running::start(&mut curl(&place, &nginx.url("body"), &place.file("got")));
        mirror.read_until("the whole response", |told| {
            told.with_server(server).get(at).is_some_and(|one| one.body().len() == len)
        });
        child.finish();
        mirror.read_until("the end", |told| told.with_server(server)[at].ending.is_some());
        let told = mirror.told.with_server(server);
        let [.., last] = told[..] else { panic!("no connection") };
        assert_eq!(told.len(), at + 1, "each connection is told once");
        assert!(last.client.starts_with(b"GET /body HTTP/1.1\r\n"));
        assert!(last.body() == body, "{len} bytes");
        assert_eq!((&last.missing[..], last.ending), (&[][..], Some(Ending::Finished)));
        assert!(!last.opened.is_late && last.has_right_client());
        let origin = last.opened.origin.as_ref().unwrap();
        assert!(["curl", "nginx"].contains(&&*origin.command), "{origin:?}");
    }
    mirror.finish();
}

#[test]
fn a_program_that_openssl_is_a_part_of_is_told() {
    let Some(place) = Place::new("mirror-static", &["nginx", "openssl", "cc"]) else { return };
    let client = place.file("client");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clear_text/static_client.c");
    let built = Command::new("cc")
        .args(["-O2", "-static", "-o"])
        .args([client.as_path(), &source])
        .args(["-lssl", "-lcrypto"])
        .output()
        .unwrap();
    if !built.status.success() {
        let said = String::from_utf8_lossy(&built.stderr);
        return skip(&format!(
            "the static library of OpenSSL cannot be linked (libssl-dev): {said}"
        ));
    }
    let nginx = Nginx::start(&place);
    let executables = vec![client.clone()];
    let allow = Matches { executables, ports: vec![nginx.port], ..Matches::default() };
    let Some(mut mirror) = Mirror::open(Rules { allow, ..Rules::default() }) else { return };
    let body = place.body("body", 100_000);
    let server: SocketAddr = ([127, 0, 0, 1], nginx.port).into();
    // Probes are there a moment after the program first runs.
    let began = Instant::now();
    while !mirror.told.with_server(server).iter().any(|one| one.body() == body) {
        assert!(began.elapsed() < PATIENCE, "no connection is told");
        let port = nginx.port.to_string();
        let output = Command::new(&client).args([&port, "body"]).output().unwrap();
        assert!(output.status.success() && output.stdout.ends_with(&body));
        mirror.poll_for(Duration::from_millis(300));
    }
    let told = mirror.finish();
    let conversations = told.with_server(server);
    assert!(conversations.iter().all(|one| one.missing.is_empty() && one.has_right_client()));
}

/// Rules that allow the connections of one server.
pub(crate) fn only_port(port: u16) -> Rules {
    Rules { allow: Matches { ports: vec![port], ..Matches::default() }, ..Rules::default() }
}

#[test]
fn a_connection_that_is_older_is_told_from_where_it_is_met() {
    let Some(place) = Place::new("mirror-old", &["nginx", "openssl", "python3"]) else { return };
    let nginx = Nginx::start(&place);
    let body = place.body("body", 50_000);
    fs::write(place.file("script"), TWICE).unwrap();
    for (address, host) in
        [(SocketAddr::from(([127, 0, 0, 1], nginx.port)), "127.0.0.1"), (v6(nginx.port), "::1")]
    {
        let mut python = Running::start(
            Command::new("python3")
                .arg(place.file("script"))
                .args([host, &nginx.port.to_string()])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped()),
        );
        let mut line = String::new();
        let mut said = BufReader::new(python.child().stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        assert_eq!(line, "once\n");
        let Some(mut mirror) = Mirror::open(only_port(nginx.port)) else { return };
        drop(python.child().stdin.take());
        mirror.read_until("the second response", |told| {
            told.with_server(address).iter().any(|one| one.body() == body)
        });
        python.finish();
        let told = mirror.finish();
        let [conversation] = told.with_server(address)[..] else { panic!("one connection") };
        assert!(conversation.opened.is_late && conversation.has_right_client());
        assert!(conversation.client.starts_with(b"GET /body?2 HTTP/1.1\r\n"));
    }
}

const fn v6(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), port)
}

/// Sends two requests on one connection, the second when its input ends.
const TWICE: &str = "
import http.client, ssl, sys
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
connection = http.client.HTTPSConnection(sys.argv[1], int(sys.argv[2]), context=context)
for path in ['/body?1', '/body?2']:
    connection.request('GET', path)
    connection.getresponse().read()
    if path == '/body?1':
        print('once', flush=True)
        sys.stdin.read()
";
