//! One kind of object: listed, then watched for changes, and listed again when the API no longer
//! knows from where to go on.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kube::Client;
use kube::core::Request;
use kube::core::params::{ListParams, WatchParams};
use tokio::time::{sleep, timeout};

use super::answer::{Answer, Lines, NoAnswer};
use super::object::{ApiStatus, Line, ListMetadata, Object, Page, valid_version, version};
use super::resource::Resource;
use super::snapshot::Sync;
use super::watcher::Shared;

/// Watches one kind of object for ever.
pub(crate) struct Watch {
    client: Client,
    resource: Resource,
    shared: Arc<Shared>,
    /// Objects of a page of a list; fewer after one that was too long.
    page: u32,
    /// How often nothing has worked in a row.
    failures: u32,
}

/// How a watch has ended.
enum End {
    /// By the API, as watches do.
    Closed,
    /// The version to go on from is no longer kept.
    Gone,
}

impl Watch {
    pub(crate) const fn new(client: Client, resource: Resource, shared: Arc<Shared>) -> Self {
        Self { client, resource, shared, page: PAGE, failures: 0 }
    }

    /// Lists and watches until the task is dropped.
    pub(crate) async fn run(mut self) {
        let mut version = None;
        loop {
            match version.take() {
                None => match self.list().await {
                    Ok(listed) => version = Some(listed),
                    Err(error) => self.fail(&error).await,
                },
                Some(known) => version = self.go_on(known).await,
            }
        }
    }

    /// Watches from a version on; gives that to go on from, or none if all are to be listed.
    async fn go_on(&mut self, mut version: String) -> Option<String> {
        let begun = Instant::now();
        let result = self.watch(&mut version).await;
        if begun.elapsed() >= SHORT {
            self.failures = 0;
        }
        match result {
            Ok(End::Closed) => {
                // An API that ends each watch at once is not asked as fast as it answers.
                if begun.elapsed() < SHORT {
                    self.pause().await;
                }
                Some(version)
            }
            Ok(End::Gone) => {
                self.shared.counts(self.resource, |counts| counts.gone += 1);
                self.pause().await;
                None
            }
            Err(error) => {
                self.fail(&error).await;
                // After some failures the version may be what is wrong.
                (self.failures < TRIES).then_some(version)
            }
        }
    }

    /// Lists all objects; gives the version that they are of.
    async fn list(&mut self) -> Result<String, NoAnswer> {
        let result = self.list_pages().await;
        match &result {
            Err(NoAnswer::TooLong(_)) => self.page = (self.page / 4).max(1),
            Err(NoAnswer::Gone) => self.shared.counts(self.resource, |counts| counts.gone += 1),
            _ => {}
        }
        result
    }

    async fn fail(&mut self, error: &NoAnswer) {
        self.shared.failed(self.resource, error);
        self.pause().await;
    }

    /// Waits: twice as long each time in a row, and at random up to a half less, so that the agents of
    /// many nodes do not all come back at once.
    async fn pause(&mut self) {
        self.failures = self.failures.saturating_add(1);
        let doubled = PAUSE.saturating_mul(1 << self.failures.min(MAX_DOUBLINGS));
        let chance = RandomState::new().hash_one(self.failures) % 512;
        let part = 1024_u32.saturating_sub(u32::try_from(chance).unwrap_or(0));
        sleep(doubled.min(LONGEST_PAUSE).saturating_mul(part) / 1024).await;
    }

    async fn list_pages(&mut self) -> Result<String, NoAnswer> {
        let mut objects = Vec::new();
        let mut next = None;
        let mut malformed = 0;
        // An API could go on for ever with pages that have nothing in them.
        for _ in 0..=self.resource.most() {
            let params = self.params(next.take());
            let request = Request::new(self.resource.path()).list(&params);
            let request = request.map_err(|error| NoAnswer::Failed(error.to_string()))?;
            let page = timeout(LIST_TIMEOUT, async {
                Answer::to(&self.client, request).await?.whole(MAX_PAGE_LEN).await
            });
            let page = page.await.ok().ok_or(NoAnswer::Late(LIST_TIMEOUT))??;
            let page: Page<'_> = serde_json::from_slice(&page).ok().ok_or(NoAnswer::Malformed)?;
            for item in page.items.iter().flatten() {
                match self.shared.parse(self.resource, item.get()) {
                    Ok(object) => objects.push(object),
                    Err(_) => malformed += 1,
                }
            }
            let is_full = objects.len() > self.resource.most();
            let ListMetadata { resource_version, next: more } = page.metadata;
            next = more.filter(|more| !more.is_empty() && !is_full);
            if next.is_none() {
                let version = valid_version(resource_version).ok_or(NoAnswer::Malformed)?;
                self.shared.listed(self.resource, objects, malformed);
                return Ok(version);
            }
        }
        Err(NoAnswer::Malformed)
    }

