//! Sessions in a database of ClickHouse.
//!
//! As in the SQLite store, what sessions have in common is in memory ([`crate::catalog`]), counts are
//! added up by the database, and answers are made of both here ([`crate::analysis`]). Rows name edges
//! and postures by names that follow from their content, so several servers may use one database.

mod answers;
mod client;
mod condition;
mod decisions;
mod dialect;
mod dictionary;
mod doubt;
mod failure;
mod import;
mod ingest;
mod maintain;
mod read;
mod rows;
mod schema;
mod search;
mod url;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use event::Timestamp;
use hashbrown::HashSet;

pub(crate) use decisions::{Appended, Decisions, Head, Name, Part, Said};
pub(crate) use import::Import;
pub use url::{ClickHouseUrl, NotAClickHouseUrl};

use self::answers::Answers;
use self::client::Client;
use self::dialect::Dialect;
use self::doubt::Doubt;
use self::failure::Failure;
use self::ingest::BatchId;
use self::schema::{DICTIONARY, Entry, VERSION};
use crate::analysis;
use crate::answer::{
    Certificate, Edge, Graph, Inventory, Overview, Pair, Readiness, SeriesPoint, SessionDetail,
    SessionLine, SessionRow,
};
use crate::batch::{Batch, Ingested, Source};
use crate::catalog::Catalog;
use crate::error::StoreError;
use crate::id::{EdgeId, SessionId};
use crate::intake::{self, Named, one};
use crate::page::{Page, Paged};
use crate::query::{CertificateQuery, EdgeQuery, GraphQuery, SessionQuery, Window};
use crate::sessions::Sessions;
use crate::settings::Retention;
use crate::status::{Agent, LossCount, Status};
use crate::steps::Kept;

/// Sessions in a database of ClickHouse, of one server or a cluster.
pub struct ClickHouseSessions {
    writer: Mutex<Writer>,
    shared: Shared,
}

/// What only whoever takes a batch needs.
#[derive(Default)]
struct Writer {
    /// Hosts and versions of sources, as the server knows them.
    sources: BTreeMap<String, (String, String)>,
}

struct Shared {
    client: Client,
    dialect: Dialect,
    catalog: RwLock<Catalog>,
    retention: Mutex<Retention>,
    /// Why the last maintenance failed, if it did.
    trouble: Mutex<Option<String>>,
    /// The block that may be on its way still, though its answer was lost.
    doubt: Mutex<Option<Doubt>>,
    /// Batches that are there though their sender was told that they failed, until they come again.
    settled: Mutex<BTreeMap<BatchId, Ingested>>,
    /// Some batches that have happened.
    happened: Mutex<HashSet<BatchId, foldhash::fast::RandomState>>,
    /// What became of the latest batches that this process took.
    answers: Mutex<Answers>,
    kept: Mutex<Kept>,
    /// Whether a batch may have happened that the catalog does not have.
    is_stale: AtomicBool,
    /// The latest version of an entry of the dictionary that this process wrote.
    last_version: AtomicI64,
    /// The version up to which the dictionary was read.
    dictionary_read_to: AtomicI64,
}

impl ClickHouseSessions {
    /// Connects to a server, and makes the database and its tables where there are none.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`], [`StoreError::Database`], [`StoreError::Newer`], and
    /// [`StoreError::File`] for the certificates of `ca`.
    pub fn open(url: ClickHouseUrl, retention: Retention) -> Result<Self, StoreError> {
        let mut client = Client::new(url)?;
        let dialect = prepare(&mut client).map_err(|error| error.at(client.url()))?;
        let shared = Shared {
            client,
            dialect,
            catalog: RwLock::new(Catalog::default()),
            retention: Mutex::new(retention),
            trouble: Mutex::new(None),
            doubt: Mutex::new(None),
            happened: Mutex::new(HashSet::default()),
            settled: Mutex::new(BTreeMap::new()),
            answers: Mutex::new(Answers::default()),
            kept: Mutex::new(Kept::default()),
            is_stale: AtomicBool::new(false),
            last_version: AtomicI64::new(0),
            dictionary_read_to: AtomicI64::new(0),
        };
        shared.check_schema()?;
        shared.refresh().map_err(|error| shared.error(error))?;
        Ok(Self { writer: Mutex::new(Writer::default()), shared })
    }
}

