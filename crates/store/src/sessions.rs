//! What every store of sessions can do.

use event::Timestamp;

use crate::answer::{
    Certificate, Edge, Graph, Inventory, Overview, Pair, Readiness, SeriesPoint, SessionDetail,
    SessionLine, SessionRow,
};
use crate::batch::{Batch, Ingested};
use crate::error::StoreError;
use crate::id::{EdgeId, SessionId};
use crate::page::{Page, Paged};
use crate::query::{CertificateQuery, EdgeQuery, GraphQuery, SessionQuery, Window};
use crate::settings::Retention;
use crate::status::{Agent, LossCount, Status};

/// A store of sessions. All calls block and may be made from many threads.
///
/// Windows are counted in whole minutes, hours or days, whichever are still kept for that time: an
/// answer that has a window says which one it covers.
///
/// # Errors
/// All calls: [`StoreError::Full`] and [`StoreError::Damaged`]. Those that take a page:
/// [`StoreError::Cursor`].
pub trait Sessions: Send + Sync {
    /// Takes a batch, once. When this returns, the batch is kept: nothing short of a loss of power
    /// ([`crate::Durability`]) takes it back.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] if it or one of its records is over a limit; then nothing of it is kept.
    fn ingest(&self, batch: Batch) -> Result<Ingested, StoreError>;

    /// Takes several batches in one go, which costs less than one after the other: either each that it
    /// can take, or, where it fails as a whole, none of them. What becomes of each is in the order of the
    /// batches, and is the same as if they had come one after the other.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] if all of them together have more records than one may have. Within, the
    /// same for a batch that is over a limit by itself, of which nothing is kept.
    fn ingest_many(
        &self,
        batches: Vec<Batch>,
    ) -> Result<Vec<Result<Ingested, StoreError>>, StoreError>;

    /// Everything at a glance; `now` tells which certificates are expired.
    fn overview(&self, window: Window, now: Timestamp) -> Result<Overview, StoreError>;

    /// Sessions by grade and class over time, in minutes, hours or days.
    fn series(&self, window: Window) -> Result<Vec<SeriesPoint>, StoreError>;

    /// Edges with sessions in a window.
    fn edges(&self, query: &EdgeQuery, page: Page) -> Result<Paged<Edge>, StoreError>;

    /// One edge; absent if it is not known. Its counts are those of the window.
    fn edge(&self, id: EdgeId, window: Window) -> Result<Option<Edge>, StoreError>;

    /// The graph of a window.
    fn graph(&self, query: &GraphQuery) -> Result<Graph, StoreError>;

    /// Sessions, newest first.
    fn sessions(&self, query: &SessionQuery, page: Page) -> Result<Paged<SessionRow>, StoreError>;

    /// One session with its line.
    fn session(&self, id: SessionId) -> Result<Option<SessionDetail>, StoreError>;

    /// Lines of sessions, newest first, for exports.
    fn lines(&self, query: &SessionQuery, page: Page) -> Result<Paged<SessionLine>, StoreError>;

    /// Certificates of servers.
    fn certificates(
        &self,
        query: &CertificateQuery,
        page: Page,
    ) -> Result<Paged<Certificate>, StoreError>;

    /// One certificate, and the edges that use it with their counts in a window, most sessions first.
    fn certificate(
        &self,
        fingerprint: &str,
        window: Window,
    ) -> Result<Option<(Certificate, Vec<Edge>)>, StoreError>;

    /// Versions, cipher suites and groups in use.
    fn inventory(&self, window: Window) -> Result<Inventory, StoreError>;

    /// How far the post-quantum migration is.
    fn readiness(&self, window: Window) -> Result<Readiness, StoreError>;

    /// Every edge with every posture that is kept, in an order that stays, for judging them anew.
    fn pairs(&self, page: Page) -> Result<Paged<Pair>, StoreError>;

    /// What was not seen in a window.
    fn losses(&self, window: Window) -> Result<Vec<LossCount>, StoreError>;

    /// Who sends.
    fn agents(&self) -> Result<Vec<Agent>, StoreError>;

    /// How the store does.
    fn status(&self) -> Result<Status, StoreError>;

    /// Changes what is kept, from the next maintenance on.
    fn set_retention(&self, retention: Retention) -> Result<(), StoreError>;

    /// Forgets what is older than the retention at `now` or over its bytes, and drops what nothing
    /// refers to. Returns how many sessions went.
    fn maintain(&self, now: Timestamp) -> Result<u64, StoreError>;
}
