//! Containers and Kubernetes objects behind the ends of sessions.
//!
//! [`Workloads`] completes the events of sockets: with the name and image of each end's container,
//! which the runtime keeps in files, and with its pod, what that belongs to, and the services and
//! nodes that addresses stand for, which the Kubernetes API tells. [`PodNames`] only tells pods apart.
//!
//! Files are read and the API is watched by threads of their own. Who completes an event only looks
//! at what these have found so far.

mod containers;
mod image;
mod kubernetes;
mod pod_names;
mod pod_uid;
mod runtime;
mod workloads;

pub use kubernetes::{
    Access, Connection, KubernetesError, Options, Resource, Right, Status, WatchStatus,
    default_node_name, rights, runs_in_cluster,
};
pub use pod_names::{PodName, PodNames};
pub use pod_uid::pod_uid;
pub use workloads::{Meter, Workloads};
