//! Secrets of programs that run already, found without symbols.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use probe::{KeyLogProbes, KeySource, Matches, Rules, key_ways};

use crate::place::{Nginx, PATIENCE, Place, curl, path_of, skip, wait_until};

#[test]
fn an_nginx_that_runs_tells_the_secrets_that_its_clients_write_down() {
    let Some(place) = Place::new("keys-nginx", &["nginx", "curl", "openssl"]) else { return };
    let nginx = Nginx::start_with(&place, "TLSv1.2 TLSv1.3");
    place.body("body", 10_000);
    let Some(mut probes) = open(&[path_of_nginx()]) else { return };
    let own = place.file("own.log");
    for version in ["1.2", "1.2", "1.3"] {
        let mut curl = curl(&place, &nginx.url("body"), &place.file("got"));
        curl.args(["--tls-max", version]).env("SSLKEYLOGFILE", &own);
        assert!(curl.status().unwrap().success());
    }
    // Other servers of this kind may run here.
    let written = expected(&own);
    assert_eq!(written.len(), 1 + 1 + 4);
    assert!(take(&mut probes, &written).is_superset(&written));
    let library = probes.targets().iter().find(|it| it.path.contains("libssl.so")).unwrap();
    assert_eq!((library.source, &library.refused), (KeySource::OpenSsl, &None));
    assert_eq!(probes.counts().malformed + probes.counts().unreadable, 0);
    assert!(probes.counts().filtered > 0, "the same of curl, which no rule allows");
}

#[test]
fn a_static_program_without_symbols_tells_its_secrets() {
    let Some(place) = Place::new("keys-static", &["nginx", "gcc", "openssl"]) else { return };
    let nginx = Nginx::start_with(&place, "TLSv1.2 TLSv1.3");
    place.body("body", 10_000);
    fs::write(place.file("client.c"), STATIC_CLIENT).unwrap();
    let program = place.file("client");
    let mut gcc = Command::new("gcc");
    gcc.args(["-O2", "-static", "-s", "-w", "-o"]).arg(&program).arg(place.file("client.c"));
    let built = gcc.args(["-lssl", "-lcrypto"]).output().unwrap();
    if !built.status.success() {
        return skip(&format!("libssl.a is missing: {}", String::from_utf8_lossy(&built.stderr)));
    }
    compare_with_its_own(&place, &program, nginx.port, KeySource::OpenSsl);
}

#[test]
fn a_program_of_go_without_symbols_tells_its_secrets() {
    let Some(place) = Place::new("keys-go", &["nginx", "openssl", "go"]) else { return };
    let nginx = Nginx::start_with(&place, "TLSv1.2 TLSv1.3");
    place.body("body", 10_000);
    fs::write(place.file("main.go"), GO_CLIENT).unwrap();
    let program = place.file("client");
    let built = Command::new("go")
        .args(["build", "-trimpath", "-ldflags", "-s -w", "-o"])
        .args([&program, &place.file("main.go")])
        .env("CGO_ENABLED", "0")
        .env("GOCACHE", concat!(env!("CARGO_TARGET_TMPDIR"), "/go"))
        .env("HOME", place.file("home"))
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    compare_with_its_own(&place, &program, nginx.port, KeySource::Go);
}

#[test]
fn a_node_with_openssl_inside_tells_its_secrets() {
    let Some(place) = Place::new("keys-node", &["nginx", "openssl", "node"]) else { return };
    let nginx = Nginx::start_with(&place, "TLSv1.2 TLSv1.3");
    place.body("body", 10_000);
    let (own, program) = (place.file("own.log"), path_of("node"));
    let mut node = Command::new(&program);
    node.args(["-e", NODE_CLIENT]).env("OWN_LOG", &own).env("URL", nginx.url("body"));
    node.env("NODE_TLS_REJECT_UNAUTHORIZED", "0").env("NODE_NO_WARNINGS", "1");
    let mut node = Waiting(node.stdin(Stdio::piped()).spawn().unwrap());
    wait_until("node runs", || executable_of(&node) == Some(program.clone()));
    let Some(mut probes) = open_for(&program, KeySource::OpenSsl) else { return };
    drop(node.0.stdin.take());
    wait_until("node ends", || node.0.try_wait().unwrap().is_some());
    let written = expected(&own);
    assert_eq!(written.len(), 4);
    assert!(take(&mut probes, &written).is_superset(&written));
    assert_eq!(probes.counts().malformed + probes.counts().unreadable, 0);
}

