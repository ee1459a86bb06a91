//! The thread that watches, and what others see of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use event::Knowledge;
use tokio::runtime;
use tokio::sync::Notify;

use super::answer::NoAnswer;
use super::cache::Cache;
use super::chain::Wanted;
use super::connect::{Connected, Connection, KubernetesError, connect};
use super::counts::{Counts, Status, WatchStatus};
use super::object::{Label, Malformed, Object, Owner};
use super::owners;
use super::resource::Resource;
use super::snapshot::{Snapshot, Sync};
use super::watch::Watch;

/// What is watched, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which API is asked.
    pub connection: Connection,
    /// The node whose pods are watched.
    pub node: String,
    /// Name of the cluster, in place of the kubeconfig's.
    pub cluster: Option<String>,
    /// Labels of pods that are told; at most [`MAX_LABELS`] are.
    pub labels: Vec<String>,
    /// For how long what a watch has told counts as known after it broke.
    pub stale_after: Duration,
    /// Whether pods alone are of interest, not their owners, services or nodes.
    pub only_pods: bool,
}

impl Options {
    /// The default of [`Self::stale_after`]: the API ends each watch after some minutes, and to begin
    /// it again takes a moment.
    pub const STALE_AFTER: Duration = Duration::from_secs(10);
}

/// A running watch; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Watcher {
    shared: Arc<Shared>,
}

/// What the thread and others share.
#[derive(Debug)]
pub(crate) struct Shared {
    node: Arc<str>,
    labels: Vec<Label>,
    stale_after: Duration,
    cache: Mutex<Cache>,
    counts: Mutex<[Counts; 3]>,
    owner_failures: AtomicU64,
    /// Told when something has changed that snapshots show.
    changed: Notify,
    /// Told when pods or their owners have changed.
    pods: Notify,
    stop: Notify,
    published: Mutex<Arc<Snapshot>>,
    /// Number of the published snapshot.
    number: AtomicU64,
}

impl Watcher {
    /// Begins to watch.
    ///
    /// # Errors
    /// The configuration makes no sense, or no thread can be made. An API that does not answer is
    /// none: it is asked again and again.
    pub(crate) fn start(options: Options) -> Result<Self, KubernetesError> {
        let (sender, receiver) = mpsc::channel();
        thread::Builder::new()
            .name("kubernetes".to_owned())
            .spawn(move || {
                let runtime = runtime::Builder::new_current_thread().enable_all().build();
                let runtime = match runtime {
                    Ok(runtime) => runtime,
                    Err(error) => {
                        sender.send(Err(KubernetesError::Thread(error))).ok();
                        return;
                    }
                };
                runtime.block_on(watch(&options, &sender));
                runtime.shutdown_background();
            })
            .map_err(KubernetesError::Thread)?;
        let answer = receiver.recv_timeout(START_TIMEOUT);
        let shared = answer.unwrap_or_else(|_| {
            let reason = "the credentials are not to be had in time".to_owned();
            Err(KubernetesError::Client { reason })
        })?;
        Ok(Self { shared })
    }

    /// The newest snapshot, if it is not that with the number `known`, which is updated.
    pub(crate) fn newer(&self, known: &mut u64) -> Option<Arc<Snapshot>> {
        let number = self.shared.number.load(Ordering::Acquire);
        if number == *known {
            return None;
        }
        *known = number;
        Some(Arc::clone(&locked(&self.shared.published)))
    }

    /// How far what a watch has told is to be trusted.
    pub(crate) fn knowledge(&self, sync: Sync) -> Knowledge {
        sync.knowledge(Instant::now(), self.shared.stale_after)
    }

    /// The node whose pods are watched.
    pub(crate) fn node(&self) -> Arc<str> {
        Arc::clone(&self.shared.node)
    }

    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.shared.stop.notify_one();
    }
}

async fn watch(options: &Options, sender: &mpsc::Sender<Result<Arc<Shared>, KubernetesError>>) {
    let Connected { client, cluster } = match connect(&options.connection).await {
        Ok(connected) => connected,
        Err(error) => {
            sender.send(Err(error)).ok();
            return;
        }
    };
    let cluster = options.cluster.clone().or(cluster);
    let shared = Arc::new(Shared {
        node: Arc::from(&*options.node),
        labels: options.labels.iter().take(MAX_LABELS).map(|key| Label::new(key)).collect(),
        stale_after: options.stale_after,
        cache: Mutex::new(Cache::new(cluster.as_deref())),
        counts: Mutex::default(),
        owner_failures: AtomicU64::new(0),
        changed: Notify::new(),
        pods: Notify::new(),
        stop: Notify::new(),
        published: Mutex::default(),
        number: AtomicU64::new(0),
    });
    let is_wanted = |resource: &Resource| !options.only_pods || *resource == Resource::Pods;
    for resource in Resource::ALL.into_iter().filter(is_wanted) {
        tokio::spawn(Watch::new(client.clone(), resource, Arc::clone(&shared)).run());
    }
    if !options.only_pods {
        tokio::spawn(owners::run(client, Arc::clone(&shared)));
    }
    tokio::spawn(publish(Arc::clone(&shared)));
    if sender.send(Ok(Arc::clone(&shared))).is_ok() {
        shared.stop.notified().await;
    }
}

