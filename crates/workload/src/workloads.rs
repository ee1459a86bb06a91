//! Events completed with containers and Kubernetes objects.

use std::collections::{HashSet, VecDeque};
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use event::{
    Knowledge, Kubernetes, Named, Orchestrator, OrchestratorResource, Party, Pod, TlsEvent,
    WorkloadState,
};

use crate::containers::{Container, RuntimeFiles};
use crate::kubernetes::{
    Chain, KUBERNETES, KubernetesError, Options, PeerFacts, PodFacts, Resource, Shared, Snapshot,
    Status, Watcher,
};
use crate::pod_uid::pod_uid;

/// Completes the events of sockets. An event whose pod or container is not known yet is held for a
/// short time ([`Self::LONGEST_WAIT`]): that of a pod that has just been started is being told.
#[derive(Debug)]
pub struct Workloads {
    containers: RuntimeFiles,
    cluster: Option<Cluster>,
    held: VecDeque<(Instant, TlsEvent)>,
    /// Pods that were waited for in vain; a later event of one of them does not wait.
    given_up: HashSet<String>,
    pods_unknown: Arc<AtomicU64>,
}

/// How far the ends of sessions could be told, for those who count.
#[derive(Clone, Debug)]
pub struct Meter {
    shared: Option<Arc<Shared>>,
    pods_unknown: Arc<AtomicU64>,
    files_unreadable: Arc<AtomicU64>,
}

/// What is known of a cluster.
#[derive(Debug)]
pub(crate) struct Cluster {
    watcher: Watcher,
    /// Number of the snapshot.
    number: u64,
    snapshot: Arc<Snapshot>,
}

/// What one end was completed with.
#[derive(Default)]
struct End {
    kubernetes: Option<Arc<Kubernetes>>,
    orchestrator: Option<Arc<Orchestrator>>,
    state: Option<WorkloadState>,
    /// Whether more is to be expected within a short time.
    is_pending: bool,
}

impl Workloads {
    /// How long an event is held at most.
    pub const LONGEST_WAIT: Duration = Duration::from_millis(500);

    /// Begins to read files of containers and, if there are `options`, to watch the API of
    /// Kubernetes.
    ///
    /// # Errors
    /// The configuration makes no sense, or no thread can be made. An API that does not answer is
    /// none.
    pub fn start(options: Option<Options>) -> Result<Self, KubernetesError> {
        let containers =
            RuntimeFiles::below(PathBuf::from("/")).map_err(KubernetesError::Thread)?;
        let cluster = options.map(Cluster::start).transpose()?;
        Ok(Self::new(containers, cluster))
    }

    /// Only reads files of containers.
    ///
    /// # Errors
    /// No thread can be made.
    pub fn without_kubernetes() -> io::Result<Self> {
        Ok(Self::new(RuntimeFiles::below(PathBuf::from("/"))?, None))
    }

    fn new(containers: RuntimeFiles, cluster: Option<Cluster>) -> Self {
        Self {
            containers,
            cluster,
            held: VecDeque::new(),
            given_up: HashSet::new(),
            pods_unknown: Arc::default(),
        }
    }

    /// Completes an event; false if it is worth to wait a short time for more, and a copy is held.
    #[must_use]
    pub fn admit(&mut self, event: &mut TlsEvent) -> bool {
        let is_pending = self.complete(event);
        if is_pending && self.held.len() < MAX_HELD {
            self.held.push_back((Instant::now(), event.clone()));
            return false;
        }
        self.count(event);
        true
    }

    /// The next event that was held and is complete, or was held for long enough; to be asked for a
    /// few times a second.
    pub fn next_due(&mut self) -> Option<TlsEvent> {
        let (since, mut event) = self.held.pop_front()?;
        if self.complete(&mut event) {
            if since.elapsed() < Self::LONGEST_WAIT {
                self.held.push_front((since, event));
                return None;
            }
            self.give_up(&event);
        }
        self.count(&event);
        Some(event)
    }

    /// The next event that is held, as complete as it is: nobody waits any longer.
    pub fn next_held(&mut self) -> Option<TlsEvent> {
        let (_, mut event) = self.held.pop_front()?;
        self.complete(&mut event);
        self.count(&event);
        Some(event)
    }

    /// What can be counted from elsewhere.
    #[must_use]
    pub fn meter(&self) -> Meter {
        Meter {
            shared: self.cluster.as_ref().map(|cluster| cluster.watcher.shared()),
            pods_unknown: Arc::clone(&self.pods_unknown),
            files_unreadable: self.containers.unreadable(),
        }
    }

