//! Answers that no API should give: bounded, counted, and without harm to what is known.

use cluster::{Cluster, owned_by, owner, pod, service, wait_until};
use event::Knowledge;
use workload::{Connection, KubernetesError, Options, Resource, Right, Workloads, rights};

use super::session::{NODE, client, session_of, status, uid, wait_for, watch, watch_all};

#[test]
fn owners_that_belong_to_each_other_end() {
    let cluster = Cluster::start("cyclic");
    let one = owner("apps/v1", "ReplicaSet", "shop", "a", "uid-of-a");
    let other = owned_by(owner("apps/v1", "ReplicaSet", "shop", "b", "uid-of-b"), &one);
    let one = owned_by(one, &other);
    cluster.apply(other);
    cluster.apply(one.clone());
    cluster.apply(owned_by(pod("shop", "web-1", &uid(1), NODE, "10.1.0.1"), &one));
    let mut workloads = watch_all(&cluster);
    let event = session_of(&mut workloads, &uid(1));
    assert_eq!(client(&event).pod, Some(Knowledge::Known));
    assert_eq!(client(&event).workload, Some(Knowledge::Unknown));
    let status = workloads.meter().kubernetes().unwrap();
    assert_eq!((status.endless_chains, status.owners), (1, 2));
    assert_eq!(cluster.requests("get replicasets"), 2);
}

