//! How the watches do, for metrics and messages.

use std::time::{Duration, Instant};

use event::Knowledge;

use super::cache::Cache;
use super::resource::Resource;

/// How the watches do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// One for each of [`Resource::ALL`].
    pub watches: Vec<WatchStatus>,
    /// Objects between pods and workloads that are held.
    pub owners: u64,
    /// How often such an object could not be had.
    pub owner_failures: u64,
    /// Pods whose owners belong to each other.
    pub endless_chains: u64,
}

/// How a watch does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchStatus {
    /// What is watched.
    pub resource: Resource,
    /// How far what it has told is to be trusted.
    pub knowledge: Knowledge,
    /// Objects that are held.
    pub objects: u64,
    /// How often all objects were listed.
    pub lists: u64,
    /// How often it was begun.
    pub watches: u64,
    /// How often the version to go on from was no longer kept (410).
    pub gone: u64,
    /// How often the API was not there, refused, or broke off.
    pub failures: u64,
    /// Objects that were malformed.
    pub malformed: u64,
    /// Objects that were too large.
    pub too_long: u64,
    /// Objects that there was no room for.
    pub over_limit: u64,
    /// What last went wrong, until it works again.
    pub trouble: Option<String>,
}

/// What a watch has counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) lists: u64,
    pub(crate) watches: u64,
    pub(crate) gone: u64,
    pub(crate) failures: u64,
    pub(crate) malformed: u64,
    pub(crate) too_long: u64,
    pub(crate) trouble: Option<String>,
}

impl WatchStatus {
    pub(crate) fn new(
        resource: Resource,
        counts: &Counts,
        cache: &Cache,
        now: Instant,
        stale_after: Duration,
    ) -> Self {
        let table = cache.table_of(resource);
        Self {
            resource,
            knowledge: cache.sync(resource).knowledge(now, stale_after),
            objects: table.len() as u64,
            lists: counts.lists,
            watches: counts.watches,
            gone: counts.gone,
            failures: counts.failures,
            malformed: counts.malformed,
            too_long: counts.too_long,
            over_limit: table.over_limit(),
            trouble: counts.trouble.clone(),
        }
    }
}
