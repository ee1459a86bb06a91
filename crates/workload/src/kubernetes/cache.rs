//! What has been told, and what follows from it. It does no I/O: objects and times come in, snapshots
//! go out.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use event::{Kubernetes, Named, Orchestrator, OrchestratorParent, OrchestratorResource, Pod};

use super::chain::{Owners, Walk, WalkEnd, Wanted};
use super::object::{Object, Owner};
use super::resource::Resource;
use super::snapshot::{Chain, PeerFacts, PodFacts, PodsView, Snapshot, Sync};
use super::table::Table;

/// What has been told.
#[derive(Debug)]
pub(crate) struct Cache {
    pods: Table,
    services: Table,
    nodes: Table,
    owners: Owners,
    snapshot: Snapshot,
    /// Kinds that have changed since the last snapshot.
    changed: [bool; 3],
    endless: u64,
}

impl Cache {
    /// Nothing has been told of the cluster with this name.
    pub(crate) fn new(cluster: Option<&str>) -> Self {
        Self {
            pods: Table::default(),
            services: Table::default(),
            nodes: Table::default(),
            owners: Owners::default(),
            snapshot: Snapshot { cluster: cluster.map(Arc::from), ..Snapshot::default() },
            changed: [true; 3],
            endless: 0,
        }
    }

    /// Takes all objects of a kind that there are.
    pub(crate) fn replace(&mut self, resource: Resource, objects: Vec<Object>, now: Instant) {
        self.table(resource).replace(objects, resource.most(), now);
        self.forget_owners(now);
    }

    /// Takes an object, new or changed.
    pub(crate) fn put(&mut self, resource: Resource, object: Object) {
        self.table(resource).put(object, resource.most());
    }

    /// Deletes an object.
    pub(crate) fn remove(&mut self, resource: Resource, uid: &str, now: Instant) {
        self.table(resource).remove(uid, now);
        self.forget_owners(now);
    }

    /// Takes note of how a watch is.
    pub(crate) fn set_sync(&mut self, resource: Resource, sync: Sync) {
        let [pods, services, nodes] = &mut self.snapshot.sync;
        *match resource {
            Resource::Pods => pods,
            Resource::Services => services,
            Resource::Nodes => nodes,
        } = sync;
    }

    /// How a watch is.
    pub(crate) const fn sync(&self, resource: Resource) -> Sync {
        self.snapshot.sync(resource)
    }

    /// Takes the controller of an object that was asked for.
    pub(crate) fn owner_found(&mut self, uid: &Arc<str>, controller: Option<Owner>) {
        if self.owners.len() < MAX_OWNERS {
            self.owners.found(uid, controller);
        }
        self.pods_changed();
    }

    /// Takes note that an object cannot be had before `now` + `wait`.
    pub(crate) fn owner_failed(&mut self, uid: &Arc<str>, now: Instant, wait: Duration) {
        if self.owners.len() < MAX_OWNERS {
            self.owners.failed(uid, now, wait);
        }
        self.pods_changed();
    }

    /// The objects between pods and workloads that are to be asked for, each once.
    pub(crate) fn wanted(&self, now: Instant) -> Vec<Wanted> {
        let mut seen = HashSet::new();
        let ends = self.pods.objects().map(|pod| self.walk(pod, now).end);
        ends.filter_map(|end| match end {
            WalkEnd::Wanted(wanted) => seen.insert(Arc::clone(&wanted.uid)).then_some(wanted),
            WalkEnd::Workload | WalkEnd::Failed | WalkEnd::Endless => None,
        })
        .collect()
    }

    /// What is known now.
    pub(crate) fn snapshot(&mut self, now: Instant) -> Snapshot {
        let [pods, services, nodes] = std::mem::take(&mut self.changed);
        if pods {
            self.snapshot.pods = Arc::new(self.pods_view(now));
        }
        if services {
            self.snapshot.services = Arc::new(self.services.by_address(|it| Some(peer(it))));
        }
        if nodes {
            self.snapshot.nodes = Arc::new(self.nodes.by_address(|it| Some(peer(it))));
        }
        self.snapshot.clone()
    }

    /// How many objects of a kind are held, and how many there was no room for.
    pub(crate) const fn table_of(&self, resource: Resource) -> &Table {
        match resource {
            Resource::Pods => &self.pods,
            Resource::Services => &self.services,
            Resource::Nodes => &self.nodes,
        }
    }

    /// How many objects between pods and workloads are held.
    pub(crate) fn owners_held(&self) -> usize {
        self.owners.len()
    }

    /// How often owners were found to belong to each other.
    pub(crate) const fn endless(&self) -> u64 {
        self.endless
    }

    fn table(&mut self, resource: Resource) -> &mut Table {
        let [pods, services, nodes] = &mut self.changed;
        let (changed, table) = match resource {
            Resource::Pods => (pods, &mut self.pods),
            Resource::Services => (services, &mut self.services),
            Resource::Nodes => (nodes, &mut self.nodes),
        };
        *changed = true;
        table
    }

