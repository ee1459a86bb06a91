//! GnuTLS.

use std::net::TcpListener;
use std::process::Command;

use probe::{Library, Matches, Rules};

use crate::mirror::Mirror;
use crate::place::{Nginx, Place, Running, path_of};

#[test]
fn what_wget_says_and_hears_is_told() {
    let Some(place) = Place::new("mirror-wget", &["nginx", "openssl", "wget"]) else { return };
    let nginx = Nginx::start(&place);
    let body = place.body("body", 3 << 20);
    let rules = Rules {
        allow: Matches {
            executables: vec![path_of("wget")],
            ports: vec![nginx.port],
            ..Matches::default()
        },
        ..Rules::default()
    };
    let Some(mut mirror) = Mirror::open(rules) else { return };
    let ask = |url: String| {
        Running::start(
            Command::new("wget")
                .args(["-q", "--no-check-certificate", "-O"])
                .arg(place.file("got"))
                .arg(url),
        )
    };
    // One that nobody answers, so that its library is found while it runs.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let waiting = ask(format!("https://{}/", silent.local_addr().unwrap()));
    mirror.poll_until("the library has probes", |mirror| {
        mirror.capture.targets().iter().any(|target| target.library == Library::GnuTls)
    });
    drop(waiting);
    let wget = ask(nginx.url("body"));
    let server = ([127, 0, 0, 1], nginx.port).into();
    mirror.read_until("the end", |told| {
        told.with_server(server).iter().any(|one| one.ending.is_some())
    });
    wget.finish();
    let told = mirror.finish();
    let [conversation] = told.with_server(server)[..] else { panic!("one connection") };
    assert!(conversation.client.starts_with(b"GET /body HTTP/1.1\r\n"));
    assert!(conversation.body() == body && conversation.has_right_client());
    assert_eq!(&*conversation.opened.origin.as_ref().unwrap().command, "wget");
}
