//! The names of pods.

use std::sync::Arc;

use event::Kubernetes;

use crate::kubernetes::{KubernetesError, Options, Status};
use crate::workloads::Cluster;

/// The pods of this node by unique id, as the API of Kubernetes tells them.
///
/// A unique id is never given to another pod: what was told of one stays true while the API is silent.
#[derive(Debug)]
pub struct PodNames {
    cluster: Cluster,
}

/// How a pod is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PodName {
    /// The namespace that it is in.
    pub namespace: Arc<str>,
    /// Its name, which is its own in this namespace.
    pub name: Arc<str>,
}

impl PodNames {
    /// Begins to watch the pods of a node, whatever else `options` asks for.
    ///
    /// # Errors
    /// The configuration makes no sense, or no thread can be made. An API that does not answer is
    /// none.
    pub fn start(options: Options) -> Result<Self, KubernetesError> {
        let options = Options { only_pods: true, ..options };
        Ok(Self { cluster: Cluster::start(options)? })
    }

    /// The name of the pod with this id, as [`crate::pod_uid`] gives it, if it was told and not deleted.
    pub fn get(&mut self, uid: &str) -> Option<PodName> {
        let facts = self.cluster.pod_that_is(uid)?;
        let Kubernetes { namespace, pod, .. } = &*facts.kubernetes;
        let name = pod.as_ref()?.name.clone()?;
        Some(PodName { namespace: namespace.clone()?, name })
    }

    /// How the watch does.
    #[must_use]
    pub fn status(&self) -> Status {
        self.cluster.status()
    }
}