    /// Whether more is to be expected.
    fn complete(&mut self, event: &mut TlsEvent) -> bool {
        let Some(sockets) = event.tlsight.socket.as_deref() else { return false };
        let has_local_client = sockets.client.is_some();
        let paths = [&sockets.client, &sockets.server]
            .map(|socket| socket.as_ref().and_then(|socket| socket.cgroup.path.clone()));
        if let Some(cluster) = &mut self.cluster {
            cluster.refresh();
        }
        let mut is_pending = false;
        let mut states = event::Workloads::default();
        let ends = [&mut event.client, &mut event.server].into_iter().zip(paths);
        for ((party, path), state) in ends.zip([&mut states.client, &mut states.server]) {
            let uid = path.as_deref().and_then(pod_uid);
            is_pending |= describe_container(&mut self.containers, party);
            let end = match (&self.cluster, uid) {
                (_, Some(uid)) => self.pod(&uid),
                (Some(cluster), None) if path.is_some() => cluster.own_node(),
                // Elsewhere, or of a process that is not known.
                (Some(cluster), None) => cluster.peer(party),
                (None, None) => End::default(),
            };
            is_pending |= end.is_pending;
            party.kubernetes = end.kubernetes;
            party.orchestrator = end.orchestrator;
            *state = end.state;
        }
        let local = if has_local_client { &event.client } else { &event.server };
        event.container.clone_from(&local.container);
        event.kubernetes.clone_from(&local.kubernetes);
        event.orchestrator.clone_from(&local.orchestrator);
        let is_told = states != event::Workloads::default();
        event.tlsight.workload = is_told.then(|| Box::new(states));
        is_pending
    }

    /// The pod whose cgroup a local end is in.
    fn pod(&self, uid: &str) -> End {
        let found = self.cluster.as_ref().and_then(|cluster| {
            Some((cluster, Arc::clone(cluster.snapshot.pods.by_uid.get(uid)?)))
        });
        if let Some((cluster, facts)) = found {
            return cluster.known_pod(&facts, !self.given_up.contains(uid));
        }
        let pod = Pod { uid: Arc::from(uid), ..Pod::default() };
        let kubernetes = Kubernetes { pod: Some(pod), ..Kubernetes::default() };
        let (pod, workload) = (Some(Knowledge::Unknown), Some(Knowledge::Unknown));
        End {
            kubernetes: Some(Arc::new(kubernetes)),
            orchestrator: None,
            state: Some(WorkloadState { pod, workload, ..WorkloadState::default() }),
            is_pending: self.cluster.as_ref().is_some_and(Cluster::is_listening)
                && !self.given_up.contains(uid),
        }
    }

    fn give_up(&mut self, event: &TlsEvent) {
        if self.given_up.len() >= MAX_GIVEN_UP {
            self.given_up.clear();
        }
        for socket in event.tlsight.socket.iter().flat_map(|both| [&both.client, &both.server]) {
            let path = socket.as_ref().and_then(|socket| socket.cgroup.path.as_deref());
            self.given_up.extend(path.and_then(pod_uid));
        }
    }

