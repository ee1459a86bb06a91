//! A key log (RFC 9850) that grows.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use handover::{Reached, Tallies};
use rustix::fs::OFlags;
use secrets::SessionSecrets;

use crate::peer::Peer;
use crate::receipt::Receipt;
use crate::sink::Sink;

/// Writes secrets to a file, or to a pipe that somebody reads.
pub struct KeyLogFile {
    file: File,
    failures: Arc<AtomicU64>,
    on_miss: Box<OnMiss>,
}

type OnMiss = dyn FnMut(&Peer, &Tallies) + Send;

/// Why secrets cannot be written to a file.
#[derive(Debug, thiserror::Error)]
pub enum KeyLogError {
    /// Others than its owner may read what is in it.
    #[error("{path} may be read by others: it is to have the mode 0600")]
    Readable {
        /// Its path.
        path: PathBuf,
    },
    /// The system refuses.
    #[error("cannot write to {path}: {source}")]
    System {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl KeyLogFile {
    /// Opens a file to write at its end, or makes one that only its owner may read. `on_miss` is told what
    /// processes say of messages that did not come.
    ///
    /// # Errors
    /// [`KeyLogError`].
    pub fn open(
        path: &Path,
        on_miss: impl FnMut(&Peer, &Tallies) + Send + 'static,
    ) -> Result<Self, KeyLogError> {
        let failed = |source| KeyLogError::System { path: path.into(), source };
        let is_pipe = path.symlink_metadata().is_ok_and(|it| it.file_type().is_fifo());
        // A pipe that is open for reading as well never breaks when its reader comes and goes.
        let mut options = OpenOptions::new();
        options.read(is_pipe).append(true).create(!is_pipe).mode(0o600);
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        options.custom_flags(flags.bits().cast_signed());
        let file = options.open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.mode() & 0o077 != 0 {
            return Err(KeyLogError::Readable { path: path.into() });
        }
        Ok(Self { file, failures: Arc::default(), on_miss: Box::new(on_miss) })
    }

    /// Messages whose secrets could not be written.
    #[must_use]
    pub fn failures(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.failures)
    }

    /// Writes the lines of one message at once, so that readers see all of them.
    fn write(&mut self, secrets: &SessionSecrets, is_durable: bool) -> io::Result<()> {
        let lines = secrets::dangerous_key_log_lines(&secrets.client_random, &secrets.secrets);
        self.file.write_all(&lines)?;
        if is_durable { self.file.sync_data() } else { Ok(()) }
    }
}

impl Sink for KeyLogFile {
    fn take(&mut self, secrets: SessionSecrets, receipt: Receipt) {
        let is_durable = receipt.wait() == Some(Reached::Durable);
        match self.write(&secrets, is_durable) {
            Ok(()) if is_durable => receipt.reach(Reached::Durable),
            Ok(()) => receipt.reach(Reached::Live),
            Err(_) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn miss(&mut self, peer: &Peer, _client_random: Option<&[u8; 32]>, tallies: &Tallies) {
        (self.on_miss)(peer, tallies);
    }
}
