//! Records that wait at the monitor for secrets which an OpenSSL server tells late.

use rustls::version::TLS13;
use serde_json::Value;

use super::load::Load;
use super::place::{HELD_PORT, Place};
use super::sessions;
use crate::handover::without_library;
use crate::network::{skip, with_network};

#[test]
fn a_monitor_decrypts_sessions_of_an_openssl_server_whose_secrets_come_late() {
    with_network("hold-queue", &["nginx", "openssl"], |network| {
        if let Some(obstacle) = without_library() {
            return skip("hold-queue", obstacle);
        }
        let place = Place::new(network);
        for wait in ["live", "none"] {
            let hold = ["--wait", wait, "--deadline", "60s"];
            let nginx = place.held_nginx("TLSv1.3", &hold);
            let monitor = place.monitor(&["--port", &HELD_PORT.to_string()]);
            let load = Load::start(network, HELD_PORT, &TLS13, sessions());
            assert!(load.finish().iter().all(|one| one.is_answered));
            drop(nginx);
            let end = monitor.interrupt();
            let lines = end.lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
            // What was lost is told as well.
            let (told, others): (Vec<_>, Vec<_>) =
                lines.partition(|line| line["event"]["dataset"] == "tls");
            others.iter().for_each(|line| println!("{line}"));
            let whole = told.iter().filter(|line| is_whole(line)).count();
            let waits = end.messages.lines().find(|line| line.contains("waited for their secrets"));
            let waits = waits.unwrap_or_else(|| panic!("{}", end.messages));
            println!(
                "wait={wait}: {whole} of {} sessions decrypted, {} seen; {waits}",
                sessions(),
                told.len()
            );
            if wait == "live" {
                assert!(whole * 1000 >= sessions() * 999, "{whole} of {}; {waits}", sessions());
            }
        }
    });
}

/// Whether a session was decrypted and no record of it stayed closed.
fn is_whole(line: &Value) -> bool {
    let tlsight = &line["tlsight"];
    tlsight["evidence"] == "secrets"
        && tlsight["certificate"]["state"] == "visible"
        && tlsight["partial"].is_null()
}
