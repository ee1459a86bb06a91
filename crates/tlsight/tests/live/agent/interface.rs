//! The agent on an interface.

use std::fs;

use crate::agent::place;
use crate::agent::running::RunningAgent;
use crate::bulk::{BULK_LEN, download};
use crate::network::{wait_until, with_network};
use crate::servers::{Identity, OpensslServer};

#[test]
fn on_an_interface_bulk_data_stays_in_the_kernel_and_is_counted() {
    with_network("agent-interface", &["curl", "openssl"], |network| {
        let identity = Identity::new(network);
        let _server = OpensslServer::start(network, &identity);
        fs::write(network.folder().join("bulk"), vec![0x5a; BULK_LEN]).unwrap();
        let file = network.folder().join("sessions.ndjson");
        let server = network.server();
        let agent = RunningAgent::start(
            network.folder(),
            &["ip", "netns", "exec", &server],
            &["-i", "veth0", "--output", file.to_str().unwrap()],
        );
        download(network, "agent.test");
        wait_until("the session is told", || !place::sessions(&[&file]).is_empty());
        let sessions = place::sessions(&[&file]);
        assert_eq!(sessions.len(), 1);
        assert_eq!(sessions[0]["tls"]["client"]["server_name"], "agent.test");
        assert_eq!(sessions[0]["tlsight"]["evidence"], "wire");
        let all = || {
            let (seen, left) = ("tlsight_packet_bytes_total", LEFT);
            agent.sum_of(seen) + agent.sum_of(left)
        };
        wait_until("what was left in the kernel is counted", || all() > BULK_LEN as f64);
        assert!(agent.sum_of(LEFT) > BULK_LEN as f64 / 2.0, "{}", agent.sum_of(LEFT));
        assert!(agent.sum_of("tlsight_packets_left_in_kernel_total") > 0.0);
        assert!(agent.sum_of("tlsight_ring_size_bytes") >= 4096.0);
        assert!(agent.get("/healthz").contains("\"status\":\"ok\""));
        let end = agent.end();
        assert_eq!((end.status, &*end.messages), (Some(0), ""));
        assert!(place::losses(&[&file]).is_empty());
    });
}

const LEFT: &str = "tlsight_packet_bytes_left_in_kernel_total";
