//! The kinds of objects that are watched.

/// A kind of object that is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// Pods of one's own node.
    Pods,
    /// Services of all namespaces.
    Services,
    /// All nodes.
    Nodes,
}

impl Resource {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Pods, Self::Services, Self::Nodes];

    /// Its name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pods => "pods",
            Self::Services => "services",
            Self::Nodes => "nodes",
        }
    }

    /// Most objects that are kept.
    pub(crate) const fn most(self) -> usize {
        match self {
            Self::Pods => MAX_PODS,
            Self::Services => MAX_SERVICES,
            Self::Nodes => MAX_NODES,
        }
    }

    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Pods => "/api/v1/pods",
            Self::Services => "/api/v1/services",
            Self::Nodes => "/api/v1/nodes",
        }
    }
}

/// A node is meant for 110 pods; some run a thousand. About a kilobyte each.
const MAX_PODS: usize = 4096;

/// Kubernetes is tested with 10,000. About 300 bytes each.
const MAX_SERVICES: usize = 20_000;

/// Kubernetes is tested with 5,000. About 300 bytes each.
const MAX_NODES: usize = 10_000;
