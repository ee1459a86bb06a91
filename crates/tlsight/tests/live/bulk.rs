//! Bulk data of sessions that are over, which the kernel keeps to itself.

use std::fs;

use serde_json::Value;

use crate::network::{Network, SERVER_ADDRESS, with_network};
use crate::servers::{Identity, OpensslServer};
use crate::watcher::Watcher;

#[test]
fn bulk_data_stays_in_the_kernel_and_the_next_session_of_the_same_ports_does_not() {
    with_network("bulk", &["curl", "openssl"], |network| {
        let identity = Identity::new(network);
        let _server = OpensslServer::start(network, &identity);
        fs::write(network.folder().join("bulk"), vec![0x5a; BULK_LEN]).unwrap();
        // The client's port is free again as soon as a connection is closed.
        let at_once = "echo 0 > /proc/sys/net/ipv4/tcp_max_tw_buckets";
        network.run(&network.client(), "sh", &["-c", at_once]);
        let mut watcher = Watcher::start(&network.server(), "veth0", &["--json", "--summary"]);
        for name in ["first.test", "second.test"] {
            download(network, name);
            let session = watcher.next();
            assert_eq!(session["tls"]["client"]["server_name"], name);
            assert_eq!(session["tls"]["established"], true);
            assert_eq!(session["source"]["port"], CLIENT_PORT);
            assert_eq!(session["tlsight"]["partial"], Value::Null);
        }
        let end = watcher.interrupt();
        assert_eq!((end.status, &*end.messages, end.lines.len()), (Some(0), "", 1));
        let summary: Value = serde_json::from_str(&end.lines[0]).unwrap();
        let totals = &summary["tlsight"]["summary"];
        assert_eq!((&totals["sessions"], &totals["flows"]), (&2.into(), &2.into()));
        assert_eq!(totals["loss"], serde_json::json!({}));
        assert!(totals["bytes"].as_u64().unwrap() > 2 * BULK_LEN as u64, "{totals}");
        let left = totals["packets_left_in_kernel"].as_u64().unwrap();
        assert!(left > 0, "{totals}");
    });
}

#[test]
fn bulk_data_is_read_if_that_is_asked_for() {
    with_network("bulkread", &["curl", "openssl"], |network| {
        let identity = Identity::new(network);
        let _server = OpensslServer::start(network, &identity);
        fs::write(network.folder().join("bulk"), vec![0x5a; BULK_LEN]).unwrap();
        let options = ["--json", "--summary", "--no-cut-off"];
        let mut watcher = Watcher::start(&network.server(), "veth0", &options);
        download(network, "first.test");
        assert_eq!(watcher.next()["tls"]["client"]["server_name"], "first.test");
        let end = watcher.interrupt();
        let summary: Value = serde_json::from_str(end.lines.last().unwrap()).unwrap();
        let totals = &summary["tlsight"]["summary"];
        assert_eq!(totals["packets_left_in_kernel"], Value::Null);
        assert!(totals["bytes"].as_u64().unwrap() > BULK_LEN as u64, "{totals}");
    });
}

/// Downloads the file from a port of the client that is always the same.
pub(crate) fn download(network: &Network, name: &str) {
    let resolution = format!("{name}:443:{SERVER_ADDRESS}");
    let (port, url) = (CLIENT_PORT.to_string(), format!("https://{name}/bulk"));
    let arguments = [
        "-sSk",
        "--limit-rate",
        "30M",
        "--local-port",
        &port,
        "--resolve",
        &resolution,
        "-o",
        "/dev/null",
    ];
    network.run(
        &network.client(),
        "curl",
        &[&arguments[..], &["-w", "%{size_download}", &url]].concat(),
    );
}

const CLIENT_PORT: u16 = 40_443;

/// Half of what the ring holds, in a second: nothing is lost if the reader is slow.
pub(crate) const BULK_LEN: usize = 30 << 20;