    fn count(&self, event: &TlsEvent) {
        let Some(states) = event.tlsight.workload.as_deref() else { return };
        let is_unknown = |state: &Option<WorkloadState>| {
            state.as_ref().is_some_and(|state| state.pod == Some(Knowledge::Unknown))
        };
        if self.cluster.is_some() && (is_unknown(&states.client) || is_unknown(&states.server)) {
            self.pods_unknown.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Meter {
    /// How the watches do, if there are any.
    #[must_use]
    pub fn kubernetes(&self) -> Option<Status> {
        self.shared.as_ref().map(|shared| shared.status())
    }

    /// Sessions with an end in a pod that the API has not told.
    #[must_use]
    pub fn pods_unknown(&self) -> u64 {
        self.pods_unknown.load(Ordering::Relaxed)
    }

    /// Containers whose runtime's files could not be read or understood.
    #[must_use]
    pub fn files_unreadable(&self) -> u64 {
        self.files_unreadable.load(Ordering::Relaxed)
    }
}

impl Cluster {
    pub(crate) fn start(options: Options) -> Result<Self, KubernetesError> {
        let watcher = Watcher::start(options)?;
        Ok(Self { watcher, number: 0, snapshot: Arc::default() })
    }

    fn refresh(&mut self) {
        if let Some(snapshot) = self.watcher.newer(&mut self.number) {
            self.snapshot = snapshot;
        }
    }

    /// What the API tells of a pod that it has, at this moment.
    pub(crate) fn pod_that_is(&mut self, uid: &str) -> Option<&PodFacts> {
        self.refresh();
        self.snapshot.pods.by_uid.get(uid).map(AsRef::as_ref).filter(|facts| !facts.is_gone)
    }

    pub(crate) fn status(&self) -> Status {
        self.watcher.shared().status()
    }

    /// Whether the API may tell of a pod at any moment.
    fn is_listening(&self) -> bool {
        self.knowledge(Resource::Pods) != Knowledge::Stale
    }

    fn knowledge(&self, resource: Resource) -> Knowledge {
        self.watcher.knowledge(self.snapshot.sync(resource))
    }

    fn known_pod(&self, facts: &PodFacts, may_wait: bool) -> End {
        let knowledge = self.knowledge(Resource::Pods);
        let workload = if facts.chain == Chain::Whole { knowledge } else { Knowledge::Unknown };
        let (kind, name) = facts.workload.clone().unzip();
        End {
            kubernetes: Some(Arc::clone(&facts.kubernetes)),
            orchestrator: Some(Arc::clone(&facts.orchestrator)),
            state: Some(WorkloadState {
                pod: Some(knowledge),
                workload: Some(workload),
                peer: None,
                kind,
                name,
            }),
            is_pending: facts.chain == Chain::Wanted && may_wait && self.is_listening(),
        }
    }

    /// A local end that is in no pod.
    fn own_node(&self) -> End {
        let node = Some(Named { name: self.watcher.node() });
        let kubernetes = Some(Arc::new(Kubernetes { node, ..Kubernetes::default() }));
        End { kubernetes, ..End::default() }
    }

    /// What the address of another end belongs to.
    fn peer(&self, party: &Party) -> End {
        let state = |peer| Some(WorkloadState { peer: Some(peer), ..WorkloadState::default() });
        let Ok(address) = party.ip.as_str().parse::<IpAddr>() else { return End::default() };
        if let Some(facts) = self.snapshot.pods.by_address.get(&address) {
            let mut end = self.known_pod(facts, false);
            if let Some(state) = &mut end.state {
                state.peer = state.pod.take();
            }
            return end;
        }
        for (resource, kind, peers) in [
            (Resource::Services, "service", &self.snapshot.services),
            (Resource::Nodes, "node", &self.snapshot.nodes),
        ] {
            if let Some(facts) = peers.get(&address) {
                let state = state(self.knowledge(resource));
                return End { state, ..self.known_peer(kind, facts) };
            }
        }
        End { state: state(Knowledge::Unknown), ..End::default() }
    }

    fn known_peer(&self, kind: &'static str, facts: &PeerFacts) -> End {
        let named = Some(Named { name: Arc::clone(&facts.name) });
        let mut kubernetes =
            Kubernetes { namespace: facts.namespace.clone(), ..Kubernetes::default() };
        if kind == "service" {
            kubernetes.service = named;
        } else {
            kubernetes.node = named;
        }
        let orchestrator = Orchestrator {
            kind: KUBERNETES,
            namespace: facts.namespace.clone(),
            cluster: self.snapshot.cluster.clone().map(|name| Named { name }),
            resource: OrchestratorResource {
                kind,
                name: Arc::clone(&facts.name),
                id: Some(Arc::clone(&facts.uid)),
                parent: None,
            },
        };
        End {
            kubernetes: Some(Arc::new(kubernetes)),
            orchestrator: Some(Arc::new(orchestrator)),
            ..End::default()
        }
    }
}

/// Adds name and image to the container of an end; whether these are to be expected.
fn describe_container(files: &mut RuntimeFiles, party: &mut Party) -> bool {
    let Some(container) = &mut party.container else { return false };
    match files.get(&container.id) {
        Container::Described(description) => {
            container.name.clone_from(&description.name);
            container.image.clone_from(&description.image);
            container.runtime = container.runtime.or(description.runtime);
            false
        }
        Container::Wanted => true,
        Container::Unknown => false,
    }
}

/// Some kilobytes each; with a thousand sessions a second of pods that are just starting, what is
/// over goes out as it is.
const MAX_HELD: usize = 1024;

/// Pods that are not told are few, or all of those of a node.
const MAX_GIVEN_UP: usize = 4096;