/// Learns what the server knows, and makes the tables.
fn prepare(client: &mut Client) -> Result<Dialect, Failure> {
    let version = client.select("SELECT version()", |row| row.text(MAX_VERSION_LEN))?;
    let dialect = Dialect::of(version.first().map_or("", String::as_str));
    client.is_modern = dialect == Dialect::Modern;
    client.run(&schema::create_database(client.url()))?;
    for table in schema::ALL {
        for statement in table.create(dialect, client.url()) {
            client.run(&statement)?;
        }
    }
    Ok(dialect)
}

impl Shared {
    fn catalog(&self) -> RwLockReadGuard<'_, Catalog> {
        self.catalog.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn catalog_mut(&self) -> RwLockWriteGuard<'_, Catalog> {
        self.catalog.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn retention(&self) -> Retention {
        *lock(&self.retention)
    }

    fn trouble(&self) -> Option<String> {
        lock(&self.trouble).clone()
    }

    fn kept(&self) -> Kept {
        *lock(&self.kept)
    }

    /// Notes up to when counts are forgotten, which never goes back.
    fn note_kept(&self, found: Kept) -> Kept {
        let mut kept = lock(&self.kept);
        kept.minutes_from = kept.minutes_from.max(found.minutes_from);
        kept.hours_from = kept.hours_from.max(found.hours_from);
        *kept
    }

    /// Those of some batches that are known to have happened, and the others.
    fn split_happened(&self, asked: BTreeSet<BatchId>) -> (BTreeSet<BatchId>, Vec<BatchId>) {
        let happened = lock(&self.happened);
        let (known, unknown): (BTreeSet<_>, BTreeSet<_>) =
            asked.into_iter().partition(|batch| happened.contains(batch));
        (known, unknown.into_iter().collect())
    }

    fn note_happened(&self, batches: impl IntoIterator<Item = BatchId>) {
        let mut happened = lock(&self.happened);
        if happened.len() >= MAX_HAPPENED {
            happened.clear();
        }
        happened.extend(batches);
    }

    /// Reads the catalog anew if a batch may have happened that it does not have.
    fn freshen(&self) -> Result<(), StoreError> {
        if !self.is_stale.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        self.refresh().map_err(|error| {
            self.is_stale.store(true, Ordering::Relaxed);
            self.error(error)
        })
    }

    /// Notes the version of the schema, and refuses a later one.
    fn check_schema(&self) -> Result<(), StoreError> {
        let failed = |error| self.error(error);
        let versions = self.texts(Entry::Schema).map_err(failed)?;
        let found = versions.values().filter_map(|text| text.parse::<i64>().ok()).max();
        match found {
            Some(found) if found > VERSION => {
                let path = self.client.url().to_string();
                Err(StoreError::Newer { path, found, known: VERSION })
            }
            Some(_) => Ok(()),
            None => {
                let mut row = rows::Rows::default();
                let body = VERSION.to_string();
                row.u8(Entry::Schema as u8).raw(&ingest::NOTHING).text(b"").text(body.as_bytes());
                row.i64(VERSION);
                let table = DICTIONARY.written(self.client.url());
                self.client.insert_again(&table, &row, None).map_err(failed)
            }
        }
    }

    fn error(&self, error: Failure) -> StoreError {
        error.at(self.client.url())
    }
}

impl Writer {
    /// Whether a source is not known as it is, and notes it.
    fn note_source(&mut self, source: &Source) -> bool {
        let said = (source.host.clone(), source.version.clone());
        if self.sources.get(&source.id) == Some(&said) {
            return false;
        }
        if self.sources.len() >= MAX_SOURCES {
            self.sources.clear();
        }
        self.sources.insert(source.id.clone(), said);
        true
    }
}

impl Sessions for ClickHouseSessions {
    fn ingest(&self, batch: Batch) -> Result<Ingested, StoreError> {
        let named = Named::new(batch)?;
        one(self.shared.ingest(&mut lock(&self.writer), &[named])?)
    }

