//! What is taken of whom.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use secrets::{Label, Role, SessionStage};

use crate::agent::{Answers, Came, Running};
use crate::place::{Place, Server, gets_page, output, shim, skip};

#[test]
fn a_client_hands_over_its_secrets_and_writes_its_own_key_log_as_before() {
    let Some(place) = Place::new(&["curl", "python3"]) else { return };
    let server = Server::openssl(&place, &[]);
    for version in ["1.2", "1.3"] {
        for client in ["curl", "python"] {
            let agent = Running::start(place.folder(), Answers::Never);
            let own = place.file(&format!("{client}-{version}.log"));
            let mut command = if client == "curl" {
                let mut curl = place.curl(agent.socket(), "", server.port);
                curl.args(["--tlsv1.2", "--tls-max", version]).env("SSLKEYLOGFILE", &own);
                curl
            } else if version == "1.3" {
                let mut python = place.python(agent.socket(), "", server.port, 1);
                python.env("OWN_LOG", &own);
                python
            } else {
                continue;
            };
            gets_page(&mut command);
            let (came, missed) = agent.finish();
            assert_eq!(missed, []);
            is_as_in(&came, &fs::read_to_string(&own).unwrap(), version);
            for one in &came {
                assert_eq!(one.origin.role, Some(Role::Client));
                assert_eq!(one.origin.server_name.as_ref().unwrap().as_str(), "localhost");
                assert!(one.origin.executable.as_str().contains(client), "{:?}", one.origin);
            }
        }
    }
}

/// Whether what came is what an application has written, without the secrets of exporters.
fn is_as_in(came: &[Came], own: &str, version: &str) {
    let taken: BTreeSet<&str> = came.iter().flat_map(|one| one.lines.lines()).collect();
    let is_of_records = |line: &&str| !line.starts_with('#') && !line.contains("EXPORTER");
    let own: BTreeSet<&str> = own.lines().filter(is_of_records).collect();
    assert_eq!(taken, own);
    let stages: Vec<_> = came.iter().map(|one| (one.stage, one.labels.as_slice())).collect();
    let hello =
        [Label::ServerHandshakeTraffic, Label::ServerTraffic(0), Label::ClientHandshakeTraffic];
    let expected: &[(SessionStage, &[Label])] = if version == "1.3" {
        &[(SessionStage::Hello, &hello), (SessionStage::Application, &[Label::ClientTraffic(0)])]
    } else {
        &[(SessionStage::Application, &[Label::ClientRandom])]
    };
    assert_eq!(stages, expected);
    for one in came {
        assert_eq!(one.version, if version == "1.3" { 0x0304 } else { 0x0303 });
        assert!(one.cipher_suite != 0 && one.server_random.is_some());
    }
}

#[test]
fn the_workers_of_a_server_hand_over_theirs_and_are_known_by_name() {
    let Some(place) = Place::new(&["curl", "nginx"]) else { return };
    let agent = Running::start(place.folder(), Answers::AtOnce);
    let nginx = place.program("nginx", agent.socket(), "wait=received deadline=60s");
    let server = Server::nginx(&place, nginx, "TLSv1.2 TLSv1.3");
    let rounds = 20;
    for round in 0..rounds {
        let version = if round % 2 == 0 { "1.3" } else { "1.2" };
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--tls-max", version, "--cacert"]).arg(place.file("server.pem"));
        gets_page(curl.arg(format!("https://localhost:{}/page", server.port)));
    }
    let master = server.id();
    drop(server);
    let (came, missed) = agent.finish();
    assert_eq!(missed, []);
    let randoms: BTreeSet<_> = came.iter().map(|one| one.client_random).collect();
    assert_eq!((randoms.len(), came.len()), (rounds, rounds / 2 * 3));
    for one in &came {
        let origin = &one.origin;
        assert_eq!((origin.role, origin.command.as_str()), (Some(Role::Server), "nginx"));
        assert_ne!(origin.pid, Some(master), "a worker");
        assert_ne!(origin.uid, Some(0), "who gave up its rights");
        assert!(origin.local.is_some() && origin.peer.is_some_and(|it| it.ip().is_loopback()));
    }
    // The server knows both secrets of the handshake at once, and those of the data later.
    let stages: Vec<_> = came.iter().take(2).map(|one| one.labels.clone()).collect();
    assert_eq!(stages[0], [Label::ServerHandshakeTraffic, Label::ClientHandshakeTraffic]);
    assert_eq!(stages[1], [Label::ServerTraffic(0), Label::ClientTraffic(0)]);
}

#[test]
fn what_a_rule_denies_stays_in_the_process() {
    let Some(place) = Place::new(&["curl"]) else { return };
    let server = Server::openssl(&place, &[]);
    for (settings, is_taken) in [
        ("deny-sni=LOCAL*", false),
        ("allow-sni=*.example", false),
        ("allow-exe=*/curl deny-user=4242", true),
        ("deny-exe=*/curl", false),
        // Of a connection whose socket OpenSSL does not know the other end is unknown.
        ("deny-peer=203.0.113.0/24", false),
    ] {
        let agent = Running::start(place.folder(), Answers::Never);
        gets_page(&mut place.curl(agent.socket(), &format!("{settings} wait=live"), server.port));
        let (came, _) = agent.finish();
        assert_eq!(!came.is_empty(), is_taken, "{settings}");
    }
}

#[test]
fn a_program_with_the_rights_of_another_user_hands_over_nothing() {
    let Some(place) = Place::new(&["curl", "setpriv"]) else { return };
    if !rustix::process::geteuid().is_root() {
        return skip("not root");
    }
    let server = Server::openssl(&place, &[]);
    let agent = Running::start(place.folder(), Answers::AtOnce);
    let (curl, library) = (place.file("curl"), place.file("libtlsight_shim.so"));
    fs::copy("/usr/bin/curl", &curl).unwrap();
    fs::copy(shim(), &library).unwrap();
    for (mode, is_taken) in [(0o755, true), (0o4755, false)] {
        fs::set_permissions(&curl, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        let mut command = place.program("setpriv", agent.socket(), "");
        command.env("LD_PRELOAD", &library).args(["--reuid=65534", "--clear-groups"]).arg(&curl);
        command.args(["-sS", "--cacert"]).arg(place.file("server.pem"));
        gets_page(command.arg(format!("https://localhost:{}/page", server.port)));
        let is_last = !is_taken;
        if is_last {
            let (came, _) = agent.finish();
            assert_eq!(came.len(), 2, "of the one without those rights");
            assert!(came.iter().all(|one| one.origin.uid == Some(65534)));
            return;
        }
    }
}

#[test]
fn without_settings_that_are_understood_a_program_is_as_it_was() {
    let Some(place) = Place::new(&["curl"]) else { return };
    let server = Server::openssl(&place, &[]);
    let own = place.file("own.log");
    for settings in [None, Some("nonsense"), Some("socket=/x hold=y")] {
        let mut curl = place.curl(place.folder(), "", server.port);
        curl.env_remove(handover::VARIABLE).env("SSLKEYLOGFILE", &own);
        if let Some(settings) = settings {
            curl.env(handover::VARIABLE, settings);
        }
        let output = output(&mut curl);
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        assert_eq!(fs::read_to_string(&own).unwrap().lines().count(), 5);
        fs::remove_file(&own).unwrap();
    }
}
