//! Changes, interruptions, and what is known meanwhile.

use std::time::{Duration, Instant};

use cluster::{Cluster, node, pod, service, wait_until};
use event::Knowledge;
use workload::{PodName, PodNames, Resource, Workloads};

use super::session::{
    NODE, client, options, server, session, session_of, session_with, session_with_named, status,
    take, uid, wait_for, watch, watch_all,
};

#[test]
fn a_pod_that_is_made_later_is_known_without_another_list() {
    let cluster = Cluster::start("later");
    let mut workloads = watch_all(&cluster);
    let meter = workloads.meter();
    cluster.apply(pod("shop", "web-1", &uid(1), NODE, "10.1.0.1"));
    let event = session_of(&mut workloads, &uid(1));
    assert_eq!(client(&event).pod, Some(Knowledge::Known));
    assert_eq!((status(&meter, Resource::Pods).lists, meter.pods_unknown()), (1, 0));
}

#[test]
fn only_pods_of_ones_own_node_are_asked_for() {
    let cluster = Cluster::start("own-node");
    cluster.apply(pod("shop", "here", &uid(1), NODE, "10.1.0.1"));
    cluster.apply(pod("shop", "there", &uid(2), "node-2", "10.2.0.1"));
    let workloads = watch_all(&cluster);
    assert_eq!(status(&workloads.meter(), Resource::Pods).objects, 1);
    for what in ["list pods", "watch pods"] {
        let queries = cluster.queries(what);
        assert!(!queries.is_empty());
        assert!(queries.iter().all(|query| query.contains("fieldSelector=spec.nodeName%3Dnode-1")));
    }
}

#[test]
fn lists_come_in_pages() {
    let cluster = Cluster::start("pages");
    for number in 0..120 {
        let name = format!("service-{number}");
        cluster.apply(service("shop", &name, &uid(number), &format!("10.96.0.{number}")));
    }
    let mut workloads = watch_all(&cluster);
    assert_eq!(status(&workloads.meter(), Resource::Services).objects, 120);
    assert_eq!(cluster.requests("list services"), 3);
    let event = session_with_named(&mut workloads, "10.96.0.119");
    let service = event.server.kubernetes.as_ref().unwrap().service.as_ref().unwrap();
    assert_eq!(&*service.name, "service-119");
}

#[test]
fn an_end_elsewhere_is_named_by_its_address() {
    let cluster = Cluster::start("peers");
    cluster.apply(pod("shop", "db-0", &uid(1), NODE, "10.1.0.1"));
    cluster.apply(service("shop", "api", "uid-of-api", "10.96.0.1"));
    cluster.apply(node("node-2", "uid-of-node-2", "192.0.2.2"));
    let mut workloads = watch_all(&cluster);
    for (address, kind, name) in [
        ("10.1.0.1", "pod", "db-0"),
        ("10.96.0.1", "service", "api"),
        ("192.0.2.2", "node", "node-2"),
    ] {
        let event = session_with_named(&mut workloads, address);
        let resource = &event.server.orchestrator.as_ref().unwrap().resource;
        assert_eq!((resource.kind, &*resource.name), (kind, name));
        assert_eq!(server(&event).peer, Some(Knowledge::Known));
        assert_eq!(server(&event).pod, None);
        let own = event.client.kubernetes.as_ref().unwrap().node.as_ref().unwrap();
        assert_eq!(&*own.name, NODE);
    }
    let event = session_with(&mut workloads, "198.51.100.1");
    assert_eq!(server(&event).peer, Some(Knowledge::Unknown));
    assert_eq!(event.server.kubernetes, None);
}

#[test]
fn a_pod_that_takes_the_name_and_address_of_another_is_another() {
    let cluster = Cluster::start("reused");
    cluster.apply(pod("shop", "db-0", &uid(1), NODE, "10.1.0.1"));
    let mut workloads = watch_all(&cluster);
    cluster.delete(PODS, "db-0");
    cluster.apply(pod("shop", "db-0", &uid(2), NODE, "10.1.0.1"));
    let event = session_of(&mut workloads, &uid(2));
    let id = event.orchestrator.as_ref().unwrap().resource.id.as_deref();
    assert_eq!(id, Some(&*uid(2)));
    let old = session_of(&mut workloads, &uid(1));
    assert_eq!(
        client(&old).pod,
        Some(Knowledge::Known),
        "its last sessions are told after its end"
    );
    assert_eq!(old.orchestrator.as_ref().unwrap().resource.id.as_deref(), Some(&*uid(1)));
    let peer = session_with(&mut workloads, "10.1.0.1");
    let id = peer.server.orchestrator.as_ref().unwrap().resource.id.as_deref();
    assert_eq!(id, Some(&*uid(2)), "the address is that of the one which is there");
    assert_eq!(status(&workloads.meter(), Resource::Pods).objects, 1);
}

