//! The secrets that are known, by session.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use zeroize::Zeroizing;

use crate::key_log::{KeyLogEntry, Label, MAX_LINE_OF_SECRET};
use crate::rsa::RsaKey;
use crate::secret::Secret;

/// The secrets that are known. Some threads may add to it while others look for secrets.
pub struct KeyStore {
    tables: RwLock<Tables>,
    /// Goes up with each secret that is added.
    generation: AtomicU64,
    max_sessions: usize,
}

#[derive(Default)]
struct Tables {
    by_random: HashMap<[u8; 32], Known>,
    by_session_id: HashMap<Box<[u8]>, Arc<Secret>>,
    by_encrypted_premaster: HashMap<[u8; 8], Arc<Secret>>,
    /// Keys of the maps, oldest first.
    order: VecDeque<Key>,
    rsa_keys: Vec<Arc<RsaKey>>,
    psks: Vec<Arc<Secret>>,
    dropped_sessions: u64,
}

/// What is known of the session with a client random.
#[derive(Default)]
struct Known {
    secrets: Vec<(Label, Arc<Secret>)>,
    /// Whether anybody has asked for it.
    is_used: AtomicBool,
}

enum Key {
    Random([u8; 32]),
    SessionId(Box<[u8]>),
    EncryptedPremaster([u8; 8]),
}

impl KeyStore {
    /// A store that knows nothing yet, and the secrets of at most `max_sessions` sessions: the oldest
    /// give way.
    #[must_use]
    pub fn new(max_sessions: usize) -> Self {
        Self { tables: RwLock::default(), generation: AtomicU64::new(0), max_sessions }
    }

