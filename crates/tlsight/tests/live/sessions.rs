//! What `tlsight watch` sees of real clients and servers, while it happens.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::network::{Network, SERVER_ADDRESS, with_network};
use crate::servers::{CERTIFICATE_NAME, Identity, OpensslServer, PAGE, PostQuantumServer};
use crate::watcher::{End, Watcher};

#[test]
fn each_session_of_curl_and_openssl_is_told_once_when_it_happens() {
    with_network("wire", &["curl", "openssl"], |network| {
        let identity = Identity::new(network);
        let _server = OpensslServer::start(network, &identity);
        let mut watcher = Watcher::start(&network.server(), "veth0", &["--json", "--summary"]);

        let certificate = identity.certificate.to_str().unwrap();
        let resolution = format!("curl.test:443:{SERVER_ADDRESS}");
        let page = network.run(
            &network.client(),
            "curl",
            &["-sS", "--cacert", certificate, "--resolve", &resolution, "https://curl.test/hello"],
        );
        assert_eq!(page, PAGE);
        let session = watcher.next();
        assert_session(&session, "curl.test", "1.3", "x25519", "classical");
        assert_eq!(session["tlsight"]["certificate"]["state"], "encrypted");
        assert_eq!(session["source"]["ip"], "192.0.2.1");
        assert_eq!(session["destination"]["ip"], SERVER_ADDRESS);

        connect(network, &network.client(), SERVER_ADDRESS, "tls12.test", &["-tls1_2"]);
        let session = watcher.next();
        assert_session(&session, "tls12.test", "1.2", "x25519", "classical");
        assert_eq!(session["tls"]["server"]["x509"]["subject"]["common_name"], CERTIFICATE_NAME);

        let options = ["-tls1_3", "-groups", "P-384"];
        connect(network, &network.client(), SERVER_ADDRESS, "tls13.test", &options);
        assert_session(&watcher.next(), "tls13.test", "1.3", "secp384r1", "classical");

        assert_ends_well(watcher.interrupt(), 3, &["TLS 1.2", "TLS 1.3"]);
    });
}

#[test]
fn chromium_is_seen_to_agree_on_a_post_quantum_key() {
    with_network("chromium", &["chromium", "openssl"], |network| {
        let identity = Identity::new(network);
        let _server = PostQuantumServer::start(network, &identity);
        let mut watcher = Watcher::start(&network.server(), "veth0", &["--json", "--summary"]);

        browse(network, "https://chromium.test/");
        let mut sessions = vec![watcher.next()];
        let end = watcher.interrupt();
        let lines = end.lines.iter().map(|line| serde_json::from_str(line).unwrap());
        sessions.extend(lines.filter(is_session));
        // A browser may open more connections than it needs, and hang up on one before its handshake
        // is over; each has its own port.
        let ports: HashSet<_> =
            sessions.iter().map(|session| session["source"]["port"].as_u64()).collect();
        assert_eq!(ports.len(), sessions.len(), "{sessions:?}");
        let established = sessions.iter().filter(|session| session["tls"]["established"] == true);
        assert!(established.clone().next().is_some(), "{sessions:?}");
        for session in established {
            assert_session(session, "chromium.test", "1.3", "X25519MLKEM768", "hybrid_pq");
        }
        assert_eq!(end.status, Some(0));
        assert_eq!(loss_of_summary(&end), json!({}));
    });
}

#[test]
fn a_session_over_loopback_is_told_once_by_a_capture_of_all_interfaces() {
    with_network("any", &["openssl"], |network| {
        let identity = Identity::new(network);
        let _server = OpensslServer::start(network, &identity);
        let mut watcher = Watcher::start(&network.server(), "any", &["--json", "--summary"]);
        connect(network, &network.server(), "127.0.0.1", "server.test", &["-tls1_2"]);
        let session = watcher.next();
        assert_session(&session, "server.test", "1.2", "x25519", "classical");
        assert_eq!(session["destination"]["ip"], "127.0.0.1");
        connect(network, &network.client(), SERVER_ADDRESS, "tls13.test", &["-tls1_3"]);
        assert_session(&watcher.next(), "tls13.test", "1.3", "x25519", "classical");
        assert_ends_well(watcher.interrupt(), 2, &["TLS 1.2", "TLS 1.3"]);
    });
}

