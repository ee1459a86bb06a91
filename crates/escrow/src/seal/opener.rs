//! Opens sealed records.

use std::collections::{HashMap, VecDeque};

use super::content::Content;
use super::context::ContextRecord;
use super::record::{HEADER_LEN, SealedRecord};
use crate::hpke::{self, Context, HpkeError, PrivateKey};
use crate::malformed::Malformed;
use crate::tier::Part;

/// Opens the records that are sealed to some keys.
#[derive(Default)]
pub struct Opener {
    keys: HashMap<[u8; 16], PrivateKey>,
    contexts: HashMap<[u8; 16], Known>,
    /// Names of contexts, oldest first.
    order: VecDeque<[u8; 16]>,
}

struct Known {
    part: Part,
    recipient: [u8; 16],
    context: Context,
}

/// Why a record was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotOpened {
    /// It is sealed to another key.
    #[error("sealed to a key that is not here")]
    NoKey,
    /// Its context was not told.
    #[error("its context was not told")]
    NoContext,
    /// It is damaged, or was made by somebody else.
    #[error(transparent)]
    Seal(#[from] HpkeError),
    /// What was sealed is not of the format.
    #[error(transparent)]
    Content(#[from] Malformed),
}

impl Opener {
    /// Adds a key.
    pub fn add_key(&mut self, key: PrivateKey) {
        self.keys.insert(key.public().id(), key);
    }

    /// Takes a key away, and the contexts that it opened.
    pub fn remove_key(&mut self, id: &[u8; 16]) {
        self.keys.remove(id);
        self.contexts.retain(|_, known| known.recipient != *id);
        self.order.retain(|name| self.contexts.contains_key(name));
    }

    /// Whether the key with this name is here.
    #[must_use]
    pub fn has_key(&self, id: &[u8; 16]) -> bool {
        self.keys.contains_key(id)
    }

    /// Whether the context with this name was taken.
    #[must_use]
    pub fn has_context(&self, name: &[u8; 16]) -> bool {
        self.contexts.contains_key(name)
    }

    /// Takes a context.
    ///
    /// # Errors
    /// It is for another key, or not for the one that it names.
    pub fn add_context(&mut self, record: &ContextRecord<'_>) -> Result<(), NotOpened> {
        let key = self.keys.get(&record.recipient).ok_or(NotOpened::NoKey)?;
        if key.kem() != record.kem {
            return Err(HpkeError.into());
        }
        let info = ContextRecord::info(record.part, &record.recipient, &record.context);
        let context = hpke::receiver(key, record.encapsulated, &info)?;
        let known = Known { part: record.part, recipient: record.recipient, context };
        if self.contexts.insert(record.context, known).is_none() {
            self.order.push_back(record.context);
        }
        if self.order.len() > MAX_CONTEXTS
            && let Some(oldest) = self.order.pop_front()
        {
            self.contexts.remove(&oldest);
        }
        Ok(())
    }

    /// Opens a record.
    ///
    /// # Errors
    /// See [`NotOpened`].
    pub fn open(&self, record: &SealedRecord<'_>) -> Result<Content, NotOpened> {
        if !self.keys.contains_key(&record.recipient) {
            return Err(NotOpened::NoKey);
        }
        let known = self.contexts.get(&record.context).ok_or(NotOpened::NoContext)?;
        if known.recipient != record.recipient || known.part != record.part {
            return Err(HpkeError.into());
        }
        let mut header = Vec::with_capacity(HEADER_LEN);
        record.put_header(&mut header);
        let bytes = known.context.open_at(record.sequence, &header, record.sealed)?;
        let content = Content::parse(&bytes)?;
        let is_same = content.part == record.part && content.facts.stage == record.stage;
        if is_same { Ok(content) } else { Err(Malformed::Value.into()) }
    }
}

/// Contexts that are kept: those of a thousand agents at a time, with five parts each, and as many that
/// are out of use.
const MAX_CONTEXTS: usize = 10_000;