#[test]
fn lines_that_make_no_sense_are_counted_and_the_watch_goes_on() {
    let cluster = Cluster::start("nonsense");
    let mut workloads = watch_all(&cluster);
    let meter = workloads.meter();
    let deep = format!(r#"{{"type":"ADDED","object":{}}}"#, "[".repeat(100_000));
    for line in [
        "",
        "{",
        "null",
        "\u{0}\u{1}",
        &deep,
        r#"{"type":"ADDED"}"#,
        r#"{"type":"ADDED","object":[]}"#,
        r#"{"type":"ADDED","object":{"metadata":{"name":"../x","uid":"u","resourceVersion":"1"}}}"#,
        r#"{"type":"DELETED","object":{"metadata":{"resourceVersion":"1"}}}"#,
        r#"{"type":"NEWS","object":{"metadata":{"resourceVersion":"1"}}}"#,
    ] {
        cluster.write_line("/api/v1/pods", line);
    }
    cluster.apply(pod("shop", "web-1", &uid(1), NODE, "10.1.0.1"));
    assert_eq!(client(&session_of(&mut workloads, &uid(1))).pod, Some(Knowledge::Known));
    let status = status(&meter, Resource::Pods);
    assert!(status.malformed >= 8, "{status:?}");
    assert_eq!((status.objects, status.watches, status.failures), (1, 1, 0));
}

#[test]
fn an_object_that_is_too_large_is_counted_and_the_watch_goes_on() {
    let cluster = Cluster::start("huge");
    let mut workloads = watch_all(&cluster);
    let mut huge = pod("shop", "huge", &uid(1), NODE, "10.1.0.1");
    huge["metadata"]["annotations"] = serde_json::json!({ "x": "x".repeat(5 << 20) });
    cluster.apply(huge);
    cluster.apply(pod("shop", "web-1", &uid(2), NODE, "10.1.0.2"));
    assert_eq!(client(&session_of(&mut workloads, &uid(2))).pod, Some(Knowledge::Known));
    let status = status(&workloads.meter(), Resource::Pods);
    assert_eq!((status.too_long, status.objects), (1, 1));
}

#[test]
fn a_list_that_is_too_large_is_asked_for_in_smaller_pages() {
    let cluster = Cluster::start("large-list");
    for number in 0..9 {
        let mut pod = pod("shop", &format!("web-{number}"), &uid(number), NODE, "10.1.0.1");
        pod["metadata"]["annotations"] = serde_json::json!({ "x": "x".repeat(2 << 20) });
        cluster.apply(pod);
    }
    let mut workloads = watch_all(&cluster);
    let event =
        wait_for(&mut workloads, &uid(8), |event| client(event).pod == Some(Knowledge::Known));
    assert!(event.kubernetes.is_some());
    let status = status(&workloads.meter(), Resource::Pods);
    assert!(status.failures >= 1, "{status:?}");
    assert_eq!(status.objects, 9);
}

#[test]
fn lists_that_make_no_sense_leave_what_is_known_and_are_asked_for_again() {
    for (number, text) in (0..).zip(["", "[]", "{\"items\":7}", "{}", &"[".repeat(100_000)]) {
        let cluster = Cluster::start(&format!("wrong-list-{number}"));
        cluster.apply(service("shop", "api", "uid-of-api", "10.96.0.1"));
        cluster.answer_lists_with("/api/v1/services", Some(text.to_owned()));
        let workloads = watch(&cluster);
        let meter = workloads.meter();
        wait_until("it is asked for again", || cluster.requests("list services") >= 2);
        let before = status(&meter, Resource::Services);
        assert_eq!((before.knowledge, before.objects), (Knowledge::Unknown, 0), "{text:.20}");
        assert!(before.failures >= 1 && before.trouble.is_some());
        cluster.answer_lists_with("/api/v1/services", None);
        wait_until("it is known", || status(&meter, Resource::Services).objects == 1);
    }
}

#[test]
fn objects_that_make_no_sense_in_a_list_are_left_out_and_counted() {
    let cluster = Cluster::start("wrong-items");
    let good = service("shop", "api", "uid-of-api", "10.96.0.1");
    let list = serde_json::json!({
        "metadata": { "resourceVersion": "1" },
        "items": [7, null, { "metadata": { "name": "A/B", "uid": "x" } }, good],
    });
    cluster.answer_lists_with("/api/v1/services", Some(list.to_string()));
    let workloads = watch_all(&cluster);
    let status = status(&workloads.meter(), Resource::Services);
    assert_eq!((status.objects, status.malformed), (1, 3));
}

#[test]
fn a_version_that_cannot_be_one_is_not_gone_on_from() {
    let cluster = Cluster::start("long-version");
    let list = serde_json::json!({ "metadata": { "resourceVersion": "1".repeat(100) } });
    cluster.answer_lists_with("/api/v1/services", Some(list.to_string()));
    let _workloads = watch(&cluster);
    wait_until("it is asked for again", || cluster.requests("list services") >= 2);
    assert_eq!(cluster.requests("watch services"), 0);
}

#[test]
fn pages_without_an_end_are_given_up() {
    let cluster = Cluster::start("endless-pages");
    let list = serde_json::json!({ "metadata": { "resourceVersion": "1", "continue": "x" } });
    cluster.answer_lists_with("/api/v1/pods", Some(list.to_string()));
    let workloads = watch(&cluster);
    let meter = workloads.meter();
    wait_until("they are given up", || status(&meter, Resource::Pods).failures >= 1);
    assert_eq!(status(&meter, Resource::Pods).knowledge, Knowledge::Unknown);
}

#[test]
fn a_refusal_is_told_and_costs_only_what_is_refused() {
    let cluster = Cluster::start("refused");
    cluster.deny("list nodes");
    cluster.apply(pod("shop", "web-1", &uid(1), NODE, "10.1.0.1"));
    let mut workloads = watch(&cluster);
    wait_for(&mut workloads, &uid(1), |event| client(event).pod == Some(Knowledge::Known));
    let meter = workloads.meter();
    wait_until("the refusal is told", || status(&meter, Resource::Nodes).trouble.is_some());
    assert_eq!(
        status(&meter, Resource::Nodes).trouble.as_deref(),
        Some("403 list nodes is forbidden")
    );
}

#[test]
fn rights_that_are_not_given_are_named() {
    let cluster = Cluster::start("rights");
    let connection = Connection::Kubeconfig(cluster.kubeconfig());
    assert_eq!(rights(&connection).unwrap().lacking, []);
    cluster.deny("get jobs");
    cluster.deny("watch pods");
    let lacking: Vec<String> =
        rights(&connection).unwrap().lacking.iter().map(Right::to_string).collect();
    assert_eq!(lacking, ["watch pods", "get jobs.batch"]);
    cluster.set_reachable(false);
    assert!(matches!(rights(&connection), Err(KubernetesError::Silent { .. })));
}

#[test]
fn a_kubeconfig_that_makes_no_sense_is_refused_with_its_path() {
    let cluster = Cluster::start("kubeconfig");
    let path = cluster.folder().join("wrong");
    let start = || {
        let options = Options {
            connection: Connection::Kubeconfig(path.clone()),
            node: NODE.to_owned(),
            cluster: None,
            labels: Vec::new(),
            stale_after: Options::STALE_AFTER,
            only_pods: false,
        };
        Workloads::start(Some(options)).unwrap_err().to_string()
    };
    assert!(start().contains("wrong"), "{}", start());
    for text in ["", "[", "apiVersion: v1\ncurrent-context: missing\n"] {
        std::fs::write(&path, text).unwrap();
        assert!(start().starts_with("cannot use the kubeconfig /"), "{}", start());
    }
}
