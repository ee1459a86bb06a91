//! Rules on pods, with processes in cgroups named as the kubelet does and a made-up API.

use std::fs;
use std::path::Path;

use cluster::{Cluster, pod};
use serde_json::{Value, json};

use super::{changes, holds, own_curl, start};
use crate::network::{Network, wait_until, with_network};
use crate::servers::{Identity, OpensslServer};
use crate::sockets::cgroup::{Cgroup, with_cgroup};

#[test]
fn pods_are_mirrored_as_they_come_and_until_they_go_and_others_never() {
    with_place("mirrorpods", |network, kubepods| {
        let cluster = Cluster::start("mirrorpods");
        let curl = own_curl(network);
        let file = network.folder().join("clear.pcapng");
        let mirror = start(network, &of_cluster(&cluster, &file, &["--pod", "shop/web-*"]));
        let first = Pod::new(kubepods, WEB);
        first.fetch(network, &curl, "secret-of-nobody-known");
        let database = Pod::new(kubepods, DATABASE);
        apply(&cluster, "db-0", DATABASE);
        apply(&cluster, "web-1", WEB);
        wait_for_pods(network, &["shop/web-1"]);
        database.fetch(network, &curl, "secret-of-db");
        outside(network, &curl, "secret-of-outside");
        first.fetch(network, &curl, "said-by-web-1");
        wait_until("the request is in the file", || holds(&file, b"said-by-web-1"));
        apply(&cluster, "web-2", NEXT);
        let second = Pod::new(kubepods, NEXT);
        wait_for_pods(network, &["shop/web-1", "shop/web-2"]);
        second.fetch(network, &curl, "said-by-web-2");
        wait_until("the request is in the file", || holds(&file, b"said-by-web-2"));
        cluster.delete("/api/v1/pods", "web-1");
        wait_for_pods(network, &["shop/web-2"]);
        first.fetch(network, &curl, "secret-of-deleted");
        // What is known stays known, and nothing else is.
        cluster.set_reachable(false);
        let unknown = Pod::new(kubepods, UNKNOWN);
        unknown.fetch(network, &curl, "secret-of-unknown");
        second.fetch(network, &curl, "said-in-silence");
        wait_until("the request is in the file", || holds(&file, b"said-in-silence"));
        drop(second);
        wait_for_pods(network, &[]);
        let end = mirror.interrupt();
        assert_eq!(end.status, Some(0), "{}", end.messages);
        assert!(!holds(&file, b"secret-of-"));
    });
}

#[test]
fn a_pod_of_which_nothing_is_known_is_left_alone_where_one_is_denied() {
    with_place("mirrornotpods", |network, kubepods| {
        let cluster = Cluster::start("mirrornotpods");
        apply(&cluster, "web-1", WEB);
        apply(&cluster, "db-0", DATABASE);
        cluster.set_reachable(false);
        let curl = own_curl(network);
        let (file, rules) = (network.folder().join("clear.pcapng"), network.folder().join("rules"));
        let allow = format!("[allow]\nexe = ['{}']\n", curl.display());
        fs::write(&rules, format!("{allow}[deny]\npod = ['*/db-?']\n")).unwrap();
        let from = ["--rules", rules.to_str().unwrap()];
        let mirror = start(network, &of_cluster(&cluster, &file, &from));
        let (web, database) = (Pod::new(kubepods, WEB), Pod::new(kubepods, DATABASE));
        web.fetch(network, &curl, "secret-of-web");
        outside(network, &curl, "said-outside");
        wait_until("the request is in the file", || holds(&file, b"said-outside"));
        cluster.set_reachable(true);
        wait_for_pods(network, &["shop/web-1"]);
        database.fetch(network, &curl, "secret-of-db");
        web.fetch(network, &curl, "said-by-web");
        wait_until("the request is in the file", || holds(&file, b"said-by-web"));
        fs::write(&rules, format!("{allow}pod = ['shop/db-0']\n")).unwrap();
        mirror.hang_up();
        wait_until("an audit line of the rules", || {
            let pods =
                |line: &Value| line["mirror"]["rules"]["allow"]["pod"] == json!(["shop/db-0"]);
            changes(network).iter().any(pods)
        });
        web.fetch(network, &curl, "secret-of-web-later");
        outside(network, &curl, "secret-of-outside");
        database.fetch(network, &curl, "said-by-db");
        wait_until("the request is in the file", || holds(&file, b"said-by-db"));
        let end = mirror.interrupt();
        assert_eq!(end.status, Some(0), "{}", end.messages);
        assert!(!holds(&file, b"secret-of-"));
    });
}

/// Runs `test` with a network that has a server, and the cgroup of all pods.
fn with_place(name: &str, test: impl FnOnce(&Network, &Cgroup)) {
    with_cgroup(name, &[], |cgroup| {
        with_network(name, &["curl", "openssl"], |network| {
            let identity = Identity::new(network);
            let _server = OpensslServer::start(network, &identity);
            let all = cgroup.child("kubepods");
            test(network, &all.child("besteffort"));
        });
    });
}

fn of_cluster(cluster: &Cluster, file: &Path, rules: &[&str]) -> Vec<String> {
    let kubeconfig = cluster.kubeconfig();
    let (file, kubeconfig) = (file.to_str().unwrap(), kubeconfig.to_str().unwrap());
    let common = ["--no-redact", "-w", file, "--kubeconfig", kubeconfig, "--node-name=node-1"];
    common.iter().chain(rules).map(|it| (*it).to_owned()).collect()
}

fn apply(cluster: &Cluster, name: &str, uid: &str) {
    cluster.apply(pod("shop", name, uid, "node-1", "192.0.2.1"));
}

/// Waits until these are the pods that are allowed, by the last audit line of them.
fn wait_for_pods(network: &Network, pods: &[&str]) {
    wait_until("an audit line of pods", || {
        let of_pods = |line: &Value| line["event"]["reason"] == "pods";
        let last = changes(network).into_iter().rfind(of_pods);
        last.is_some_and(|line| line["mirror"]["pods"] == json!(pods))
    });
}

/// The cgroups of a pod and of its container, where programs run.
struct Pod {
    container: Cgroup,
    _pod: Cgroup,
}

impl Pod {
    fn new(all: &Cgroup, uid: &str) -> Self {
        let pod = all.child(&format!("pod{uid}"));
        Self { container: pod.child(&"0123456789abcdef".repeat(4)), _pod: pod }
    }

    fn fetch(&self, network: &Network, curl: &Path, word: &str) {
        let mut command = self.container.command_in(&network.client(), curl);
        let output = command.args(arguments(word)).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

fn outside(network: &Network, curl: &Path, word: &str) {
    let arguments = arguments(word);
    network.run(&network.client(), curl.to_str().unwrap(), &arguments.each_ref().map(|it| &**it));
}

fn arguments(word: &str) -> [String; 6] {
    let header = format!("X-Word: {word}");
    ["-sSk", "--max-time", "30", "-H", &header, "https://192.0.2.2/hello"].map(str::to_owned)
}

const WEB: &str = "1a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
const NEXT: &str = "2a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
const DATABASE: &str = "3a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
const UNKNOWN: &str = "4a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
