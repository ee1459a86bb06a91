//! Blocks: some hundred sessions, packed together.
//!
//! A block has three parts that are read one by one: a filter that says which terms it may hold, the
//! rows that lists show, and the whole lines. Each is small because alike things lie next to each
//! other.

mod codec;
mod filter;
mod lines;
mod rows;

pub(crate) use filter::{Filter, Term};
pub(crate) use lines::Lines;
pub(crate) use rows::{Field, Row, Rows, View, outcome, outcome_code};

/// What is stored is not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a block of sessions is not what was written")]
pub(crate) struct Damaged;

/// Most sessions of a block: enough alike lines for compression to pay, few enough to unpack one of
/// them in milliseconds.
pub(crate) const MAX_ROWS: usize = 1024;

/// Bytes of lines after which a block is full: some 800 usual ones.
pub(crate) const FULL_LINES_LEN: usize = 4 << 20;

/// Most bytes of lines in a block: a full one, and the longest line that may follow.
pub(crate) const MAX_LINES_LEN: usize = FULL_LINES_LEN + crate::Record::MAX_LINE_LEN + 16;

/// Longest text of a row in bytes, which is what observations have.
pub(crate) const MAX_TEXT_LEN: usize = 4096;

/// Level of compression. Level 3 takes twice the time for a sixtieth less space.
const COMPRESSION: i32 = 1;
