//! Looks for what was asked for.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::matching::Matching;
use crate::keys::{Asked, Custody, CustodyError, FileError};
use crate::seal::{Content, NotOpened, Opener, SealedRecord};
use crate::store::{
    Damage, Entry, Found, IndexKey, SegmentName, SegmentReader, Tag, find, segments,
};
use crate::tier::Part;

/// Has the archive and the keys of epochs.
pub struct Broker {
    store: PathBuf,
    custody: Custody,
    index_key: IndexKey,
}

/// What one end of a session told at one stage, as far as it may be told.
pub struct Told {
    /// Who told it.
    pub agent: String,
    /// Its parts, the metadata first.
    pub contents: Vec<Content>,
}

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Different client randoms.
    pub sessions: u64,
    /// Entries that may be what was asked for, and cannot be read: their epoch is destroyed.
    pub destroyed: u64,
    /// Entries that are damaged.
    pub damaged: u64,
    /// Client randoms whose master secret was asked for and is not there: nobody told it, or the session is of
    /// TLS 1.3, whose key log has none.
    pub without_master: u64,
}

/// Why nothing can be released.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReleaseError {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// Keys cannot be used.
    #[error(transparent)]
    Custody(#[from] CustodyError),
    /// A client random in the request is none.
    #[error("a client random in the request is none")]
    ClientRandom,
}

/// The keys of an epoch, as far as they are asked for; none if they are destroyed.
type Keys = HashMap<u64, Option<Opener>>;

impl Broker {
    /// A broker of an archive, its keys, and the key of its index.
    #[must_use]
    pub const fn new(store: PathBuf, custody: Custody, index_key: IndexKey) -> Self {
        Self { store, custody, index_key }
    }

    /// Hands on what was asked for.
    ///
    /// # Errors
    /// See [`ReleaseError`].
    pub fn collect(
        &self,
        asked: &Asked<'_>,
        each: &mut dyn FnMut(Told),
    ) -> Result<Collected, ReleaseError> {
        let matching = Matching::new(&asked.request.filter).ok_or(ReleaseError::ClientRandom)?;
        let tags: HashSet<Tag> =
            matching.client_randoms.iter().map(|random| self.index_key.tag(random)).collect();
        let mut search = Search {
            broker: self,
            matching,
            parts: asked.tier.parts(),
            keys: Keys::new(),
            sessions: BTreeSet::new(),
            with_master: BTreeSet::new(),
            collected: Collected::default(),
        };
        for name in segments(&self.store)? {
            search.segment(name, &tags, each)?;
        }
        search.collected.sessions = search.sessions.len() as u64;
        if search.parts.contains(&Part::Master) {
            let missing = search.sessions.difference(&search.with_master).count();
            search.collected.without_master = missing as u64;
        }
        Ok(search.collected)
    }
}

struct Search<'a> {
    broker: &'a Broker,
    matching: Matching<'a>,
    parts: &'static [Part],
    keys: Keys,
    sessions: BTreeSet<[u8; 32]>,
    with_master: BTreeSet<[u8; 32]>,
    collected: Collected,
}