    /// Pods of a node are few, and listed as the kubelet does it: out of the API's memory, where they
    /// are sorted by node. What is of the whole cluster is listed in pages.
    fn params(&self, next: Option<String>) -> ListParams {
        let all = ListParams {
            field_selector: self.shared.selector(self.resource),
            ..ListParams::default()
        };
        if self.resource == Resource::Pods && self.page == PAGE {
            all.match_any()
        } else {
            ListParams { limit: Some(self.page), continue_token: next, ..all }
        }
    }

    /// Watches from `version` on, which moves on with what is seen.
    async fn watch(&mut self, version: &mut String) -> Result<End, NoAnswer> {
        let params = WatchParams {
            field_selector: self.shared.selector(self.resource),
            timeout: Some(WATCH_SECONDS),
            bookmarks: true,
            ..WatchParams::default()
        };
        let request = Request::new(self.resource.path()).watch(&params, version);
        let request = request.map_err(|error| NoAnswer::Failed(error.to_string()))?;
        let answer = timeout(LIST_TIMEOUT, Answer::to(&self.client, request));
        let mut answer = match answer.await.ok().ok_or(NoAnswer::Late(LIST_TIMEOUT))? {
            Err(NoAnswer::Gone) => return Ok(End::Gone),
            answer => answer?,
        };
        self.shared.begun(self.resource);
        let mut lines = Lines::default();
        let longest = Duration::from_secs(u64::from(WATCH_SECONDS) + 15);
        let ended = timeout(longest, async {
            while let Some(piece) = answer.piece().await? {
                let mut result = Ok(());
                lines.take(&piece, |line| {
                    if result.is_ok() {
                        result = self.event(line, version);
                    }
                });
                let too_long = lines.take_too_long();
                self.shared.counts(self.resource, |counts| counts.too_long += too_long);
                result?;
            }
            Ok(())
        });
        let ended = ended.await.unwrap_or(Err(NoAnswer::Late(longest)));
        self.shared.set_sync(self.resource, Sync::Broken(Instant::now()));
        match ended {
            Ok(()) => Ok(End::Closed),
            Err(NoAnswer::Gone) => Ok(End::Gone),
            Err(error) => Err(error),
        }
    }

    /// Takes one line of a watch.
    fn event(&self, line: &[u8], at: &mut String) -> Result<(), NoAnswer> {
        let Ok(Line { kind, object }) = serde_json::from_slice(line) else {
            self.shared.counts(self.resource, |counts| counts.malformed += 1);
            return Ok(());
        };
        if kind == "ERROR" {
            let status: ApiStatus = serde_json::from_str(object.get()).unwrap_or_default();
            let message = status.message.unwrap_or_default();
            return Err(NoAnswer::refused(status.code.unwrap_or(0), message));
        }
        match version(object.get()) {
            Ok(version) => *at = version,
            Err(_) => self.shared.counts(self.resource, |counts| counts.malformed += 1),
        }
        match &*kind {
            "ADDED" | "MODIFIED" => match self.shared.parse(self.resource, object.get()) {
                Ok(object) => self.shared.put(self.resource, object),
                Err(_) => self.shared.counts(self.resource, |counts| counts.malformed += 1),
            },
            "DELETED" => match self.shared.parse(self.resource, object.get()) {
                Ok(Object { uid, .. }) => self.shared.remove(self.resource, &uid),
                Err(_) => self.shared.counts(self.resource, |counts| counts.malformed += 1),
            },
            _ => {}
        }
        Ok(())
    }
}

/// How long a watch lasts, as the API is asked to end it; the time after which a connection that is
/// dead without a word is noticed.
pub(crate) const WATCH_SECONDS: u32 = 290;

/// Objects of a page: nodes of 20 kB each are a megabyte.
const PAGE: u32 = 50;

/// A page in bytes. Fifty objects of the usual sizes are a tenth of that; of larger ones fewer are
/// asked for at a time.
const MAX_PAGE_LEN: usize = 16 << 20;

/// For an answer but that of a watch, which begins within that time.
const LIST_TIMEOUT: Duration = Duration::from_secs(60);

/// A watch that is ended sooner did not last.
const SHORT: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
const MAX_DOUBLINGS: u32 = 10;

/// Failures in a row after which all objects are listed again.
const TRIES: u32 = 3;
