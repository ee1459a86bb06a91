//! The file of a store: opened, checked, brought up to date.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use crate::error::StoreError;
use crate::settings::Durability;

/// A kind of file with the steps that made its schema what it is.
pub(crate) struct Schema {
    /// What tells the kind: `PRAGMA application_id`.
    pub(crate) application_id: i32,
    /// Each step brings a file from the version of its place to the next.
    pub(crate) migrations: &'static [&'static str],
}

impl Schema {
    /// The latest version.
    pub(crate) fn version(&self) -> i64 {
        i64::try_from(self.migrations.len()).unwrap_or(i64::MAX)
    }
}

/// A file that this process has to itself.
pub(crate) struct StoreFile {
    pub(crate) path: PathBuf,
    /// Held until the store is closed.
    _lock: File,
}

impl StoreFile {
    /// Takes a file for this process, and makes it if there is none: for its owner only, because it
    /// says who talks to whom.
    ///
    /// # Errors
    /// [`StoreError::InUse`], [`StoreError::File`].
    pub(crate) fn take(path: &Path) -> Result<Self, StoreError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let failed = |path: &Path, source| StoreError::File { path: shown(path), source };
        let mut lock_path = path.as_os_str().to_owned();
        lock_path.push(".lock");
        let lock_path = PathBuf::from(lock_path);
        let lock = options.open(&lock_path).map_err(|error| failed(&lock_path, error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse { path: shown(path) }),
            Err(TryLockError::Error(error)) => return Err(failed(&lock_path, error)),
        }
        options.open(path).map_err(|error| failed(path, error))?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Opens the file for writing, with its schema up to date.
    ///
    /// # Errors
    /// [`StoreError::NotAStore`], [`StoreError::Newer`], and whatever SQLite says.
    pub(crate) fn writer(
        &self,
        schema: &Schema,
        durability: Durability,
    ) -> Result<Connection, StoreError> {
        let mut connection = self.open()?;
        let path = || shown(&self.path);
        let value = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let is_empty = value("page_count").map_err(|error| self.error(error))? == 0;
        let id = value("application_id").map_err(|error| self.error(error))?;
        let found = value("user_version").map_err(|error| self.error(error))?;
        if !is_empty && id != i64::from(schema.application_id) {
            return Err(StoreError::NotAStore { path: path() });
        }
        let known = schema.version();
        if found > known {
            return Err(StoreError::Newer { path: path(), found, known });
        }
        self.configure(&connection, is_empty, durability).map_err(|error| self.error(error))?;
        migrate(&mut connection, schema, found).map_err(|error| self.error(error))?;
        Ok(connection)
    }

    /// Opens the file for reading.
    pub(crate) fn reader(&self) -> Result<Connection, StoreError> {
        let connection = self.open()?;
        let set = || {
            connection.pragma_update(None, "query_only", true)?;
            connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
            connection.pragma_update(None, "temp_store", "memory")
        };
        set().map_err(|error| self.error(error))?;
        Ok(connection)
    }

    /// What an error of SQLite means.
    pub(crate) fn error(&self, error: rusqlite::Error) -> StoreError {
        use rusqlite::ErrorCode;
        let path = shown(&self.path);
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::Full { path },
            Some(ErrorCode::NotADatabase) => StoreError::NotAStore { path },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::InUse { path },
            _ => StoreError::Database { path, source: Box::new(error) },
        }
    }

    fn open(&self) -> Result<Connection, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(&self.path, flags).map_err(|error| self.error(error))?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(connection)
    }

    fn configure(
        &self,
        connection: &Connection,
        is_empty: bool,
        durability: Durability,
    ) -> rusqlite::Result<()> {
        if is_empty {
            connection.pragma_update(None, "page_size", PAGE_LEN)?;
            connection.pragma_update(None, "auto_vacuum", "incremental")?;
        }
        connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
        let synchronous = match durability {
            Durability::Process => "normal",
            Durability::Power => "full",
        };
        connection.pragma_update(None, "synchronous", synchronous)?;
        connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
        connection.pragma_update(None, "temp_store", "memory")?;
        connection.pragma_update(None, "foreign_keys", false)?;
        connection
            .pragma_update_and_check(None, "wal_autocheckpoint", CHECKPOINT_PAGES, |_| Ok(()))?;
        connection.pragma_update_and_check(None, "journal_size_limit", WAL_LEN, |_| Ok(()))
    }
}

fn migrate(connection: &mut Connection, schema: &Schema, found: i64) -> rusqlite::Result<()> {
    for (step, version) in schema.migrations.iter().zip(1_i64..) {
        if version <= found {
            continue;
        }
        let transaction = connection.transaction()?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "application_id", schema.application_id)?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
    }
    Ok(())
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Bytes of a page. Lines of a block are some dozen of these.
const PAGE_LEN: i64 = 8192;

/// Memory for pages of the writer: the ends of all trees, where everything is written.
const WRITER_CACHE_KIB: i64 = 64 * 1024;

/// Memory for pages of each reader. The kernel's cache does the rest.
const READER_CACHE_KIB: i64 = 16 * 1024;

/// Pages after which what was written is moved from the log into the file: 32 MiB.
const CHECKPOINT_PAGES: i64 = 4096;

/// Bytes that the log keeps after that.
const WAL_LEN: i64 = 64 << 20;

/// Statements that a connection keeps prepared; there are some thirty.
const STATEMENTS: usize = 64;