    const fn pods_changed(&mut self) {
        let [pods, ..] = &mut self.changed;
        *pods = true;
    }

    fn walk(&self, pod: &Object, now: Instant) -> Walk {
        let controller = pod.pod.as_ref().and_then(|parts| parts.controller.as_ref());
        self.owners.walk(controller, pod.namespace.as_deref().unwrap_or_default(), now)
    }

    fn pods_view(&mut self, now: Instant) -> PodsView {
        let mut view = PodsView::default();
        let mut endless = 0;
        // Those that are deleted first: what is there now wins.
        let gone = self.pods.gone().map(|object| (object, true));
        for (object, is_gone) in gone.chain(self.pods.objects().map(|object| (object, false))) {
            let walk = self.walk(object, now);
            endless += u64::from(walk.end == WalkEnd::Endless);
            let facts = Arc::new(PodFacts { is_gone, ..self.facts(object, &walk) });
            let hash = object.pod.as_ref().and_then(|parts| parts.config_hash.clone());
            if let Some(hash) = hash {
                view.by_uid.insert(hash, Arc::clone(&facts));
            }
            view.by_uid.insert(Arc::clone(&object.uid), facts);
        }
        let by_uid = &view.by_uid;
        view.by_address = self.pods.by_address(|object| by_uid.get(&object.uid).cloned());
        self.endless = endless;
        view
    }

    fn facts(&self, object: &Object, walk: &Walk) -> PodFacts {
        let parts = object.pod.as_deref();
        let mut kubernetes = Kubernetes {
            namespace: object.namespace.clone(),
            pod: Some(Pod {
                name: Some(Arc::clone(&object.name)),
                uid: Arc::clone(&object.uid),
                ip: parts.and_then(|parts| parts.ip.clone()),
            }),
            node: parts.and_then(|parts| parts.node.clone()).map(|name| Named { name }),
            labels: parts.map(|parts| parts.labels.clone()).unwrap_or_default(),
            ..Kubernetes::default()
        };
        for owner in &walk.owners {
            if let Some(field) = field(&mut kubernetes, &owner.kind) {
                *field = Some(Named { name: Arc::clone(&owner.name) });
            }
        }
        let chain = match walk.end {
            WalkEnd::Workload => Chain::Whole,
            WalkEnd::Wanted(_) => Chain::Wanted,
            WalkEnd::Failed | WalkEnd::Endless => Chain::Broken,
        };
        let top = walk.owners.last().filter(|_| chain == Chain::Whole);
        let parent = top.map(|owner| OrchestratorParent { kind: Arc::clone(&owner.kind) });
        let orchestrator = Orchestrator {
            kind: KUBERNETES,
            namespace: object.namespace.clone(),
            cluster: self.snapshot.cluster.clone().map(|name| Named { name }),
            resource: OrchestratorResource {
                kind: "pod",
                name: Arc::clone(&object.name),
                id: Some(Arc::clone(&object.uid)),
                parent,
            },
        };
        PodFacts {
            kubernetes: Arc::new(kubernetes),
            orchestrator: Arc::new(orchestrator),
            chain,
            workload: top.map(|owner| (Arc::clone(&owner.kind), Arc::clone(&owner.name))),
            is_gone: false,
        }
    }

    /// Forgets objects between pods and workloads once most of them lead nowhere.
    fn forget_owners(&mut self, now: Instant) {
        if self.owners.len() <= self.pods.len().saturating_mul(4).saturating_add(SOME_OWNERS) {
            return;
        }
        let pods = self.pods.objects().chain(self.pods.gone());
        let walks = pods.map(|pod| self.walk(pod, now));
        let needed: HashSet<Arc<str>> =
            walks.flat_map(|walk| walk.owners).map(|owner| owner.uid).collect();
        self.owners.keep(|uid| needed.contains(uid));
    }
}

/// The field for the name of an object of a kind.
fn field<'a>(kubernetes: &'a mut Kubernetes, kind: &str) -> Option<&'a mut Option<Named>> {
    Some(match kind {
        "Deployment" => &mut kubernetes.deployment,
        "ReplicaSet" => &mut kubernetes.replicaset,
        "StatefulSet" => &mut kubernetes.statefulset,
        "DaemonSet" => &mut kubernetes.daemonset,
        "Job" => &mut kubernetes.job,
        "CronJob" => &mut kubernetes.cronjob,
        _ => return None,
    })
}

fn peer(object: &Object) -> PeerFacts {
    PeerFacts {
        namespace: object.namespace.clone(),
        name: Arc::clone(&object.name),
        uid: Arc::clone(&object.uid),
    }
}

/// The type of orchestrator in events.
pub(crate) const KUBERNETES: &str = "kubernetes";

/// Twice as many as there are pods: a pod has one or two owners above it.
const MAX_OWNERS: usize = 8192;

/// So few are not worth the search for those that lead nowhere.
const SOME_OWNERS: usize = 64;
