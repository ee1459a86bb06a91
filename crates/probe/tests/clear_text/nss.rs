//! NSS, whose functions are those for files and sockets of any kind.

use std::fs;
use std::process::{Command, Stdio};

use probe::{Library, Matches, Rules};

use crate::mirror::Mirror;
use crate::place::{Nginx, Place, Running, path_of};

#[test]
fn what_a_client_with_nss_says_and_hears_is_told_and_nothing_of_its_files_is() {
    let Some(place) = Place::new("mirror-nss", &["nginx", "openssl", "tstclnt"]) else { return };
    let nginx = Nginx::start(&place);
    let body = place.body("body", 200_000);
    fs::write(place.file("request"), REQUEST).unwrap();
    let rules = Rules {
        allow: Matches { executables: vec![path_of("tstclnt")], ..Matches::default() },
        ..Rules::default()
    };
    let Some(mut mirror) = Mirror::open(rules) else { return };
    let start = |request: Stdio| {
        Running::start(
            Command::new("tstclnt")
                .args(["-D", "-o", "-b", "-h", "127.0.0.1", "-p", &nginx.port.to_string()])
                .stdin(request)
                .stdout(Stdio::null())
                .stderr(Stdio::null()),
        )
    };
    // One that says nothing, so that its libraries are found while it runs.
    let idle = start(Stdio::piped());
    mirror.poll_until("the libraries have probes", |mirror| {
        let targets = mirror.capture.targets().iter();
        targets.filter(|target| target.library == Library::Nss).count() >= 2
    });
    drop(idle);
    let client = start(fs::File::open(place.file("request")).unwrap().into());
    let server = ([127, 0, 0, 1], nginx.port).into();
    mirror.read_until("a whole response", |told| {
        told.with_server(server).iter().any(|one| one.body() == body)
    });
    drop(client);
    let told = mirror.finish();
    assert_eq!(told.with_server(server).len(), told.0.len(), "nothing but what goes over TLS");
    for conversation in told.with_server(server) {
        assert!(conversation.client.is_empty() || conversation.client == REQUEST.as_bytes());
        assert!(conversation.server.is_empty() || conversation.has_right_client());
    }
}

const REQUEST: &str = "GET /body HTTP/1.0\r\nHost: localhost\r\n\r\n";
