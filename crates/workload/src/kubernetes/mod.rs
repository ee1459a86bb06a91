//! What the Kubernetes API tells of one node.

mod answer;
mod cache;
mod chain;
mod connect;
mod counts;
mod object;
mod owners;
mod resource;
mod review;
mod snapshot;
mod table;
mod watch;
mod watcher;

pub(crate) use cache::KUBERNETES;
pub use connect::{Connection, KubernetesError, default_node_name, runs_in_cluster};
pub use counts::{Status, WatchStatus};
pub use resource::Resource;
pub use review::{Access, Right, rights};
pub(crate) use snapshot::{Chain, PeerFacts, PodFacts, Snapshot};
pub use watcher::Options;
pub(crate) use watcher::{Shared, Watcher};
