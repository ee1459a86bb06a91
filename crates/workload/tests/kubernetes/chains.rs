//! From pods to what they belong to.

use cluster::{Cluster, owned_by, owner, pod};
use event::{Knowledge, Kubernetes, Named};

use super::session::{NODE, client, session_of, uid, watch_all};

#[test]
fn the_workload_of_a_pod_is_told_whatever_its_kind() {
    let cluster = Cluster::start("chains");
    let make = |api, kind, name: &str| owner(api, kind, "shop", name, &format!("uid-of-{name}"));
    let deployment = make("apps/v1", "Deployment", "web");
    let replica_set = owned_by(make("apps/v1", "ReplicaSet", "web-5d8"), &deployment);
    let cron_job = make("batch/v1", "CronJob", "report");
    let job_of_it = owned_by(make("batch/v1", "Job", "report-29"), &cron_job);
    let job = make("batch/v1", "Job", "once");
    for object in [&replica_set, &job_of_it, &job] {
        cluster.apply(object.clone());
    }
    let stateful_set = make("apps/v1", "StatefulSet", "db");
    let daemon_set = make("apps/v1", "DaemonSet", "log");
    let cases = [
        (&replica_set, Some(("Deployment", "web")), "deployment=web replicaset=web-5d8"),
        (&stateful_set, Some(("StatefulSet", "db")), "statefulset=db"),
        (&daemon_set, Some(("DaemonSet", "log")), "daemonset=log"),
        (&job, Some(("Job", "once")), "job=once"),
        (&job_of_it, Some(("CronJob", "report")), "job=report-29 cronjob=report"),
    ];
    for (number, (controller, ..)) in (1..).zip(&cases) {
        let name = format!("pod-{number}");
        let pod = pod("shop", &name, &uid(number), NODE, &format!("10.1.0.{number}"));
        cluster.apply(owned_by(pod, controller));
    }
    cluster.apply(pod("shop", "alone", &uid(9), NODE, "10.1.0.99"));
    let mut workloads = watch_all(&cluster);
    for (number, (_, workload, fields)) in (1..).zip(cases) {
        let event = session_of(&mut workloads, &uid(number));
        assert_workload(&event, workload);
        assert_eq!(named(event.kubernetes.as_deref().unwrap()), fields);
    }
    assert_workload(&session_of(&mut workloads, &uid(9)), None);
}

#[test]
fn a_pod_is_told_with_all_that_is_known_of_it() {
    let cluster = Cluster::start("whole-pod");
    let controller = owner("apps/v1", "DaemonSet", "shop", "log", "uid-of-log");
    let pod = pod("shop", "log-x2", &uid(1), NODE, "10.1.0.1");
    cluster.apply(owned_by(pod, &controller));
    let mut workloads = watch_all(&cluster);
    let event = session_of(&mut workloads, &uid(1));
    let kubernetes = event.kubernetes.as_deref().unwrap();
    assert_eq!(event.client.kubernetes.as_deref(), Some(kubernetes));
    let shown = serde_json::to_value(kubernetes).unwrap();
    let expected = serde_json::json!({
        "namespace": "shop",
        "pod": { "name": "log-x2", "uid": uid(1), "ip": "10.1.0.1" },
        "node": { "name": NODE },
        "daemonset": { "name": "log" },
        "labels": { "app_kubernetes_io/name": "log-x2" },
    });
    assert_eq!(shown, expected);
    let orchestrator = serde_json::to_value(event.orchestrator.as_deref().unwrap()).unwrap();
    let expected = serde_json::json!({
        "type": "kubernetes",
        "namespace": "shop",
        "cluster": { "name": cluster::CLUSTER },
        "resource": {
            "type": "pod", "name": "log-x2", "id": uid(1), "parent": { "type": "DaemonSet" },
        },
    });
    assert_eq!(orchestrator, expected);
}

#[test]
fn a_static_pod_is_known_by_the_hash_that_the_kubelet_calls_it() {
    let cluster = Cluster::start("static-pod");
    let hash = "0f".repeat(16);
    let mut pod = pod("kube-system", "etcd-n1", &uid(1), NODE, "192.0.2.1");
    pod["metadata"]["annotations"] = serde_json::json!({ "kubernetes.io/config.hash": hash });
    cluster.apply(pod);
    let mut workloads = watch_all(&cluster);
    let event = session_of(&mut workloads, &hash);
    let pod = event.kubernetes.as_ref().unwrap().pod.as_ref().unwrap();
    assert_eq!((pod.name.as_deref(), &*pod.uid), (Some("etcd-n1"), &*uid(1)));
    assert_eq!(client(&event).pod, Some(Knowledge::Known));
}

#[test]
fn without_the_right_to_see_owners_the_pod_is_known_and_its_workload_is_not() {
    let cluster = Cluster::start("denied-owners");
    cluster.deny("get replicasets");
    let controller = owner("apps/v1", "ReplicaSet", "shop", "web-5d8", "uid-of-it");
    cluster.apply(controller.clone());
    cluster.apply(owned_by(pod("shop", "web-1", &uid(1), NODE, "10.1.0.1"), &controller));
    let mut workloads = watch_all(&cluster);
    let event = session_of(&mut workloads, &uid(1));
    let state = client(&event);
    assert_eq!(state.pod, Some(Knowledge::Known));
    assert_eq!((state.workload, &state.kind), (Some(Knowledge::Unknown), &None));
    assert_eq!(named(event.kubernetes.as_deref().unwrap()), "replicaset=web-5d8");
    assert_eq!(workloads.meter().kubernetes().unwrap().owner_failures, 1);
}

#[test]
fn an_owner_whose_name_another_object_has_taken_is_not_it() {
    let cluster = Cluster::start("taken-name");
    let gone = owner("apps/v1", "ReplicaSet", "shop", "web-5d8", "uid-of-the-old");
    let deployment = owner("apps/v1", "Deployment", "shop", "other", "uid-of-other");
    let new = owner("apps/v1", "ReplicaSet", "shop", "web-5d8", "uid-of-the-new");
    cluster.apply(owned_by(new, &deployment));
    cluster.apply(owned_by(pod("shop", "web-1", &uid(1), NODE, "10.1.0.1"), &gone));
    let mut workloads = watch_all(&cluster);
    let event = session_of(&mut workloads, &uid(1));
    assert_eq!(client(&event).workload, Some(Knowledge::Unknown));
}

fn assert_workload(event: &event::TlsEvent, workload: Option<(&str, &str)>) {
    let state = client(event);
    assert_eq!((state.pod, state.workload), (Some(Knowledge::Known), Some(Knowledge::Known)));
    assert_eq!(state.kind.as_deref().zip(state.name.as_deref()), workload);
    let parent = event.orchestrator.as_ref().unwrap().resource.parent.as_ref();
    assert_eq!(parent.map(|parent| &*parent.kind), workload.map(|(kind, _)| kind));
}

/// The fields for the names of owners that are there.
fn named(kubernetes: &Kubernetes) -> String {
    let fields: [(&str, &Option<Named>); 6] = [
        ("deployment", &kubernetes.deployment),
        ("replicaset", &kubernetes.replicaset),
        ("statefulset", &kubernetes.statefulset),
        ("daemonset", &kubernetes.daemonset),
        ("job", &kubernetes.job),
        ("cronjob", &kubernetes.cronjob),
    ];
    let there = fields
        .iter()
        .filter_map(|(field, named)| named.as_ref().map(|named| format!("{field}={}", named.name)));
    there.collect::<Vec<_>>().join(" ")
}