impl Search<'_> {
    fn segment(
        &mut self,
        name: SegmentName,
        tags: &HashSet<Tag>,
        each: &mut dyn FnMut(Told),
    ) -> Result<(), ReleaseError> {
        let path = name.file(&self.broker.store);
        if !self.keys.contains_key(&name.epoch) {
            let opener = match self.broker.custody.keys(name.epoch, self.parts) {
                Ok(keys) => {
                    let mut opener = Opener::default();
                    keys.into_iter().for_each(|key| opener.add_key(key));
                    Some(opener)
                }
                Err(CustodyError::Destroyed(_)) => None,
                Err(error) => return Err(error.into()),
            };
            self.keys.insert(name.epoch, opener);
        }
        let Some(mut opener) = self.keys.remove(&name.epoch).flatten() else {
            self.keys.insert(name.epoch, None);
            return self.count_destroyed(&path, tags);
        };
        let found = if tags.is_empty() {
            self.all_of(name, &path, &mut opener, each)
        } else {
            let mut entries = Vec::new();
            let damage = find(&path, tags, &mut |found| entries.push(found.bytes.to_vec()))?;
            self.note(&damage);
            entries.iter().try_for_each(|bytes| {
                self.entry(name, &Found { offset: 0, bytes, is_whole: true }, &mut opener, each)
            })
        };
        self.keys.insert(name.epoch, Some(opener));
        found
    }

    fn all_of(
        &mut self,
        name: SegmentName,
        path: &Path,
        opener: &mut Opener,
        each: &mut dyn FnMut(Told),
    ) -> Result<(), ReleaseError> {
        let mut reader = SegmentReader::open(path)?;
        while let Some(found) = reader.next_entry()? {
            if !found.is_whole {
                self.collected.damaged = self.collected.damaged.saturating_add(1);
            }
            self.entry(name, &found, opener, each)?;
        }
        Ok(())
    }

    fn note(&mut self, damage: &[Damage]) {
        self.collected.damaged = self.collected.damaged.saturating_add(damage.len() as u64);
    }

    /// Counts what may have been asked for and cannot be read.
    fn count_destroyed(&mut self, path: &Path, tags: &HashSet<Tag>) -> Result<(), ReleaseError> {
        let mut reader = SegmentReader::open(path)?;
        while let Some(found) = reader.next_entry()? {
            let Ok(Entry::Session { tag, agent, records }) = Entry::parse(found.bytes) else {
                continue;
            };
            let time_ms = records.first().map_or(0, |record| record.time_ms);
            let may_be = tags.is_empty() || tags.contains(&tag);
            if may_be && self.matching.is_near(time_ms, agent) {
                self.collected.destroyed = self.collected.destroyed.saturating_add(1);
            }
        }
        Ok(())
    }

    fn entry(
        &mut self,
        name: SegmentName,
        found: &Found<'_>,
        opener: &mut Opener,
        each: &mut dyn FnMut(Told),
    ) -> Result<(), ReleaseError> {
        match Entry::parse(found.bytes) {
            Ok(Entry::Context(context)) => {
                // Those of parts that were not asked for have no key here.
                opener.add_context(&context).ok();
            }
            Ok(Entry::Session { tag, agent, records }) => {
                self.session(name, tag, agent, &records, opener, each)?;
            }
            Err(_) => self.collected.damaged = self.collected.damaged.saturating_add(1),
        }
        Ok(())
    }

    fn session(
        &mut self,
        name: SegmentName,
        tag: Tag,
        agent: &str,
        records: &[SealedRecord<'_>],
        opener: &mut Opener,
        each: &mut dyn FnMut(Told),
    ) -> Result<(), ReleaseError> {
        let metadata = records.iter().find(|record| record.part == Part::Metadata);
        let Some(metadata) = metadata.filter(|it| self.matching.is_near(it.time_ms, agent)) else {
            return Ok(());
        };
        let mut contents = Vec::new();
        let others = records.iter().filter(|it| it.part != Part::Metadata);
        for record in std::iter::once(metadata).chain(others) {
            if !self.parts.contains(&record.part) {
                continue;
            }
            let Some(content) = self.open(name, record, opener)? else { continue };
            // A record that was put under another tag would be found by nobody, or by the wrong one.
            if self.broker.index_key.tag(&content.facts.client_random) != tag {
                self.collected.damaged = self.collected.damaged.saturating_add(1);
                continue;
            }
            if content.part == Part::Metadata && !self.matching.is_of(&content) {
                return Ok(());
            }
            contents.push(content);
        }
        if let Some(first) = contents.first().filter(|first| first.part == Part::Metadata) {
            self.sessions.insert(first.facts.client_random);
            if contents.iter().any(|content| content.part == Part::Master) {
                self.with_master.insert(first.facts.client_random);
            }
            each(Told { agent: agent.to_owned(), contents });
        }
        Ok(())
    }

    /// Opens a record, whose context may be elsewhere; nothing if it is damaged.
    fn open(
        &mut self,
        name: SegmentName,
        record: &SealedRecord<'_>,
        opener: &mut Opener,
    ) -> Result<Option<Content>, ReleaseError> {
        let mut opened = opener.open(record);
        if matches!(opened, Err(NotOpened::NoContext)) {
            let wanted = HashSet::from([Tag(record.context)]);
            let of_epoch = segments(&self.broker.store)?.into_iter();
            for segment in of_epoch.filter(|segment| segment.epoch == name.epoch) {
                find(&segment.file(&self.broker.store), &wanted, &mut |found| {
                    if let Ok(Entry::Context(context)) = Entry::parse(found.bytes) {
                        opener.add_context(&context).ok();
                    }
                })?;
                if opener.has_context(&record.context) {
                    break;
                }
            }
            opened = opener.open(record);
        }
        if opened.is_err() {
            self.collected.damaged = self.collected.damaged.saturating_add(1);
        }
        Ok(opened.ok())
    }
}
