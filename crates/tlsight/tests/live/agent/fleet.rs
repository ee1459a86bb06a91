//! An agent with a server of its own, which is killed and comes back.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use crate::agent::place::with_place;
use crate::network::wait_until;
use crate::watcher::Watcher;

#[test]
fn what_an_agent_sees_while_its_server_is_dead_is_there_when_it_is_back() {
    with_place("agent-fleet", &[], |place| {
        let (folder, state) = (place.folder().join("server"), place.folder().join("agent"));
        let (pages, agents) = (free_address(), free_address());
        let server = serve(&folder, &pages, &agents);
        let token = Command::new(env!("CARGO_BIN_EXE_tlsight"))
            .args(["serve", "token", "--bare", "--listen", &pages, "--agents", &agents, "--data"])
            .arg(&folder)
            .output()
            .unwrap();
        assert!(token.status.success(), "{token:?}");
        let token = String::from_utf8(token.stdout).unwrap();
        let agent = place.agent(&[
            "--server",
            &agents,
            "--enrol",
            token.trim(),
            "--folder",
            state.to_str().unwrap(),
            "--group=2s",
        ]);
        for _ in 0..3 {
            place.curl();
        }
        wait_until("the server has what was seen", || {
            agent.sum_of("tlsight_uplink_sessions_kept_total") >= 3.0
        });
        assert_eq!(agent.sum_of("tlsight_uplink_certificates_total"), 1.0);
        // The first of them is told at once and alone, the others as an edge.
        let singles = agent.sums_of("tlsight_singles_total", "reason");
        assert!(singles.values().sum::<f64>() < 3.0, "{singles:?}");
        server.kill();
        place.curl();
        wait_until("what is seen waits", || agent.sum_of("tlsight_spool_batches") >= 1.0);
        place.curl();
        let server = serve(&folder, &pages, &agents);
        wait_until("the server has all of it", || {
            agent.sum_of("tlsight_uplink_sessions_kept_total") >= 5.0
                && agent.sum_of("tlsight_spool_batches") == 0.0
        });
        for lost in ["uplink_batches_refused", "uplink_batches_evicted", "uplink_lines_rejected"] {
            assert_eq!(agent.sum_of(&format!("tlsight_{lost}_total")), 0.0, "{lost}");
        }
        assert_eq!(agent.sum_of("tlsight_uplink_sessions_kept_total"), 5.0);
        let end = agent.end();
        assert_eq!(end.status, Some(0), "{}", end.messages);
        server.interrupt();
    });
}

fn serve(folder: &Path, pages: &str, agents: &str) -> Watcher {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tlsight"));
    command.args(["serve", "--listen", pages, "--agents", agents, "--data"]).arg(folder);
    let server = Watcher::run(&mut command, "the server runs", |_| true);
    server.wait_for_line("Agents join at");
    server
}

/// Free when it is asked for, and hardly taken by another in between.
fn free_address() -> String {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().to_string()
}
