//! OpenSSL, as a shared library.

use std::net::SocketAddr;

use forge::Ending;
use probe::{Matches, Rules};

use crate::mirror::Mirror;
use crate::place::{Nginx, Place, curl};

#[test]
fn what_curl_and_nginx_say_is_told_with_both_ends_of_their_connection() {
    let Some(place) = Place::new("mirror-curl", &["nginx", "curl", "openssl"]) else { return };
    let nginx = Nginx::start(&place);
    let Some(mut mirror) = Mirror::open(only_port(nginx.port)) else { return };
    let server: SocketAddr = ([127, 0, 0, 1], nginx.port).into();
    for (at, len) in [1, 100, 16_384, 16_385, 1 << 20, 64 << 20].into_iter().enumerate() {
        let body = place.body("body", len);
        let mut child = curl(&place, &nginx.url("body"), &place.file("got")).spawn().unwrap();
        mirror.read_until("the whole response", |told| {
            told.with_server(server).get(at).is_some_and(|one| one.body().len() == len)
        });
        assert!(child.wait().unwrap().success());
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

/// Rules that allow the connections of one server.
pub(crate) fn only_port(port: u16) -> Rules {
    Rules { allow: Matches { ports: vec![port], ..Matches::default() }, ..Rules::default() }
}
