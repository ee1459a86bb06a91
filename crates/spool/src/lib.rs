//! A bounded queue on the disk, for what waits until somebody elsewhere has it.
//!
//! Entries have consecutive numbers and are read in order, again and again until they are acknowledged. They
//! survive the process. When there is no room the oldest go, a file at a time; each that goes unacknowledged
//! is counted, as is what a damaged file has lost.
//!
//! The name of an entry, its [`EntryId`], is never given to another one, so that whoever gets an entry twice can
//! know it.
//!
//! Who must not wait for the disk puts what there is into an [`Inbox`], which a thread empties.

mod acknowledged;
mod entry;
mod id;
mod inbox;
mod segment;
mod spool;

pub use entry::Entry;
pub use id::{EntryId, SegmentId};
pub use inbox::{Inbox, Next};
pub use spool::{CannotOpen, Lost, NotKept, Recovered, Spool, SpoolSettings};
