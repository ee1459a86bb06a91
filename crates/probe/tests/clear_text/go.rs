//! Programs of Go, whose symbols are stripped.

use std::fs;
use std::process::Command;

use probe::{Matches, Rules};

use crate::mirror::Mirror;
use crate::place::{Nginx, Place, Running};

#[test]
fn each_connection_of_a_stripped_program_of_go_is_told() {
    let Some(place) = Place::new("mirror-go", &["nginx", "openssl", "go"]) else { return };
    let nginx = Nginx::start(&place);
    let body = place.body("body", 30_000);
    fs::write(place.file("main.go"), CLIENT).unwrap();
    let built = Command::new("go")
        .args(["build", "-trimpath", "-ldflags", "-s -w", "-o"])
        .args([place.file("client"), place.file("main.go")])
        .env("CGO_ENABLED", "0")
        .env("GOCACHE", place.file("cache"))
        .env("HOME", place.file("home"))
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let client = place.file("client");
    let rules = Rules {
        allow: Matches {
            executables: vec![client.clone()],
            ports: vec![nginx.port],
            ..Matches::default()
        },
        ..Rules::default()
    };
    let Some(mut mirror) = Mirror::open(rules) else { return };
    // It waits, so that its file is found before it speaks.
    let mut child = Running::start(
        Command::new(&client)
            .args([nginx.port.to_string(), CONNECTIONS.to_string()])
            .stdin(std::process::Stdio::piped()),
    );
    let path = client.display().to_string();
    mirror.poll_until("the program has probes", |mirror| {
        mirror.capture.targets().iter().any(|target| target.path == path)
    });
    let target = mirror.capture.targets().iter().find(|target| target.path == path).unwrap();
    assert_eq!((target.probed.len(), target.refused.len()), (3, 0), "{target:?}");
    drop(child.child().stdin.take());
    let mut is_over = false;
    mirror.poll_until("the program ends", |_| {
        is_over = is_over || child.child().try_wait().unwrap().is_some();
        is_over
    });
    child.finish();
    let told = mirror.finish();
    let conversations = told.with_server(([127, 0, 0, 1], nginx.port).into());
    assert_eq!(conversations.len(), CONNECTIONS);
    for conversation in conversations {
        assert!(conversation.has_right_client(), "{:?}", conversation.opened);
        assert!(conversation.client.starts_with(b"GET /body HTTP/1.1\r\n"));
        assert!(conversation.body() == body, "{} bytes", conversation.body().len());
        assert!(conversation.missing.is_empty());
    }
}

const CONNECTIONS: usize = 60;

const CLIENT: &str = "package main

import (
	\"crypto/tls\"
	\"io\"
	\"os\"
	\"strconv\"
	\"sync\"
)

func main() {
	io.Copy(io.Discard, os.Stdin)
	count, _ := strconv.Atoi(os.Args[2])
	var all sync.WaitGroup
	for i := 0; i < count; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			conn, err := tls.Dial(\"tcp\", \"127.0.0.1:\"+os.Args[1], &tls.Config{InsecureSkipVerify: true})
			if err != nil {
				panic(err)
			}
			io.WriteString(conn, \"GET /body HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n\")
			io.Copy(io.Discard, conn)
			conn.Close()
		}()
	}
	all.Wait()
}
";
