//! Clients and servers in containers of runc, in pods of a made-up cluster.

use std::collections::BTreeMap;
use std::fs;

use cluster::{Cluster, node, owned_by, owner, pod};
use serde_json::{Value, json};

use super::bundle::{Container, Leftovers, Plan};
use super::cgroup::{Cgroup, with_cgroup};
use super::processes::Folder;
use super::watcher::{End, Watcher};
use crate::network::{SERVER_ADDRESS, wait_until, with_network};

#[test]
fn each_session_between_containers_is_told_once_with_the_pods_of_both_ends() {
    with_cgroup("runc", &["runc", "curl", "nginx", "openssl", "xargs"], |cgroup| {
        let _leftovers = Leftovers(cgroup);
        with_network("runc", &[], |network| {
            let folder = Folder::new(cgroup);
            let cluster = cluster();
            let server = serve(cgroup, &folder, &network.server());
            let server_pid = server.pid();
            wait_for_port(server_pid);
            let kubeconfig = cluster.kubeconfig();
            let watcher = Watcher::start(
                cgroup,
                &[
                    "--kubeconfig",
                    kubeconfig.to_str().unwrap(),
                    "--node-name=node-1",
                    "--pod-label=app.kubernetes.io/name",
                ],
            );
            // An event waits for what is behind its ends, but not for as long as a busy machine takes.
            wait_until("the owners of the pods are asked for", || {
                cluster.requests("get replicasets") > 0 && cluster.requests("get jobs") > 0
            });
            let namespace = network.client();
            let plans = CLIENTS.map(|client| (client, script(client.name)));
            let clients: Vec<_> = plans
                .iter()
                .map(|(client, script)| {
                    let plan = client.plan(&namespace, script);
                    (client, Container::run(cgroup, folder.path(), &plan))
                })
                .collect();
            let asked: Vec<_> = clients
                .into_iter()
                .flat_map(|(client, container)| asked(client, &container.output()))
                .collect();
            let end = watcher.interrupt();
            assert_each_once(&end, asked, server_pid);
            drop(server);
        });
    });
}

/// Each of its clients by its server name, with the pod and the number outside.
fn asked(client: &Pod, output: &str) -> Vec<(String, (Pod, u64))> {
    let lines = output.lines().map(|line| {
        let (number, pid) = line.split_once(' ').expect("a number and that of the process");
        (format!("n{number}.{}.test", client.name), (*client, pid.parse().unwrap()))
    });
    lines.collect()
}

fn assert_each_once(end: &End, asked: Vec<(String, (Pod, u64))>, server_pid: u32) {
    assert_eq!(end.loss, json!({}), "{}", end.messages);
    assert_eq!(asked.len(), CLIENTS.len() * usize::from(CLIENTS_IN_EACH));
    let mut expected: BTreeMap<_, _> = asked.into_iter().collect();
    assert_eq!(end.sessions.len(), expected.len());
    for session in &end.sessions {
        let name = session["tls"]["client"]["server_name"].as_str().unwrap();
        let (pod, pid) = expected.remove(name).expect("each session is told once");
        let client = &session["client"];
        assert_eq!(client["process"]["pid"], pid, "{session:#}");
        assert_eq!(client["process"]["executable"], "/usr/bin/curl");
        let line = client["process"]["command_line"].as_str().unwrap();
        assert!(line.starts_with("curl -sk ") && line.ends_with(&format!(" https://{name}/")));
        assert_end(client, &pod);
        assert_eq!(session["kubernetes"], client["kubernetes"]);
        assert_eq!(session["container"], client["container"]);
        let server = &session["server"];
        assert_eq!(server["process"]["executable"], "/usr/sbin/nginx");
        assert_eq!(server["process"]["parent"]["pid"], server_pid, "{session:#}");
        assert_end(server, &SERVER);
        for (end, pod) in [("client", &pod), ("server", &SERVER)] {
            let state = &session["tlsight"]["workload"][end];
            let (kind, name) = pod.workload;
            let expected =
                json!({ "pod": "known", "workload": "known", "kind": kind, "name": name });
            assert_eq!(state, &expected);
        }
    }
}

fn assert_end(end: &Value, pod: &Pod) {
    assert_eq!(
        end["container"],
        json!({
            "id": pod.container(),
            "runtime": pod.runtime,
            "name": pod.name,
            "image": { "name": format!("registry.test/{}", pod.name), "tag": ["1.0"] },
        })
    );
    let kubernetes = &end["kubernetes"];
    assert_eq!(kubernetes["pod"]["uid"], pod.uid);
    assert_eq!(kubernetes["pod"]["name"], format!("{}-x1", pod.name));
    assert_eq!(kubernetes["namespace"], "shop");
    assert_eq!(kubernetes["node"]["name"], "node-1");
    assert_eq!(kubernetes["labels"]["app_kubernetes_io/name"], format!("{}-x1", pod.name));
    let (kind, name) = pod.workload;
    assert_eq!(kubernetes[kind.to_lowercase()]["name"], name);
    let resource = &end["orchestrator"]["resource"];
    assert_eq!((&resource["type"], &resource["id"]), (&json!("pod"), &json!(pod.uid)));
    assert_eq!(resource["parent"]["type"], kind);
}