#[test]
fn a_watch_goes_on_where_the_last_one_broke_off() {
    let cluster = Cluster::start("broken-off");
    cluster.apply(pod("shop", "web-1", &uid(1), NODE, "10.1.0.1"));
    let mut workloads = watch_all(&cluster);
    cluster.bookmark(PODS);
    cluster.apply(pod("shop", "web-2", &uid(2), NODE, "10.1.0.2"));
    wait_for(&mut workloads, &uid(2), is_known);
    cluster.drop_connections();
    cluster.apply(pod("shop", "web-3", &uid(3), NODE, "10.1.0.3"));
    wait_for(&mut workloads, &uid(3), is_known);
    let status = status(&workloads.meter(), Resource::Pods);
    assert_eq!((status.lists, status.gone), (1, 0));
    assert!(status.watches >= 2 && status.failures >= 1, "{status:?}");
    let versions: Vec<String> = cluster
        .queries("watch pods")
        .iter()
        .map(|query| query.split("resourceVersion=").nth(1).unwrap().to_owned())
        .collect();
    assert_eq!(versions.last().unwrap(), "3", "that of the last event: {versions:?}");
}

#[test]
fn a_version_that_is_no_longer_kept_has_all_listed_again() {
    let cluster = Cluster::start("gone");
    cluster.apply(pod("shop", "web-1", &uid(1), NODE, "10.1.0.1"));
    cluster.apply(pod("shop", "web-2", &uid(2), NODE, "10.1.0.2"));
    let mut workloads = watch_all(&cluster);
    let meter = workloads.meter();
    // As an event of a watch.
    cluster.expire_watches();
    cluster.apply(pod("shop", "web-3", &uid(3), NODE, "10.1.0.3"));
    wait_for(&mut workloads, &uid(3), is_known);
    let after = status(&meter, Resource::Pods);
    assert!(after.gone >= 1 && after.lists >= 2, "{after:?}");
    // As the answer to a watch that goes on from too long ago; meanwhile a pod was deleted.
    cluster.set_reachable(false);
    cluster.delete(PODS, "web-2");
    cluster.apply(pod("shop", "web-4", &uid(4), NODE, "10.1.0.2"));
    cluster.forget_history();
    cluster.set_reachable(true);
    wait_for(&mut workloads, &uid(4), is_known);
    let last = status(&meter, Resource::Pods);
    assert!(last.gone > after.gone && last.lists > after.lists, "{last:?}");
    assert_eq!(last.objects, 3);
    let holder = session_with(&mut workloads, "10.1.0.2");
    assert_eq!(&*holder.server.orchestrator.as_ref().unwrap().resource.name, "web-4");
}

#[test]
fn what_was_told_before_the_api_went_away_is_stale_until_it_is_back() {
    let cluster = Cluster::start("stale");
    cluster.apply(pod("shop", "web-1", &uid(1), NODE, "10.1.0.1"));
    cluster.apply(service("shop", "api", "uid-of-api", "10.96.0.1"));
    let mut workloads = watch_all(&cluster);
    let meter = workloads.meter();
    assert!(is_known(&session_of(&mut workloads, &uid(1))));
    cluster.set_reachable(false);
    let event =
        wait_for(&mut workloads, &uid(1), |event| client(event).pod == Some(Knowledge::Stale));
    assert_eq!(client(&event).workload, Some(Knowledge::Stale));
    assert!(event.kubernetes.as_ref().unwrap().pod.as_ref().unwrap().name.is_some());
    wait_until("the service is stale too", || {
        server(&session_with(&mut workloads, "10.96.0.1")).peer == Some(Knowledge::Stale)
    });
    assert!(status(&meter, Resource::Pods).trouble.is_some());
    assert_eq!(status(&meter, Resource::Pods).knowledge, Knowledge::Stale);
    let begun = Instant::now();
    assert_eq!(client(&session_of(&mut workloads, &uid(2))).pod, Some(Knowledge::Unknown));
    assert!(begun.elapsed() < Workloads::LONGEST_WAIT, "nobody waits for an API that is away");
    cluster.set_reachable(true);
    wait_for(&mut workloads, &uid(1), is_known);
    assert_eq!(status(&meter, Resource::Pods).trouble, None);
}