#[test]
fn a_chromium_with_boringssl_inside_tells_its_secrets() {
    let program = PathBuf::from("/usr/lib/chromium/chromium");
    let Some(place) = Place::new("keys-chromium", &["nginx", "openssl", "chromium"]) else {
        return;
    };
    if !program.exists() {
        return skip("chromium is elsewhere");
    }
    let nginx = Nginx::start_with(&place, "TLSv1.2 TLSv1.3");
    fs::write(place.file("body"), "<p>hello</p>").unwrap();
    let own = place.file("own.log");
    let chromium = |folder: &str| {
        let mut chromium = Command::new(&program);
        chromium.args(CHROMIUM).env("HOME", place.file(folder)).env("SSLKEYLOGFILE", &own);
        chromium.arg(format!("--user-data-dir={}", place.file(folder).display()));
        chromium.stdout(Stdio::null()).stderr(Stdio::null());
        chromium
    };
    // One that only runs, so that its file is found before another one speaks.
    let waits = chromium("waits").args(["--remote-debugging-port=0", "about:blank"]).spawn();
    let _waits = Waiting(waits.unwrap());
    let Some(mut probes) = open_for(&program, KeySource::BoringSsl) else { return };
    let mut speaks = chromium("speaks");
    let status = speaks.args(["--dump-dom", &nginx.url("body")]).status().unwrap();
    assert!(status.success());
    let written = expected(&own);
    assert!(written.len() >= 4, "{written:?}");
    assert!(take(&mut probes, &written).is_superset(&written));
    assert_eq!(probes.counts().malformed, 0);
}

fn executable_of(process: &Waiting) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{}/exe", process.0.id())).ok()
}

/// Attaches to a program that runs, whose function must be found.
fn open_for(program: &Path, source: KeySource) -> Option<KeyLogProbes> {
    let probes = open(&[program.to_owned()])?;
    let path = program.to_str().unwrap();
    let target = probes.targets().iter().find(|target| target.path == path);
    let target = target.unwrap_or_else(|| panic!("{path}: {:?}", probes.targets()));
    assert_eq!((target.source, &target.refused), (source, &None));
    Some(probes)
}

/// Attaches to a program that runs, has it make connections, and compares what it tells with the key log
/// that it writes itself.
fn compare_with_its_own(place: &Place, program: &Path, port: u16, source: KeySource) {
    let own = place.file("own.log");
    let mut waits = Waiting(
        Command::new(program)
            .arg(port.to_string())
            .env("OWN_LOG", &own)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let path = program.display().to_string();
    wait_until("the program runs", || executable_of(&waits) == Some(program.to_owned()));
    let Some(mut probes) = open_for(program, source) else { return };
    let way = key_ways().unwrap().into_iter().find(|way| way.path == path).unwrap();
    assert_eq!((way.pid, &way.attach, way.preload), (waits.0.id(), &Ok(source), false));
    let mut input = waits.0.stdin.take().unwrap();
    for _ in 0..CONNECTIONS {
        input.write_all(b"go on\n").unwrap();
    }
    drop(input);
    wait_until("the program ends", || waits.0.try_wait().unwrap().is_some());
    assert!(waits.0.wait().unwrap().success());
    let taken = take(&mut probes, &expected(&own));
    assert_eq!(taken, expected(&own));
    assert_eq!(taken.len(), CONNECTIONS * 4);
    assert_eq!(probes.counts().malformed + probes.counts().unreadable, 0);
}

#[test]
fn nothing_is_taken_of_whom_a_rule_denies() {
    let Some(place) = Place::new("keys-deny", &["nginx", "curl", "openssl"]) else { return };
    let nginx = Nginx::start_with(&place, "TLSv1.2 TLSv1.3");
    place.body("body", 100);
    let deny = Matches { executables: vec![path_of_nginx()], ..Matches::default() };
    let rules = Rules { is_open: false, allow: Matches::default(), deny, pods: None };
    let Some(mut probes) = open_with(&rules) else { return };
    assert!(curl(&place, &nginx.url("body"), &place.file("got")).status().unwrap().success());
    assert!(probes.next(Duration::from_millis(200)).unwrap().is_none());
    assert!(probes.counts().filtered > 0);
    let ports = Matches { ports: vec![nginx.port], ..Matches::default() };
    let rules = Rules { allow: ports, ..Rules::default() };
    assert!(KeyLogProbes::open(&rules).is_err(), "nobody knows the port");
}

/// A program that is ended if the test ends before it.
struct Waiting(Child);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn path_of_nginx() -> PathBuf {
    fs::canonicalize("/usr/sbin/nginx").unwrap_or_else(|_| path_of("nginx"))
}

fn open(executables: &[PathBuf]) -> Option<KeyLogProbes> {
    let allow = Matches { executables: executables.to_vec(), ..Matches::default() };
    open_with(&Rules { allow, ..Rules::default() })
}

fn open_with(rules: &Rules) -> Option<KeyLogProbes> {
    match KeyLogProbes::open(rules) {
        Ok(probes) => Some(probes),
        Err(obstacle) => {
            skip(&obstacle.to_string());
            None
        }
    }
}

/// The secrets in a key log that open records, as lines.
fn expected(path: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.contains("EXPORTER"));
    lines.map(str::to_owned).collect()
}

