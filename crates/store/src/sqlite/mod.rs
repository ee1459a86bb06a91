//! Sessions in a SQLite file.
//!
//! One thread writes, in the order in which batches came; a few connections read by its side. What
//! sessions have in common is in memory as well ([`crate::catalog`]), so that a query adds up counts
//! and joins nothing. Sessions themselves are in blocks ([`crate::block`]).

mod blocks;
mod compact;
mod counts;
mod dictionaries;
mod export;
mod ingest;
mod meta;
mod plan;
mod pool;
mod prepare;
mod prune;
mod read;
mod retention;
mod schema;
mod search;
mod tables;
mod writer;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use event::Timestamp;

pub(crate) use export::{Counted, Export, Sender, Session, Taken};
pub(crate) use schema::{Schema, StoreFile};

use self::pool::Pool;
use self::prepare::Prepared;
use self::writer::Writer;
use crate::analysis;
use crate::answer::{
    Certificate, Edge, Graph, Inventory, Overview, Pair, Readiness, SeriesPoint, SessionDetail,
    SessionLine, SessionRow,
};
use crate::batch::{Batch, Ingested};
use crate::catalog::Catalog;
use crate::error::StoreError;
use crate::id::{EdgeId, SessionId};
use crate::intake::{self, one};
use crate::page::{Page, Paged};
use crate::query::{CertificateQuery, EdgeQuery, GraphQuery, SessionQuery, Window};
use crate::sessions::Sessions;
use crate::settings::{Retention, Settings};
use crate::status::{Agent, LossCount, Status};

/// Sessions in a SQLite file, which no other process may use meanwhile.
pub struct SqliteSessions {
    // Dropped first: what is in its queue is written before the file is given up.
    writer: Writer,
    shared: Arc<Shared>,
}

/// What readers and the writer have in common.
struct Shared {
    pool: Pool,
    catalog: RwLock<Catalog>,
    retention: Mutex<Retention>,
    /// Why the last maintenance failed, if it did.
    trouble: Mutex<Option<String>>,
    // Dropped last: it holds the lock.
    file: StoreFile,
}

impl SqliteSessions {
    /// Opens a file, and makes it if there is none.
    ///
    /// # Errors
    /// [`StoreError::InUse`], [`StoreError::Newer`], [`StoreError::NotAStore`], [`StoreError::File`].
    pub fn open(path: &Path, settings: Settings) -> Result<Self, StoreError> {
        let file = StoreFile::take(path)?;
        let connection = file.writer(&tables::SESSIONS, settings.durability)?;
        let catalog = dictionaries::load(&connection).map_err(|error| file.error(error))?;
        let shared = Arc::new(Shared {
            pool: Pool::open(&file)?,
            catalog: RwLock::new(catalog),
            retention: Mutex::new(settings.retention),
            trouble: Mutex::new(None),
            file,
        });
        let writer = Writer::start(Arc::clone(&shared), connection)?;
        Ok(Self { writer, shared })
    }
}

impl Shared {
    fn catalog(&self) -> RwLockReadGuard<'_, Catalog> {
        self.catalog.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn retention(&self) -> Retention {
        *self.retention.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sessions for SqliteSessions {
    fn ingest(&self, batch: Batch) -> Result<Ingested, StoreError> {
        one(self.writer.ingest(vec![Prepared::new(batch)?])?)
    }

    fn ingest_many(
        &self,
        batches: Vec<Batch>,
    ) -> Result<Vec<Result<Ingested, StoreError>>, StoreError> {
        intake::check_many(&batches)?;
        let prepared: Vec<_> = batches.into_iter().map(Prepared::new).collect();
        intake::each(prepared, |these| self.writer.ingest(these))
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
        *self.shared.retention.lock().unwrap_or_else(PoisonError::into_inner) = retention;
        Ok(())
    }

    fn maintain(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut sessions = 0_u64;
        loop {
            let forgotten = self.writer.maintain(now)?;
            sessions = sessions.saturating_add(forgotten.sessions);
            if !forgotten.has_more {
                return Ok(sessions);
            }
        }
    }
}