/// Publishes snapshots, each of all changes that come in a short time.
async fn publish(shared: Arc<Shared>) {
    loop {
        shared.changed.notified().await;
        let snapshot = Arc::new(locked(&shared.cache).snapshot(Instant::now()));
        let before = std::mem::replace(&mut *locked(&shared.published), snapshot);
        // It may be large, and nobody is to wait for its end.
        drop(before);
        shared.number.fetch_add(1, Ordering::Release);
        tokio::time::sleep(PUBLISH_EVERY).await;
    }
}

impl Shared {
    /// Which objects of a kind are wanted; all if there is nothing to select.
    pub(crate) fn selector(&self, resource: Resource) -> Option<String> {
        (resource == Resource::Pods).then(|| format!("spec.nodeName={}", self.node))
    }

    pub(crate) fn parse(&self, resource: Resource, json: &str) -> Result<Object, Malformed> {
        Object::parse(json, resource == Resource::Pods, &self.labels)
    }

    pub(crate) fn listed(&self, resource: Resource, objects: Vec<Object>, malformed: u64) {
        {
            let mut cache = locked(&self.cache);
            cache.replace(resource, objects, Instant::now());
            cache.set_sync(resource, Sync::Live);
        }
        self.counts(resource, |counts| {
            counts.lists += 1;
            counts.malformed += malformed;
        });
        self.tell(resource);
    }

    pub(crate) fn put(&self, resource: Resource, object: Object) {
        locked(&self.cache).put(resource, object);
        self.tell(resource);
    }

    pub(crate) fn remove(&self, resource: Resource, uid: &str) {
        locked(&self.cache).remove(resource, uid, Instant::now());
        self.tell(resource);
    }

    /// Takes note that changes come as they happen.
    pub(crate) fn begun(&self, resource: Resource) {
        self.counts(resource, |counts| {
            counts.watches += 1;
            counts.trouble = None;
        });
        self.set_sync(resource, Sync::Live);
    }

    pub(crate) fn set_sync(&self, resource: Resource, sync: Sync) {
        locked(&self.cache).set_sync(resource, sync);
        self.changed.notify_one();
    }

    /// Takes note of a failure: what was known is that of before.
    pub(crate) fn failed(&self, resource: Resource, error: &NoAnswer) {
        {
            let mut cache = locked(&self.cache);
            if cache.sync(resource) == Sync::Live {
                cache.set_sync(resource, Sync::Broken(Instant::now()));
            }
        }
        self.counts(resource, |counts| {
            counts.failures += 1;
            counts.trouble = Some(error.to_string());
        });
        self.changed.notify_one();
    }

    pub(crate) fn counts(&self, resource: Resource, change: impl FnOnce(&mut Counts)) {
        let mut counts = locked(&self.counts);
        let [pods, services, nodes] = &mut *counts;
        change(match resource {
            Resource::Pods => pods,
            Resource::Services => services,
            Resource::Nodes => nodes,
        });
    }

    pub(crate) async fn pods_changed(&self) {
        self.pods.notified().await;
    }

    pub(crate) fn wanted(&self) -> Vec<Wanted> {
        locked(&self.cache).wanted(Instant::now())
    }

    pub(crate) fn owner_found(&self, uid: &Arc<str>, controller: Option<Owner>) {
        locked(&self.cache).owner_found(uid, controller);
        // It may belong to another that is wanted.
        self.tell(Resource::Pods);
    }

    pub(crate) fn owner_failed(&self, uid: &Arc<str>, now: Instant, wait: Duration) {
        locked(&self.cache).owner_failed(uid, now, wait);
        self.owner_failures.fetch_add(1, Ordering::Relaxed);
        self.changed.notify_one();
    }

    /// How the watches do.
    pub(crate) fn status(&self) -> Status {
        let (cache, counts, now) = (locked(&self.cache), locked(&self.counts), Instant::now());
        let each = Resource::ALL.into_iter().zip(&*counts);
        Status {
            watches: each
                .map(|(resource, counts)| {
                    WatchStatus::new(resource, counts, &cache, now, self.stale_after)
                })
                .collect(),
            owners: cache.owners_held() as u64,
            owner_failures: self.owner_failures.load(Ordering::Relaxed),
            endless_chains: cache.endless(),
        }
    }

    fn tell(&self, resource: Resource) {
        self.changed.notify_one();
        if resource == Resource::Pods {
            self.pods.notify_one();
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A kubeconfig may name a program that gets credentials.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// A start of many pods is one snapshot or a few; no session waits for it that long.
const PUBLISH_EVERY: Duration = Duration::from_millis(50);

/// Each costs its name and value, up to 300 bytes, a pod.
const MAX_LABELS: usize = 64;