/// Takes secrets until all of `expected` came, as lines.
fn take(probes: &mut KeyLogProbes, expected: &BTreeSet<String>) -> BTreeSet<String> {
    let mut taken = BTreeSet::new();
    let began = Instant::now();
    while !expected.is_subset(&taken) {
        assert!(began.elapsed() < PATIENCE, "{taken:#?}, expected {expected:#?}");
        while let Some(key) = probes.next(Duration::from_millis(10)).unwrap() {
            let hex = |bytes: &[u8]| bytes.iter().map(|it| format!("{it:02x}")).collect::<String>();
            let label = key.secret.label().name();
            let secret = hex(key.secret.dangerous_bytes());
            taken.insert(format!("{label} {} {secret}", hex(&key.random)));
        }
    }
    taken
}

/// Asks for the page when its input ends.
const NODE_CLIENT: &str = "
process.stdin.resume();
process.stdin.on('end', () => {
    const request = require('https').get(process.env.URL, (answer) => answer.resume());
    request.on('socket', (socket) =>
        socket.on('keylog', (line) => require('fs').appendFileSync(process.env.OWN_LOG, line)));
});
";

const CHROMIUM: [&str; 5] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--ignore-certificate-errors",
    "--disable-background-networking",
];

const CONNECTIONS: usize = 5;

const STATIC_CLIENT: &str = r#"
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static FILE *own;

static void log_line(const SSL *ssl, const char *line)
{
    fprintf(own, "%s\n", line);
}

int main(int count, char **words)
{
    char line[256];
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    own = fopen(getenv("OWN_LOG"), "w");
    SSL_CTX_set_keylog_callback(context, log_line);
    while (fgets(line, sizeof(line), stdin)) {
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(atoi(words[1])) };
        int socket_fd = socket(AF_INET, SOCK_STREAM, 0);
        inet_aton("127.0.0.1", &address.sin_addr);
        if (connect(socket_fd, (struct sockaddr *)&address, sizeof(address)))
            return 2;
        SSL *ssl = SSL_new(context);
        SSL_set_fd(ssl, socket_fd);
        if (SSL_connect(ssl) != 1)
            return 3;
        const char *request = "GET /body HTTP/1.0\r\n\r\n";
        SSL_write(ssl, request, strlen(request));
        while (SSL_read(ssl, line, sizeof(line)) > 0)
            ;
        SSL_free(ssl);
        close(socket_fd);
    }
    return fclose(own);
}
"#;

const GO_CLIENT: &str = r#"package main

import (
	"bufio"
	"crypto/tls"
	"io"
	"os"
)

func main() {
	own, err := os.Create(os.Getenv("OWN_LOG"))
	if err != nil {
		panic(err)
	}
	config := &tls.Config{InsecureSkipVerify: true, KeyLogWriter: own}
	for input := bufio.NewScanner(os.Stdin); input.Scan(); {
		conn, err := tls.Dial("tcp", "127.0.0.1:"+os.Args[1], config)
		if err != nil {
			panic(err)
		}
		io.WriteString(conn, "GET /body HTTP/1.0\r\n\r\n")
		io.Copy(io.Discard, conn)
		conn.Close()
	}
}
"#;