#[test]
fn a_pod_that_is_not_told_is_waited_for_once_and_unknown() {
    let cluster = Cluster::start("unknown");
    let mut workloads = watch_all(&cluster);
    let begun = Instant::now();
    let event = session_of(&mut workloads, &uid(7));
    assert!(begun.elapsed() >= Workloads::LONGEST_WAIT);
    assert_eq!(client(&event).pod, Some(Knowledge::Unknown));
    assert_eq!(client(&event).workload, Some(Knowledge::Unknown));
    let told = event.kubernetes.as_ref().unwrap().pod.as_ref().unwrap();
    assert_eq!((&*told.uid, &told.name), (&*uid(7), &None));
    let begun = Instant::now();
    session_of(&mut workloads, &uid(7));
    assert!(begun.elapsed() < Workloads::LONGEST_WAIT);
    assert_eq!(workloads.meter().pods_unknown(), 2);
    cluster.apply(pod("shop", "late", &uid(7), NODE, "10.1.0.7"));
    wait_for(&mut workloads, &uid(7), is_known);
}

#[test]
fn events_that_are_held_come_out_in_order_and_at_the_end_at_once() {
    let cluster = Cluster::start("held");
    let mut workloads = watch_all(&cluster);
    for number in 1..4 {
        let path = format!("/kubepods/pod{}/x", uid(number));
        assert!(take(&mut workloads, session(Some(&path), "198.51.100.7")).is_none());
    }
    assert!(workloads.next_due().is_none(), "it is not yet time");
    let uids = std::iter::from_fn(|| workloads.next_held())
        .map(|event| event.kubernetes.as_ref().unwrap().pod.as_ref().unwrap().uid.to_string());
    assert_eq!(uids.collect::<Vec<_>>(), [uid(1), uid(2), uid(3)]);
}

#[test]
fn without_an_api_the_pod_of_a_cgroup_is_unknown_and_nothing_is_waited_for() {
    let mut workloads = Workloads::without_kubernetes().unwrap();
    let path = format!("/kubepods/pod{}/x", uid(1));
    let event = take(&mut workloads, session(Some(&path), "198.51.100.7")).unwrap();
    assert_eq!(client(&event).pod, Some(Knowledge::Unknown));
    assert_eq!(event.tlsight.workload.as_ref().unwrap().server, None);
    let event = take(&mut workloads, session(Some("/user.slice"), "198.51.100.7")).unwrap();
    assert_eq!((event.kubernetes, event.tlsight.workload), (None, None));
    assert_eq!((workloads.meter().kubernetes(), workloads.meter().pods_unknown()), (None, 0));
}

#[test]
fn an_api_that_is_not_there_yet_is_asked_until_it_is() {
    let cluster = Cluster::start("not-yet");
    cluster.apply(pod("shop", "web-1", &uid(1), NODE, "10.1.0.1"));
    cluster.set_reachable(false);
    let mut workloads = watch(&cluster);
    let begun = Instant::now();
    assert_eq!(client(&session_of(&mut workloads, &uid(1))).pod, Some(Knowledge::Unknown));
    assert!(begun.elapsed() < Duration::from_secs(5));
    cluster.set_reachable(true);
    wait_for(&mut workloads, &uid(1), is_known);
}

fn is_known(event: &event::TlsEvent) -> bool {
    client(event).pod == Some(Knowledge::Known)
}

const PODS: &str = "/api/v1/pods";

#[test]
fn names_of_pods_are_known_while_they_are_there_and_stay_known_in_silence() {
    let cluster = Cluster::start("names");
    cluster.apply(pod("shop", "web-1", &uid(1), NODE, "10.1.0.1"));
    cluster.apply(pod("shop", "web-2", &uid(2), NODE, "10.1.0.2"));
    let mut names = PodNames::start(options(&cluster)).unwrap();
    let name = |namespace: &str, name: &str| {
        Some(PodName { namespace: namespace.into(), name: name.into() })
    };
    wait_until("a pod is known", || names.get(&uid(1)) == name("shop", "web-1"));
    cluster.delete("/api/v1/pods", "web-1");
    wait_until("the pod is gone", || names.get(&uid(1)).is_none());
    cluster.set_reachable(false);
    wait_until("the API is silent", || {
        names.status().watches.iter().any(|watch| watch.knowledge == Knowledge::Stale)
    });
    assert_eq!(names.get(&uid(2)), name("shop", "web-2"));
    for other in ["list services", "list nodes", "watch services", "watch nodes"] {
        assert_eq!(cluster.requests(other), 0, "{other}");
    }
}
