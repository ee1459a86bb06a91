//! What is known at a moment: made by the thread that watches, looked at by others.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use event::{Knowledge, Kubernetes, Orchestrator};

use super::resource::Resource;

/// What is known at a moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    /// Name of the cluster, where it is known.
    pub(crate) cluster: Option<Arc<str>>,
    pub(crate) pods: Arc<PodsView>,
    pub(crate) services: Arc<HashMap<IpAddr, PeerFacts>>,
    pub(crate) nodes: Arc<HashMap<IpAddr, PeerFacts>>,
    pub(crate) sync: [Sync; 3],
}

/// The pods of this node.
#[derive(Debug, Default)]
pub(crate) struct PodsView {
    pub(crate) by_uid: HashMap<Arc<str>, Arc<PodFacts>>,
    pub(crate) by_address: HashMap<IpAddr, Arc<PodFacts>>,
}

/// What events say of a pod.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PodFacts {
    pub(crate) kubernetes: Arc<Kubernetes>,
    pub(crate) orchestrator: Arc<Orchestrator>,
    pub(crate) chain: Chain,
    /// Kind and name of the workload, if the pod has one.
    pub(crate) workload: Option<(Arc<str>, Arc<str>)>,
    /// Whether it was deleted.
    pub(crate) is_gone: bool,
}

/// How far the owners of a pod are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chain {
    /// All of them.
    Whole,
    /// The next one is asked for.
    Wanted,
    /// One cannot be had.
    Broken,
}

/// What events say of a service or node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PeerFacts {
    pub(crate) namespace: Option<Arc<str>>,
    pub(crate) name: Arc<str>,
    pub(crate) uid: Arc<str>,
}

/// How a watch is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sync {
    /// All objects have not been listed yet.
    #[default]
    Never,
    /// Changes come as they happen.
    Live,
    /// They did until then.
    Broken(Instant),
}

impl Snapshot {
    /// How a watch is.
    pub(crate) const fn sync(&self, resource: Resource) -> Sync {
        let [pods, services, nodes] = self.sync;
        match resource {
            Resource::Pods => pods,
            Resource::Services => services,
            Resource::Nodes => nodes,
        }
    }
}

impl Sync {
    /// How far what this watch has told is to be trusted.
    pub(crate) fn knowledge(self, now: Instant, stale_after: Duration) -> Knowledge {
        match self {
            Self::Never => Knowledge::Unknown,
            Self::Live => Knowledge::Known,
            Self::Broken(since) if now.saturating_duration_since(since) < stale_after => {
                Knowledge::Known
            }
            Self::Broken(_) => Knowledge::Stale,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_broken_watch_has_told_becomes_stale_after_a_time() {
        let (now, limit) = (Instant::now(), Duration::from_secs(10));
        assert_eq!(Sync::Never.knowledge(now, limit), Knowledge::Unknown);
        assert_eq!(Sync::Live.knowledge(now, limit), Knowledge::Known);
        assert_eq!(Sync::Broken(now).knowledge(now, limit), Knowledge::Known);
        assert_eq!(Sync::Broken(now).knowledge(now + limit, limit), Knowledge::Stale);
    }
}