    /// Adds the secret of a line.
    pub fn add(&self, entry: KeyLogEntry) {
        let mut tables = self.write();
        let key = match entry {
            KeyLogEntry::Random { label, random, secret } => {
                let known = &mut tables.by_random.entry(random).or_default().secrets;
                let is_first = known.is_empty();
                let alike = known.iter().filter(|(other, _)| *other == label);
                if alike.clone().any(|(_, other)| other.is_same(&secret))
                    || alike.count() >= MAX_ALTERNATIVES
                    || known.len() >= MAX_SECRETS
                {
                    return;
                }
                known.push((label, Arc::new(secret)));
                is_first.then_some(Key::Random(random))
            }
            KeyLogEntry::SessionId { id, secret } => {
                let before = tables.by_session_id.insert(id.clone(), Arc::new(secret));
                before.is_none().then_some(Key::SessionId(id))
            }
            KeyLogEntry::EncryptedPremaster { prefix, secret } => {
                let before = tables.by_encrypted_premaster.insert(prefix, Arc::new(secret));
                before.is_none().then_some(Key::EncryptedPremaster(prefix))
            }
            KeyLogEntry::Other => return,
        };
        tables.order.extend(key);
        while tables.order.len() > self.max_sessions {
            tables.drop_oldest();
        }
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// Adds the private key of a server with static RSA.
    pub fn add_rsa_key(&self, key: RsaKey) {
        self.write().rsa_keys.push(Arc::new(key));
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// Adds a pre-shared key.
    pub fn add_psk(&self, psk: Secret) {
        self.write().psks.push(Arc::new(psk));
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// A number that goes up whenever a secret is added.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Sessions whose secrets were dropped because there were too many.
    #[must_use]
    pub fn dropped_sessions(&self) -> u64 {
        self.read().dropped_sessions
    }

    /// The secrets with `label` of the session with this client random.
    #[must_use]
    pub fn by_random(&self, random: &[u8; 32], label: Label) -> Vec<Arc<Secret>> {
        let tables = self.read();
        let known = tables.known(random);
        known.iter().filter(|(of, _)| *of == label).map(|(_, it)| Arc::clone(it)).collect()
    }

    /// Whether anything is known of the session with this client random.
    #[must_use]
    pub fn knows_random(&self, random: &[u8; 32]) -> bool {
        self.read().by_random.contains_key(random)
    }

    /// The first generation known of the client's traffic secrets, or of the server's.
    #[must_use]
    pub fn application(&self, random: &[u8; 32], is_client: bool) -> Vec<Arc<Secret>> {
        let tables = self.read();
        let known = tables.known(random);
        let generation = |label: Label| match label {
            Label::ClientTraffic(generation) if is_client => Some(generation),
            Label::ServerTraffic(generation) if !is_client => Some(generation),
            Label::ClientRandom
            | Label::PremasterSecret
            | Label::ClientEarlyTraffic
            | Label::ClientHandshakeTraffic
            | Label::ServerHandshakeTraffic
            | Label::ClientTraffic(_)
            | Label::ServerTraffic(_)
            | Label::ClientWrite
            | Label::ServerWrite => None,
        };
        let first = known.iter().filter_map(|(label, _)| generation(*label)).min();
        let found =
            known.iter().filter(|(label, _)| first.is_some() && generation(*label) == first);
        found.map(|(_, secret)| Arc::clone(secret)).collect()
    }

    /// The master secret of the session with this id.
    #[must_use]
    pub fn by_session_id(&self, id: &[u8]) -> Option<Arc<Secret>> {
        self.read().by_session_id.get(id).map(Arc::clone)
    }

    /// The premaster secret of which this is the encrypted form: as it was told, or as a private key
    /// that was given opens it.
    #[must_use]
    pub fn premasters(&self, encrypted: &[u8]) -> Vec<Arc<Secret>> {
        let tables = self.read();
        let told = encrypted
            .first_chunk()
            .and_then(|prefix| tables.by_encrypted_premaster.get(prefix).map(Arc::clone));
        let opened = tables.rsa_keys.iter().filter_map(|key| key.open(encrypted).map(Arc::new));
        told.into_iter().chain(opened).collect()
    }

    /// Whether there are private keys, pre-shared keys or premaster secrets, for which the messages of
    /// a handshake are needed.
    #[must_use]
    pub fn has_premasters(&self) -> bool {
        let tables = self.read();
        !(tables.rsa_keys.is_empty()
            && tables.psks.is_empty()
            && tables.by_encrypted_premaster.is_empty())
    }

    /// The pre-shared keys that were given.
    #[must_use]
    pub fn psks(&self) -> Vec<Arc<Secret>> {
        self.read().psks.clone()
    }

    /// The lines of a key log (RFC 9850) with the secrets that were asked for by a client random, which
    /// are those of sessions that were seen.
    #[must_use]
    pub fn dangerous_used_lines(&self) -> Zeroizing<Vec<u8>> {
        let tables = self.read();
        let mut used: Vec<_> =
            tables.by_random.iter().filter(|(_, known)| known.is_used.load(Relaxed)).collect();
        used.sort_unstable_by_key(|(random, _)| **random);
        let secrets = used.iter().flat_map(|(random, known)| {
            known.secrets.iter().map(|(label, secret)| (**random, *label, secret))
        });
        let len = used.iter().map(|(_, known)| known.secrets.len() * MAX_LINE_OF_SECRET).sum();
        // A vector that grows leaves what it held behind.
        let mut lines = Zeroizing::new(Vec::with_capacity(len));
        for (random, label, secret) in secrets {
            label.dangerous_write_line(&random, secret, &mut lines);
        }
        lines
    }

    fn read(&self) -> RwLockReadGuard<'_, Tables> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Tables> {
        self.tables.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for KeyStore {
    fn default() -> Self {
        Self::new(MAX_SESSIONS)
    }
}

impl Tables {
    fn known(&self, random: &[u8; 32]) -> &[(Label, Arc<Secret>)] {
        let Some(known) = self.by_random.get(random) else { return &[] };
        known.is_used.store(true, Relaxed);
        &known.secrets
    }

    fn drop_oldest(&mut self) {
        match self.order.pop_front() {
            Some(Key::Random(random)) => drop(self.by_random.remove(&random)),
            Some(Key::SessionId(id)) => drop(self.by_session_id.remove(&id)),
            Some(Key::EncryptedPremaster(prefix)) => {
                drop(self.by_encrypted_premaster.remove(&prefix));
            }
            None => return,
        }
        self.dropped_sessions = self.dropped_sessions.saturating_add(1);
    }
}

/// Sessions whose secrets are kept by default: with up to 500 bytes each, some 500 MiB.
const MAX_SESSIONS: usize = 1 << 20;

/// Secrets with one label of one session: a client random is not certain to be unique.
const MAX_ALTERNATIVES: usize = 4;

/// Secrets of one session, all labels together.
const MAX_SECRETS: usize = 32;
