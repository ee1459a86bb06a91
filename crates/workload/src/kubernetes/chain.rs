//! What a pod belongs to: from its controller to the controller of that, and so on.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::object::Owner;

/// The objects between pods and their workloads, by unique id.
#[derive(Debug, Default)]
pub(crate) struct Owners {
    known: HashMap<Arc<str>, Asked>,
}

/// What came of asking for an object.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Asked {
    /// It is there, with this controller.
    Found(Option<Owner>),
    /// It is not there, or was not told; it is asked for again after that time.
    Failed(Instant),
}

/// From a pod to its workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Walk {
    /// The controllers, the pod's own first.
    pub(crate) owners: Vec<Owner>,
    pub(crate) end: WalkEnd,
}

/// How a walk ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WalkEnd {
    /// At the workload.
    Workload,
    /// At an object that is to be asked for.
    Wanted(Wanted),
    /// At an object that could not be had.
    Failed,
    /// After too many objects: they belong to each other.
    Endless,
}

/// An object whose controller is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) path: String,
    pub(crate) name: Arc<str>,
    pub(crate) uid: Arc<str>,
}

impl Owners {
    /// Walks up from the controller of a pod in `namespace`.
    pub(crate) fn walk(&self, controller: Option<&Owner>, namespace: &str, now: Instant) -> Walk {
        let mut owners = Vec::new();
        let mut next = controller;
        while let Some(owner) = next {
            if owners.len() >= MAX_CHAIN {
                return Walk { owners, end: WalkEnd::Endless };
            }
            owners.push(owner.clone());
            let Some(plural) = between(owner) else { break };
            next = match self.known.get(&owner.uid) {
                Some(Asked::Found(controller)) => controller.as_ref(),
                Some(Asked::Failed(until)) if now < *until => {
                    return Walk { owners, end: WalkEnd::Failed };
                }
                Some(Asked::Failed(_)) | None => {
                    let path = format!("/apis/{}/v1/namespaces/{namespace}/{plural}", owner.group);
                    let (name, uid) = (Arc::clone(&owner.name), Arc::clone(&owner.uid));
                    return Walk { owners, end: WalkEnd::Wanted(Wanted { path, name, uid }) };
                }
            };
        }
        Walk { owners, end: WalkEnd::Workload }
    }

    /// Takes note of the controller of an object.
    pub(crate) fn found(&mut self, uid: &Arc<str>, controller: Option<Owner>) {
        self.known.insert(Arc::clone(uid), Asked::Found(controller));
    }

    /// Takes note that an object cannot be had; it is not asked for before `now` + `wait`.
    pub(crate) fn failed(&mut self, uid: &Arc<str>, now: Instant, wait: Duration) {
        let until = now.checked_add(wait).unwrap_or(now);
        self.known.insert(Arc::clone(uid), Asked::Failed(until));
    }

    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    /// Forgets all that no walk needs.
    pub(crate) fn keep(&mut self, needed: impl Fn(&Arc<str>) -> bool) {
        self.known.retain(|uid, _| needed(uid));
    }
}

/// The plural of a kind that stands between pods and workloads; others are workloads themselves.
fn between(owner: &Owner) -> Option<&'static str> {
    match (&*owner.group, &*owner.kind) {
        ("apps", "ReplicaSet") => Some("replicasets"),
        ("batch", "Job") => Some("jobs"),
        _ => None,
    }
}

/// Pod, `ReplicaSet` and `Deployment` are the longest that Kubernetes itself makes.
const MAX_CHAIN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_workload_is_reached() {
        let now = Instant::now();
        for (first, group, second, links) in [
            ("ReplicaSet", "apps", Some(("Deployment", "apps")), 2),
            ("StatefulSet", "apps", None, 1),
            ("DaemonSet", "apps", None, 1),
            ("Job", "batch", None, 1),
            ("Job", "batch", Some(("CronJob", "batch")), 2),
            ("ReplicaSet", "apps", Some(("Rollout", "argoproj.io")), 2),
            ("Node", "", None, 1),
        ] {
            let pods = owner(first, group, "first");
            let mut owners = Owners::default();
            owners.found(&pods.uid, second.map(|(kind, group)| owner(kind, group, "second")));
            let walk = owners.walk(Some(&pods), "shop", now);
            assert_eq!((walk.owners.len(), walk.end), (links, WalkEnd::Workload), "{first}");
        }
        assert_eq!(Owners::default().walk(None, "shop", now).end, WalkEnd::Workload);
    }

    #[test]
    fn an_object_that_is_not_known_is_wanted_and_after_a_failure_not_at_once() {
        let (now, wait) = (Instant::now(), Duration::from_secs(30));
        let pods = owner("ReplicaSet", "apps", "web-1");
        let mut owners = Owners::default();
        let wanted = Wanted {
            path: "/apis/apps/v1/namespaces/shop/replicasets".to_owned(),
            name: "web-1".into(),
            uid: "uid-of-web-1".into(),
        };
        let end = |owners: &Owners, now| owners.walk(Some(&pods), "shop", now).end;
        assert_eq!(end(&owners, now), WalkEnd::Wanted(wanted.clone()));
        owners.failed(&pods.uid, now, wait);
        assert_eq!(end(&owners, now), WalkEnd::Failed);
        assert_eq!(end(&owners, now + wait), WalkEnd::Wanted(wanted));
    }

    #[test]
    fn objects_that_belong_to_each_other_are_left() {
        let (one, other) = (owner("ReplicaSet", "apps", "a"), owner("ReplicaSet", "apps", "b"));
        let mut owners = Owners::default();
        owners.found(&one.uid, Some(other.clone()));
        owners.found(&other.uid, Some(one.clone()));
        let walk = owners.walk(Some(&one), "shop", Instant::now());
        assert_eq!((walk.owners.len(), walk.end), (MAX_CHAIN, WalkEnd::Endless));
    }

    fn owner(kind: &str, group: &str, name: &str) -> Owner {
        let uid = format!("uid-of-{name}");
        Owner { kind: kind.into(), group: group.into(), name: name.into(), uid: uid.into() }
    }
}
