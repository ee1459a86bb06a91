//! All of a file's sessions, with their counts, into a database.

use std::path::Path;

use event::Timestamp;

use crate::clickhouse::{ClickHouseSessions, ClickHouseUrl, Import};
use crate::error::StoreError;
use crate::query::Window;
use crate::sessions::Sessions;
use crate::settings::{Retention, Settings};
use crate::sqlite::{Export, SqliteSessions};

/// What was moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// Sessions with their lines.
    pub sessions: u64,
    /// Sessions that were counted, those of edges among them.
    pub counted: u64,
    /// Edges.
    pub edges: u64,
    /// Who sent.
    pub sources: u64,
}

/// Why it was not, or not wholly.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotMigrated {
    /// All of it was moved before.
    #[error("all of it is in the database already")]
    Done,
    /// The database holds something else, or the file has changed since this was begun.
    #[error(
        "the database holds something already that is not of this file as it is: name one that is empty"
    )]
    NotEmpty,
    /// What is in the database is not what is in the file.
    #[error("{what}: {found} in the database, and not {expected}: do not use it")]
    Differs {
        /// What.
        what: &'static str,
        /// In the file.
        expected: u64,
        /// In the database.
        found: u64,
    },
    /// One of the stores failed; run it again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Moves all that a file holds into an empty database, and compares both. The file stays as it is, and no other
/// process may use it meanwhile. What is cut off goes on where it was when it is run again.
///
/// `progress` is told how many sessions of how many are there.
///
/// # Errors
/// See [`NotMigrated`].
pub fn migrate(
    from: &Path,
    to: &ClickHouseUrl,
    now: Timestamp,
    mut progress: impl FnMut(u64, u64),
) -> Result<Migrated, NotMigrated> {
    let forever = Retention { days: u32::MAX, max_bytes: u64::MAX };
    {
        let export = Export::open(from)?;
        let store = ClickHouseSessions::open(to.clone(), forever)?;
        let import = Import::begin(&store, &export, now.as_nanos())?;
        let senders = export.senders()?;
        import.dictionary(&senders)?;
        let total = export.totals()?.sessions;
        let mut done = 0_u64;
        for (number, blocks) in export.blocks()?.chunks(BLOCKS_AT_ONCE).enumerate() {
            let mut sessions = Vec::new();
            for block in blocks {
                sessions.extend(export.block(*block)?);
            }
            import.sessions(number, &sessions)?;
            done = done.saturating_add(sessions.len() as u64);
            progress(done, total);
        }
        for (number, part) in export.counts()?.chunks(ROWS_AT_ONCE).enumerate() {
            import.counts(&format!("counts {number}"), part, false)?;
        }
        for (number, part) in export.series()?.chunks(ROWS_AT_ONCE).enumerate() {
            import.counts(&format!("series {number}"), part, true)?;
        }
        for (number, part) in export.batches()?.chunks(ROWS_AT_ONCE).enumerate() {
            import.batches(&format!("batches {number}"), part)?;
        }
        import.tallies(&senders)?;
        import.end()?;
    }
    compare(from, to, forever, now)
}

/// Compares what both stores answer.
fn compare(
    from: &Path,
    to: &ClickHouseUrl,
    retention: Retention,
    now: Timestamp,
) -> Result<Migrated, NotMigrated> {
    let old = SqliteSessions::open(from, Settings { retention, ..Settings::default() })?;
    let new = ClickHouseSessions::open(to.clone(), retention)?;
    let window = Window { from: Timestamp::from_nanos(0), to: LATEST };
    let (old_sums, new_sums) = (old.overview(window, now)?, new.overview(window, now)?);
    let (old_status, new_status) = (old.status()?, new.status()?);
    let sum = |losses: Vec<crate::LossCount>| losses.iter().map(|loss| loss.count).sum::<u64>();
    let entries =
        |status: &crate::Status| status.dictionaries.iter().map(|it| it.count).sum::<u64>();
    let migrated = Migrated {
        sessions: new_status.sessions,
        counted: new_sums.sessions,
        edges: new_sums.edges,
        sources: new.agents()?.len() as u64,
    };
    let failures = (old_sums.failures, new_sums.failures);
    for (what, (expected, found)) in [
        ("sessions", (old_status.sessions, new_status.sessions)),
        ("sessions that were counted", (old_sums.sessions, new_sums.sessions)),
        ("failures that were counted", failures),
        ("edges", (old_sums.edges, new_sums.edges)),
        ("entries of the dictionaries", (entries(&old_status), entries(&new_status))),
        ("sources", (old.agents()?.len() as u64, migrated.sources)),
        ("losses", (sum(old.losses(window)?), sum(new.losses(window)?))),
    ] {
        if expected != found {
            return Err(NotMigrated::Differs { what, expected, found });
        }
    }
    Ok(migrated)
}

/// Blocks of sessions in one part: some ten thousand sessions.
const BLOCKS_AT_ONCE: usize = 10;

/// Rows of counts in one part, which is one block of rows.
const ROWS_AT_ONCE: usize = 200_000;

/// Later than any session, and early enough for a column of dates.
const LATEST: Timestamp = Timestamp::from_nanos(4_000_000_000 * 1_000_000_000);
