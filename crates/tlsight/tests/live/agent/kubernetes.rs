//! What the agent tells of Kubernetes and of its watches.

use std::time::Duration;
use std::{fs, thread};

use cluster::{Cluster, node};
use serde_json::json;

use super::place::{self, with_place};
use crate::network::wait_until;

#[test]
fn edges_have_the_node_and_metrics_how_the_watches_do() {
    with_place("agent-kubernetes", &[], |place| {
        let file = place.folder().join("edges.ndjson");
        let cluster = Cluster::start("agent");
        cluster.apply(node("node-1", "uid-of-node-1", "192.0.2.100"));
        let kubeconfig = cluster.kubeconfig();
        let agent = place.agent(&[
            "--output",
            file.to_str().unwrap(),
            "--group=1h",
            "--node-name=node-1",
            "--kubeconfig",
            kubeconfig.to_str().unwrap(),
        ]);
        wait_until("all is watched", || agent.sum_of("tlsight_kubernetes_watches_total") >= 3.0);
        wait_until("all is up", || agent.sum_of("tlsight_kubernetes_watch_up") == 3.0);
        assert_eq!(agent.sum_of("tlsight_kubernetes_objects"), 1.0);
        cluster.expire_watches();
        wait_until("all was gone", || agent.sum_of("tlsight_kubernetes_watches_gone_total") >= 3.0);
        place.curl();
        wait_until("it is counted", || agent.sum_of("tlsight_sessions_total") >= 1.0);
        assert_metrics_are_there(&agent.get("/metrics"));
        cluster.set_reachable(false);
        wait_until("what was told is stale", || agent.sum_of("tlsight_kubernetes_watch_up") == 0.0);
        // The agent looks once a second whether there is something to say.
        thread::sleep(Duration::from_secs(4));
        let failures = agent.sums_of("tlsight_kubernetes_watch_failures_total", "resource");
        assert!(
            ["pods", "services", "nodes"].iter().all(|it| failures[*it] >= 1.0),
            "{failures:?}"
        );
        cluster.set_reachable(true);
        wait_until("all is up again", || agent.sum_of("tlsight_kubernetes_watch_up") == 3.0);
        let end = agent.end();
        for resource in ["pods", "services", "nodes"] {
            let text = format!("{resource} of Kubernetes cannot be watched: ");
            assert_eq!(end.messages.matches(&text).count(), 1, "{}", end.messages);
        }
        let lines = place::lines(&file);
        let edge = lines.iter().find(|line| line["event"]["dataset"] == "tlsight.edge").unwrap();
        let expected = json!({ "node": { "name": "node-1" } });
        assert_eq!(edge["client"]["kubernetes"], expected, "{edge:#}");
        assert_eq!(edge["server"]["kubernetes"], expected);
    });
}

#[test]
fn an_agent_that_is_to_ask_a_cluster_it_knows_nothing_of_does_not_begin() {
    with_place("agent-kubeconfig", &[], |place| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_tlsight"))
            .args(["agent", "--kubeconfig", "/nonexistent", "--cgroup"])
            .arg(place.cgroup())
            .output()
            .unwrap();
        let messages = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1));
        assert!(messages.contains("cannot use the kubeconfig /nonexistent"), "{messages}");
    });
}

/// All that the dashboard and the alerts ask agents for.
fn assert_metrics_are_there(metrics: &str) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/helm/tlsight/files/");
    for file in ["dashboard.json", "alerts.yaml"] {
        let text = fs::read_to_string(format!("{folder}{file}")).unwrap();
        let is_part = |letter: char| letter.is_ascii_lowercase() || letter == '_';
        let words = text.split(|letter: char| !is_part(letter));
        let asked: Vec<_> = words.filter(|word| word.starts_with("tlsight_")).collect();
        assert!(asked.len() > 3, "{asked:?}");
        for name in asked.into_iter().filter(|name| !name.starts_with("tlsight_server_")) {
            let name = name.trim_end_matches("_total").trim_end_matches("_bucket");
            assert!(metrics.contains(&format!("# TYPE {name} ")), "{file}: {name}\n{metrics}");
        }
    }
}
