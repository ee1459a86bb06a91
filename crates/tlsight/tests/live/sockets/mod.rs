//! `tlsight watch` at the sockets of this host, with real programs in real cgroups.

mod bundle;
pub(crate) mod cgroup;
mod containers;
mod identity;
mod peer;
pub(crate) mod processes;
mod same_record;
mod trouble;
mod watcher;
