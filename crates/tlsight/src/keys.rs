//! Secrets of sessions, from the files that the user names and from captures.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, bail};
use capture::{FileReader, SecretsType};
use escrow::release::read_answer_bytes;
use escrow::seal::Opener;
use secrets::{KeyLogReader, KeyStore, RsaKey, Secret};
use session::{Decryption, Extent, Patience};
use zeroize::Zeroizing;

use crate::cli::KeyArgs;
use crate::escrow::released;
use crate::message;

/// What is known of secrets, and where more of them may come from.
pub(crate) struct Keys {
    store: Arc<KeyStore>,
    logs: Vec<KeyLog>,
    /// Blocks of secrets of the current capture that were read.
    blocks_read: usize,
    /// Sealed secrets of it that were read, and what opens them.
    sealed_read: usize,
    opener: Option<Arc<Mutex<Opener>>>,
}

/// A key log file, and how far it was read.
struct KeyLog {
    path: PathBuf,
    file: File,
    reader: KeyLogReader,
}

impl Keys {
    /// Reads all files that `args` name. An escrow that releases secrets writes down that it is for `purpose`.
    ///
    /// # Errors
    /// A file that cannot be read, or holds something else; a request that is refused.
    pub(crate) fn load(args: &KeyArgs, purpose: &str) -> Result<Self> {
        let store = Arc::new(KeyStore::default());
        released::load(&args.released, purpose, &store)?;
        for path in &args.rsa_key {
            let pem = fs::read(path).map(Zeroizing::new);
            let pem = pem.with_context(|| format!("cannot read {}", path.display()))?;
            let key = RsaKey::from_pem(&pem).with_context(|| path.display().to_string())?;
            store.add_rsa_key(key);
        }
        for psk in &args.psk {
            store.add_psk(Secret::new(&psk.0));
        }
        let mut logs = Vec::new();
        for path in &args.keylog {
            logs.push(KeyLog::open(path)?);
        }
        let opener = released::opener(&args.released)?.map(|opener| Arc::new(Mutex::new(opener)));
        let mut keys = Self { logs, opener, ..Self::of(store) };
        keys.read_logs()?;
        for log in &mut keys.logs {
            log.finish(&keys.store);
        }
        Ok(keys)
    }

    /// Secrets that somebody has found.
    pub(crate) fn of(store: Arc<KeyStore>) -> Self {
        Self { store, logs: Vec::new(), blocks_read: 0, sealed_read: 0, opener: None }
    }

    /// Whether more may be written to a key log while packets come.
    pub(crate) const fn may_grow(&self) -> bool {
        !self.logs.is_empty()
    }

    /// The secrets.
    pub(crate) const fn store(&self) -> &Arc<KeyStore> {
        &self.store
    }

    /// The same secrets for somebody who reads captures.
    pub(crate) fn share(&self) -> Self {
        Self { opener: self.opener.clone(), ..Self::of(Arc::clone(&self.store)) }
    }

    /// How sessions are decrypted with them.
    pub(crate) fn decryption(&self, patience: Option<Patience>) -> Decryption {
        Decryption { keys: Arc::clone(&self.store), extent: Extent::Session, patience }
    }

    /// Reads what key logs have grown by.
    ///
    /// # Errors
    /// A file that cannot be read any more.
    pub(crate) fn read_logs(&mut self) -> Result<()> {
        self.logs.iter_mut().try_for_each(|log| log.read(&self.store))
    }

    /// Takes the secrets that a capture carries, as far as it was read.
    pub(crate) fn read_blocks(&mut self, reader: &FileReader) {
        let blocks = reader.secrets();
        for block in blocks.get(self.blocks_read..).unwrap_or_default() {
            if block.kind() == SecretsType::TLS_KEY_LOG {
                let mut log = KeyLogReader::new();
                log.feed(block.dangerous_bytes(), &mut |entry| self.store.add(entry));
                log.finish(&mut |entry| self.store.add(entry));
            }
        }
        self.blocks_read = blocks.len();
        let sealed = reader.sealed();
        for answer in sealed.get(self.sealed_read..).unwrap_or_default() {
            self.open_sealed(answer);
        }
        self.sealed_read = sealed.len();
    }

    /// Takes what an escrow released, if it is sealed to whose keys are here.
    fn open_sealed(&self, answer: &[u8]) {
        let Some(opener) = &self.opener else {
            return message::error(
                "there are sealed secrets in the capture: --escrow-key opens them",
            );
        };
        let mut opener = opener.lock().unwrap_or_else(PoisonError::into_inner);
        let each = &mut |told| released::add(&self.store, told);
        if let Err(error) = read_answer_bytes(answer.into(), &mut opener, each) {
            message::error(&format!("sealed secrets in the capture: {error}"));
        }
    }

    /// Takes note that another capture follows.
    pub(crate) const fn next_capture(&mut self) {
        (self.blocks_read, self.sealed_read) = (0, 0);
    }
}

impl KeyLog {
    fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
            bail!("cannot read {}: it is a directory", path.display());
        }
        Ok(Self { path: path.to_owned(), file, reader: KeyLogReader::new() })
    }

    fn read(&mut self, store: &KeyStore) -> Result<()> {
        let mut piece = Zeroizing::new(vec![0; PIECE_LEN]);
        loop {
            let len = self.file.read(&mut piece);
            let len = len.with_context(|| format!("cannot read {}", self.path.display()))?;
            if len == 0 {
                return Ok(());
            }
            self.reader.feed(piece.get(..len).unwrap_or_default(), &mut |entry| store.add(entry));
        }
    }

    /// Takes a last line without an end, and says what is wrong with the file.
    fn finish(&mut self, store: &KeyStore) {
        self.reader.finish(&mut |entry| store.add(entry));
        let counts = self.reader.counts();
        let path = self.path.display();
        let wrong = counts.malformed.saturating_add(counts.unknown_labels);
        if wrong > 0 {
            message::error(&format!("{path}: {wrong} lines are none of a key log"));
        } else if counts.secrets == 0 {
            message::error(&format!("{path}: no secrets in it"));
        }
    }
}

/// Bytes of a key log that are read at a time.
const PIECE_LEN: usize = 64 << 10;
