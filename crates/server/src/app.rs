//! What all requests work with.

use std::fmt;
use std::sync::Arc;

use axum::http::StatusCode;
use prometheus_client::encoding::DescriptorEncoder;
use store::{Accounts, Documents, Outbox, Replication, Sessions, StoreError, Violations};
use tokio::sync::Semaphore;

use crate::auth::password::{NoHash, Passwords};
use crate::auth::throttle::Throttle;
use crate::clock::Clock;
use crate::fleet::{Entrance, Fleet};
use crate::judge::Judge;
use crate::live::Live;
use crate::meter::Meter;
use crate::notify::courier::Courier;
use crate::outgoing::Handed;
use crate::problem::Problem;
use crate::replicas::duties::Duties;
use crate::replicas::following::Following;

/// What people decide, and what must outlive the process: see [`store`].
pub trait Control: Accounts + Documents + store::Fleet + Outbox + Replication + Violations {}

impl<T: Accounts + Documents + store::Fleet + Outbox + Replication + Violations> Control for T {}

/// Whom to tell what an operator should know: one sentence.
pub type Log = Arc<dyn Fn(&str) + Send + Sync>;

/// What a server is made of.
pub struct Parts {
    /// Sessions, edges, postures.
    pub sessions: Arc<dyn Sessions>,
    /// Users, policies, violations, what is to be sent.
    pub control: Arc<dyn Control>,
    /// What time it is.
    pub clock: Clock,
    /// Where messages go.
    pub log: Log,
    /// Whether the data is only there to be looked at.
    pub data: DataKind,
    /// Where what came in goes besides the store.
    pub outlet: Option<Arc<dyn Outlet>>,
}

/// Where what came in goes besides the store.
pub trait Outlet: Send + Sync {
    /// Takes whole lines as tlsight writes them, of the host that told them; of this server, if that is empty. It
    /// returns when they outlive this process, and within some seconds: what has no room until then is dropped, and
    /// counted by the outlet.
    fn keep(&self, host: &str, lines: &[u8]);

    /// Writes its metrics.
    ///
    /// # Errors
    /// The encoder's.
    fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result;
}

/// Whether what is shown is real.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DataKind {
    /// It was seen.
    #[default]
    Real,
    /// It is made of samples.
    Demo,
}

/// What all requests work with.
#[derive(Clone)]
pub(crate) struct App(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) parts: Parts,
    pub(crate) passwords: Passwords,
    pub(crate) throttle: Throttle,
    pub(crate) live: Live,
    pub(crate) judge: Judge,
    pub(crate) courier: Courier,
    pub(crate) meter: Meter,
    pub(crate) handed: Handed,
    pub(crate) fleet: Fleet,
    pub(crate) following: Following,
    pub(crate) duties: Duties,
    /// Places for imports.
    pub(crate) imports: Arc<Semaphore>,
}

impl App {
    pub(crate) fn new(parts: Parts, entrance: Option<Arc<Entrance>>) -> Result<Self, NoHash> {
        let fleet = Fleet { entrance, ..Fleet::default() };
        Ok(Self(Arc::new(Shared {
            parts,
            passwords: Passwords::new()?,
            throttle: Throttle::default(),
            live: Live::default(),
            judge: Judge::default(),
            courier: Courier::default(),
            meter: Meter::default(),
            handed: Handed::default(),
            fleet,
            following: Following::default(),
            duties: Duties::default(),
            imports: Arc::new(Semaphore::new(MAX_IMPORTS)),
        })))
    }

    /// Asks the store of sessions, in a thread that may wait.
    pub(crate) async fn sessions<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&dyn Sessions) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Problem> {
        let store = Arc::clone(&self.parts.sessions);
        self.blocking(move || ask(&*store)).await
    }

    /// Asks the store of what people decide, in a thread that may wait.
    pub(crate) async fn control<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&dyn Control) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Problem> {
        let store = Arc::clone(&self.parts.control);
        self.blocking(move || ask(&*store)).await
    }

    /// Does what takes a while in a thread that may wait.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Problem> {
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(self.problem(&error)),
            Err(panic) => {
                self.log(&format!("a request failed: {panic}"));
                Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR))
            }
        }
    }

    /// What a client is told of an error of the store.
    pub(crate) fn problem(&self, error: &StoreError) -> Problem {
        let text = error.to_string();
        match error {
            StoreError::Full { .. } => {
                self.log(&text);
                Problem::new(StatusCode::INSUFFICIENT_STORAGE).because(text).retry_after(60)
            }
            StoreError::Unreachable { .. } => {
                self.log(&text);
                Problem::unavailable("the database does not answer")
            }
            StoreError::TooLarge { .. } | StoreError::Cursor(_) => Problem::bad_request(text),
            StoreError::LimitReached { .. }
            | StoreError::Conflict { .. }
            | StoreError::LastAdmin
            | StoreError::Exists { .. } => Problem::conflict(text),
            StoreError::Missing { .. } => Problem::new(StatusCode::NOT_FOUND).because(text),
            StoreError::Closed => Problem::unavailable("the server is about to end"),
            // What the file is called is nothing for clients.
            StoreError::Newer { .. }
            | StoreError::NotAStore { .. }
            | StoreError::InUse { .. }
            | StoreError::Damaged(_)
            | StoreError::File { .. }
            | _ => {
                self.log(&text);
                Problem::new(StatusCode::INTERNAL_SERVER_ERROR).because("the store failed")
            }
        }
    }

    /// Counts findings that there was no room for, and says so where there was room until now.
    pub(crate) fn left_out(&self, count: u64) {
        if count > 0 && self.meter.violations_left_out(count) {
            let limit = store::Violation::MAX_COUNT;
            self.log(&format!(
                "there are {limit} violations: of further ones only the more severe are kept"
            ));
        }
    }

    /// Tells the operator.
    pub(crate) fn log(&self, text: &str) {
        (self.parts.log)(text);
    }
}

impl std::ops::Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("App")
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Parts")
    }
}

/// Each holds a batch of some megabytes; the rest wait.
const MAX_IMPORTS: usize = 4;
