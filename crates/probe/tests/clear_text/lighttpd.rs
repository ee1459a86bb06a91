//! lighttpd, whose modules bring each TLS library: wolfSSL and Mbed TLS.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use forge::Ending;
use probe::{Library, Matches, Rules};

use crate::mirror::Mirror;
use crate::place::{Place, Running, curl, free_port, skip, wait_for_listener};

#[test]
fn what_a_server_with_wolfssl_hears_and_says_is_told() {
    serve("wolfssl", Library::WolfSsl);
}

#[test]
fn what_a_server_with_mbed_tls_hears_and_says_is_told() {
    serve("mbedtls", Library::MbedTls);
}

/// Has a server with a module answer some requests, and compares what is told with what it has sent.
fn serve(module: &str, library: Library) {
    let name = format!("mirror-{module}");
    let Some(place) = Place::new(&name, &["lighttpd", "curl", "openssl"]) else { return };
    if !Path::new(&format!("/usr/lib/lighttpd/mod_{module}.so")).exists() {
        return skip(&format!("lighttpd-mod-{module} is missing"));
    }
    let port = free_port();
    let _server = start(&place, module, port);
    let allow = Matches {
        executables: vec!["/usr/sbin/lighttpd".into()],
        ports: vec![port],
        ..Matches::default()
    };
    let Some(mut mirror) = Mirror::open(Rules { allow, ..Rules::default() }) else { return };
    let targets = mirror.capture.targets();
    assert!(targets.iter().any(|target| target.library == library), "{targets:?}");
    let server = ([127, 0, 0, 1], port).into();
    for (at, len) in [1, 20_000, 4 << 20].into_iter().enumerate() {
        let body = place.body("body", len);
        let url = format!("https://127.0.0.1:{port}/body");
        let client = Running::start(&mut curl(&place, &url, &place.file("got")));
        mirror.read_until("the end", |told| {
            told.with_server(server).get(at).is_some_and(|one| one.ending.is_some())
        });
        client.finish();
        let told = mirror.told.with_server(server);
        let [.., last] = told[..] else { panic!("no connection") };
        assert!(last.client.starts_with(b"GET /body HTTP/1.1\r\n"));
        assert!(last.body() == body, "{} of {len} bytes", last.body().len());
        // Whether a client that is gone before its server is a reset, is up to them.
        assert!(last.missing.is_empty() && last.ending != Some(Ending::Abandoned));
        assert!(!last.opened.is_late, "{:?}", last.opened);
        assert_eq!(&*last.opened.origin.as_ref().unwrap().command, "lighttpd");
    }
    assert_eq!(mirror.finish().with_server(server).len(), 3);
}

fn start(place: &Place, module: &str, port: u16) -> Running {
    let (folder, settings) = (place.file(""), place.file("lighttpd.conf"));
    let folder = folder.display();
    let text = format!(
        "server.modules = (\"mod_{module}\")\nserver.document-root = \"{folder}\"\n\
         server.bind = \"127.0.0.1\"\nserver.port = {port}\nssl.engine = \"enable\"\n\
         ssl.pemfile = \"{folder}/server.pem\"\nssl.privkey = \"{folder}/key.pem\"\n"
    );
    fs::write(&settings, text).unwrap();
    let mut command = Command::new("/usr/sbin/lighttpd");
    command.args(["-D", "-f"]).arg(settings).stdout(Stdio::null()).stderr(Stdio::null());
    let running = Running::start(&mut command);
    wait_for_listener(port);
    running
}