    fn ingest_many(
        &self,
        batches: Vec<Batch>,
    ) -> Result<Vec<Result<Ingested, StoreError>>, StoreError> {
        intake::check_many(&batches)?;
        let named: Vec<_> = batches.into_iter().map(Named::new).collect();
        intake::each(named, |these| self.shared.ingest(&mut lock(&self.writer), &these))
    }

    fn overview(&self, window: Window, now: Timestamp) -> Result<Overview, StoreError> {
        let (sums, series) = (self.shared.sums(window)?, self.series(window)?);
        Ok(analysis::overview(&self.shared.catalog(), &sums, series, now))
    }

    fn series(&self, window: Window) -> Result<Vec<SeriesPoint>, StoreError> {
        self.shared.series(window)
    }

    fn edges(&self, query: &EdgeQuery, page: Page) -> Result<Paged<Edge>, StoreError> {
        let sums = self.shared.sums(query.window)?;
        analysis::edges(&self.shared.catalog(), &sums, query, page)
    }

    fn edge(&self, id: EdgeId, window: Window) -> Result<Option<Edge>, StoreError> {
        let sums = self.shared.sums(window)?;
        Ok(analysis::edge(&self.shared.catalog(), &sums, id))
    }

    fn graph(&self, query: &GraphQuery) -> Result<Graph, StoreError> {
        let sums = self.shared.sums(query.window)?;
        analysis::graph(&self.shared.catalog(), &sums, query)
    }

    fn sessions(&self, query: &SessionQuery, page: Page) -> Result<Paged<SessionRow>, StoreError> {
        self.shared.sessions(query, page)
    }

    fn session(&self, id: SessionId) -> Result<Option<SessionDetail>, StoreError> {
        self.shared.session(id)
    }

    fn lines(&self, query: &SessionQuery, page: Page) -> Result<Paged<SessionLine>, StoreError> {
        self.shared.lines(query, page)
    }

    fn certificates(
        &self,
        query: &CertificateQuery,
        page: Page,
    ) -> Result<Paged<Certificate>, StoreError> {
        self.shared.freshen()?;
        analysis::certificates(&self.shared.catalog(), query, page)
    }

    fn certificate(
        &self,
        fingerprint: &str,
        window: Window,
    ) -> Result<Option<(Certificate, Vec<Edge>)>, StoreError> {
        let sums = self.shared.sums(window)?;
        Ok(analysis::certificate(&self.shared.catalog(), &sums, fingerprint))
    }

    fn inventory(&self, window: Window) -> Result<Inventory, StoreError> {
        let sums = self.shared.sums(window)?;
        Ok(analysis::inventory(&self.shared.catalog(), &sums))
    }

    fn readiness(&self, window: Window) -> Result<Readiness, StoreError> {
        let (sums, series) = (self.shared.sums(window)?, self.series(window)?);
        Ok(analysis::readiness(&self.shared.catalog(), &sums, series))
    }

    fn pairs(&self, page: Page) -> Result<Paged<Pair>, StoreError> {
        self.shared.freshen()?;
        Ok(analysis::pairs(&self.shared.catalog(), page)?)
    }

    fn losses(&self, window: Window) -> Result<Vec<LossCount>, StoreError> {
        self.shared.losses(window)
    }

    fn agents(&self) -> Result<Vec<Agent>, StoreError> {
        self.shared.agents()
    }

    fn status(&self) -> Result<Status, StoreError> {
        self.shared.status()
    }

    fn set_retention(&self, retention: Retention) -> Result<(), StoreError> {
        *lock(&self.shared.retention) = retention;
        Ok(())
    }

    fn maintain(&self, now: Timestamp) -> Result<u64, StoreError> {
        // Batches wait: what is removed from the dictionary must not be what one of them adds.
        let _writer = lock(&self.writer);
        let result = self.shared.maintain(now);
        *lock(&self.shared.trouble) = result.as_ref().err().map(ToString::to_string);
        result
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Batches that are remembered to have happened: all of the last minutes, at 16 bytes.
const MAX_HAPPENED: usize = 65_536;

/// Sources that are remembered: more agents than one server has.
const MAX_SOURCES: usize = 10_000;

/// Longest version that a server may have.
const MAX_VERSION_LEN: usize = 256;