/// A pod with one container.
#[derive(Clone, Copy, Debug)]
struct Pod {
    name: &'static str,
    uid: &'static str,
    /// The cgroup of its container, with `ID` for that.
    cgroup: &'static str,
    /// As the cgroup says, or else the place of the bundle.
    runtime: &'static str,
    workload: (&'static str, &'static str),
    digit: &'static str,
}

impl Pod {
    fn container(&self) -> String {
        format!("{}123456789abcdef", self.digit).repeat(4)
    }

    fn plan<'a>(&self, namespace: &'a str, script: &'a str) -> Plan<'a> {
        Plan {
            id: self.container(),
            cgroup: self.cgroup.replace("ID", &self.container()),
            name: self.name,
            image: format!("registry.test/{}:1.0", self.name),
            namespace,
            script,
        }
    }
}

/// An API with the pods, those of other nodes, and what they belong to.
fn cluster() -> Cluster {
    let cluster = Cluster::start("runc");
    cluster.apply(node("node-1", "uid-of-node-1", "192.0.2.100"));
    let web = owner("apps/v1", "Deployment", "shop", "web", "uid-of-web");
    let replicas = owned_by(owner("apps/v1", "ReplicaSet", "shop", "web-5d8", "uid-of-5d8"), &web);
    let report = owner("batch/v1", "CronJob", "shop", "report", "uid-of-report");
    let job = owned_by(owner("batch/v1", "Job", "shop", "report-29", "uid-of-29"), &report);
    let log = owner("apps/v1", "DaemonSet", "shop", "log", "uid-of-log");
    for object in [&replicas, &job] {
        cluster.apply(object.clone());
    }
    let [first, second] = CLIENTS;
    for (one, controller, ip) in [
        (&SERVER, &replicas, SERVER_ADDRESS),
        (&first, &job, "192.0.2.1"),
        (&second, &log, "192.0.2.3"),
    ] {
        let pod = pod("shop", &format!("{}-x1", one.name), one.uid, "node-1", ip);
        cluster.apply(owned_by(pod, controller));
    }
    cluster
}

fn serve(cgroup: &Cgroup, folder: &Folder, namespace: &str) -> Container {
    let configuration = "daemon off; user root; worker_processes 2; pid /tmp/nginx.pid;\n\
         error_log stderr crit; events { worker_connections 512; }\n\
         http { access_log off; server { listen 443 ssl;\n\
         ssl_certificate /work/server.pem; ssl_certificate_key /work/server.key;\n\
         location / { return 200 ok; } } }\n";
    fs::write(folder.path().join("nginx.conf"), configuration).unwrap();
    let script = "exec nginx -p /tmp -c /work/nginx.conf";
    Container::run(cgroup, folder.path(), &SERVER.plan(namespace, script))
}

/// Has many clients ask, some of them at a time, each for a name of its own; each says its number,
/// and that which its process has outside.
fn script(client: &str) -> String {
    format!(
        "seq {CLIENTS_IN_EACH} | xargs -P {AT_ONCE} -n 1 sh -c '\
         read -r pid rest < /hostproc/self/stat; echo \"$1 $pid\"; name=n$1.{client}.test; \
         exec curl -sk -o /dev/null --connect-to \"$name:443:{SERVER_ADDRESS}:443\" \
         \"https://$name/\"' sh"
    )
}

/// Waits until nginx listens in the network namespace of a process.
fn wait_for_port(pid: u32) {
    wait_until("nginx listens", || {
        let sockets = fs::read_to_string(format!("/proc/{pid}/net/tcp")).unwrap_or_default();
        sockets.contains(":01BB 00000000:0000 0A")
    });
}

const SERVER: Pod = Pod {
    name: "web",
    uid: "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9",
    cgroup: "kubepods.slice/kubepods-pod0a1b2c3d_4e5f_6071_8293_a4b5c6d7e8f9.slice/crio-ID.scope",
    runtime: "cri-o",
    workload: ("Deployment", "web"),
    digit: "a",
};

/// One with the kubelet's own cgroup driver, one with that of systemd.
const CLIENTS: [Pod; 2] = [
    Pod {
        name: "report",
        uid: "1a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9",
        cgroup: "kubepods/besteffort/pod1a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9/ID",
        runtime: "containerd",
        workload: ("CronJob", "report"),
        digit: "b",
    },
    Pod {
        name: "log",
        uid: "2a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9",
        cgroup: "kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod2a1b2c3d_4e5f_6071_8293_a4b5c6d7e8f9.slice/cri-containerd-ID.scope",
        runtime: "containerd",
        workload: ("DaemonSet", "log"),
        digit: "c",
    },
];

/// In each of the two containers; ten in each at a time make twenty.
const CLIENTS_IN_EACH: u16 = 200;
const AT_ONCE: u16 = 10;
