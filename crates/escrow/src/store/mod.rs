//! The archive: sealed records on disk, found by a keyed hash of their session's client random.
//!
//! A segment is a file of entries, each with a digest of itself and the one before, and a file that says
//! where each is. A service that is killed leaves a segment that ends somewhere; the next begins another.

mod entry;
mod index;
mod reader;
mod recovery;
mod segment;
mod writer;

pub(crate) use entry::records;
pub use entry::{ChainValue, Entry};
pub use index::{IndexKey, Tag};
pub use reader::{Damage, Found, SegmentReader, find};
pub use recovery::{SegmentState, close_open_segments, remove_segments, segments, state_of};
pub(crate) use segment::{HEADER as SEGMENT_HEADER, index_file};
pub use segment::{SegmentName, SegmentWriter};
pub(crate) use writer::{Batch, Item, Store};