#[test]
fn ctrl_c_ends_a_table_with_its_totals() {
    with_network("table", &["openssl"], |network| {
        let identity = Identity::new(network);
        let _server = OpensslServer::start(network, &identity);
        let watcher = Watcher::start(&network.server(), "veth0", &["--table"]);
        connect(network, &network.client(), SERVER_ADDRESS, "tls12.test", &["-tls1_2"]);
        watcher.wait_for_line("tls12.test");
        let end = watcher.interrupt();
        let text = end.lines.join("\n");
        assert!(text.contains("Sessions      1\n"), "{text}");
        assert!(!text.contains("Lost"), "{text}");
        assert_eq!((end.status, &*end.messages), (Some(0), ""));
    });
}

/// Asks for a page with `openssl s_client`.
fn connect(network: &Network, namespace: &str, address: &str, name: &str, options: &[&str]) {
    let script = "printf 'GET /hello HTTP/1.0\\r\\n\\r\\n' | openssl s_client -quiet \"$@\"";
    let target = format!("{address}:443");
    let mut arguments = vec!["-c", script, "sh", "-connect", &target, "-servername", name];
    arguments.extend(options);
    let page = network.run(namespace, "sh", &arguments);
    assert!(page.ends_with(PAGE), "{page}");
}

fn assert_session(session: &Value, name: &str, version: &str, group: &str, class: &str) {
    assert!(is_session(session), "{session}");
    assert_eq!(session["tls"]["client"]["server_name"], name);
    assert_eq!(session["tls"]["version"], version);
    assert_eq!(session["tlsight"]["key_exchange"]["group"], group);
    assert_eq!(session["tlsight"]["key_exchange"]["class"], class);
    assert_eq!(session["tls"]["established"], true);
    assert_eq!(session["tlsight"]["partial"], Value::Null);
    assert_eq!(session["tlsight"]["anomalies"], Value::Null);
}

/// Asserts that nothing but the totals was left, with `sessions` sessions and no loss.
fn assert_ends_well(end: End, sessions: u64, versions: &[&str]) {
    assert_eq!(end.lines.len(), 1, "{:?}", end.lines);
    let summary: Value = serde_json::from_str(&end.lines[0]).unwrap();
    let totals = &summary["tlsight"]["summary"];
    assert_eq!(summary["event"]["dataset"], "tlsight.summary");
    assert_eq!(totals["sessions"], sessions);
    let found: Vec<&String> = totals["versions"].as_object().unwrap().keys().collect();
    assert_eq!(found, versions);
    assert_eq!(totals["loss"], json!({}));
    assert_eq!((end.status, &*end.messages), (Some(0), ""));
}

fn loss_of_summary(end: &End) -> Value {
    let summary: Value = serde_json::from_str(end.lines.last().unwrap()).unwrap();
    summary["tlsight"]["summary"]["loss"].clone()
}

fn is_session(line: &Value) -> bool {
    line["event"]["dataset"] == "tls"
}

/// Opens a page in Chromium, which now and then ends well but writes nothing.
fn browse(network: &Network, address: &str) {
    let resolution = format!("--host-resolver-rules=MAP *.test {SERVER_ADDRESS}");
    let mut pages = (1..=3).map(|attempt| {
        let profile = network.folder().join(format!("chromium-{attempt}"));
        let profile = format!("--user-data-dir={}", profile.display());
        let arguments = [&CHROMIUM[..], &[&*profile, &*resolution, "--dump-dom", address]].concat();
        network.run(&network.client(), "chromium", &arguments)
    });
    assert!(pages.any(|page| page.contains("hello")), "no page in three attempts");
}

const CHROMIUM: [&str; 11] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--ignore-certificate-errors",
    "--timeout=30000",
];
