//! A bounded cache of what was made of each shape.

use std::hash::BuildHasher as _;
use std::sync::Arc;

use event::Carrier;
use foldhash::fast::FixedState;
use hashbrown::HashTable;

use super::{ClientHelloInfo, ServerHelloInfo, write_client_shape, write_server_shape};
use crate::handshake::{ClientHello, ServerHello};

/// The shapes seen lately, with their names and fingerprints. A hit does not allocate.
///
/// One a worker. Shapes are compared byte by byte: a client that finds two with the same hash gains
/// nothing.
pub struct ShapeCache {
    clients: Generations<ClientHelloInfo>,
    servers: Generations<ServerHelloInfo>,
    hasher: FixedState,
    scratch: Vec<u8>,
}

impl ShapeCache {
    /// An empty cache. `seed` should be hard to guess from outside.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::with_max_bytes(seed, MAX_BYTES)
    }

    /// The same for a process with little memory: shapes of clients, and of servers, take at most
    /// `max_bytes`, and never more than [`MAX_BYTES`].
    #[must_use]
    pub fn with_max_bytes(seed: u64, max_bytes: usize) -> Self {
        let max_bytes = max_bytes.min(MAX_BYTES);
        Self {
            clients: Generations::new(max_bytes),
            servers: Generations::new(max_bytes),
            hasher: FixedState::with_seed(seed),
            scratch: Vec::with_capacity(TYPICAL_SHAPE_LEN),
        }
    }

    /// What the shape of a `ClientHello` says.
    pub fn client(&mut self, hello: &ClientHello<'_>, carrier: Carrier) -> Arc<ClientHelloInfo> {
        self.scratch.clear();
        write_client_shape(hello, carrier, &mut self.scratch);
        let hash = self.hasher.hash_one(self.scratch.as_slice());
        if let Some(info) = self.clients.find(hash, &self.scratch) {
            return info;
        }
        let info = Arc::new(ClientHelloInfo::new(hello, carrier));
        self.clients.insert(hash, &self.scratch, &info, info.weight());
        info
    }

    /// What the shape of a `ServerHello` says.
    pub fn server(&mut self, hello: &ServerHello<'_>) -> Arc<ServerHelloInfo> {
        self.scratch.clear();
        write_server_shape(hello, &mut self.scratch);
        let hash = self.hasher.hash_one(self.scratch.as_slice());
        if let Some(info) = self.servers.find(hash, &self.scratch) {
            return info;
        }
        let info = Arc::new(ServerHelloInfo::new(hello));
        self.servers.insert(hash, &self.scratch, &info, info.weight());
        info
    }

    /// How many shapes are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.clients.len().saturating_add(self.servers.len())
    }

    /// Whether no shape is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Two generations: what is found in the old one moves to the young one, and what is still in the
/// old one when the young one is full goes.
struct Generations<T> {
    young: HashTable<Entry<T>>,
    old: HashTable<Entry<T>>,
    young_bytes: usize,
    max_bytes: usize,
}

struct Entry<T> {
    hash: u64,
    shape: Box<[u8]>,
    info: Arc<T>,
    bytes: usize,
}

impl<T> Generations<T> {
    fn new(max_bytes: usize) -> Self {
        let capacity = MAX_ENTRIES / 2;
        Self {
            young: HashTable::with_capacity(capacity),
            old: HashTable::with_capacity(capacity),
            young_bytes: 0,
            max_bytes,
        }
    }

    fn find(&mut self, hash: u64, shape: &[u8]) -> Option<Arc<T>> {
        if let Some(entry) = self.young.find(hash, |entry| *entry.shape == *shape) {
            return Some(Arc::clone(&entry.info));
        }
        let found = self.old.find_entry(hash, |entry| *entry.shape == *shape).ok()?;
        let (entry, _) = found.remove();
        let info = Arc::clone(&entry.info);
        self.push(entry);
        Some(info)
    }

    fn insert(&mut self, hash: u64, shape: &[u8], info: &Arc<T>, weight: usize) {
        if shape.len() > MAX_SHAPE_LEN {
            return;
        }
        let bytes = weight.saturating_add(shape.len());
        self.push(Entry { hash, shape: Box::from(shape), info: Arc::clone(info), bytes });
    }

    fn push(&mut self, entry: Entry<T>) {
        let bytes = self.young_bytes.saturating_add(entry.bytes);
        if self.young.len() >= MAX_ENTRIES / 2 || bytes > self.max_bytes / 2 {
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
            self.young_bytes = entry.bytes;
        } else {
            self.young_bytes = bytes;
        }
        self.young.insert_unique(entry.hash, entry, |entry| entry.hash);
    }

    fn len(&self) -> usize {
        self.young.len().saturating_add(self.old.len())
    }
}

/// Most shapes of clients, and of servers, that are held. A network has some hundreds; browsers that
/// shuffle their extensions send a new one each time, and two thousand of those wash through without
/// taking the others along.
pub const MAX_ENTRIES: usize = 4096;

/// Most memory that shapes of clients, and of servers, take, in bytes; some 5 kB each, if all places
/// are taken.
pub const MAX_BYTES: usize = 24 << 20;

/// Longest shape that is held, in bytes. Those of known clients are below 1 kB.
pub const MAX_SHAPE_LEN: usize = 8 << 10;

/// Length that most shapes stay below, in bytes.
const TYPICAL_SHAPE_LEN: usize = 1 << 10;
