//! What the program prints: sessions as NDJSON, as a table or as trees, and what follows them.

mod detail;
mod flags;
mod handshake_detail;
mod layout;
pub(crate) mod loss;
mod printer;
mod process_detail;
mod sanitize;
mod style;
mod summary;
mod table;
mod tally;
mod tree;
mod words;

#[cfg(test)]
pub(crate) mod sample;

pub(crate) use layout::NARROWEST;
pub(crate) use printer::{Chunk, Printer};
pub(crate) use sanitize::clean;
pub(crate) use style::{ColorChoice, Palette};
pub(crate) use summary::Page;
pub(crate) use table::Table;
pub(crate) use tally::{Span, Tally, Traffic};
pub(crate) use words::class_key;

/// How sessions are printed.
#[derive(Clone, Debug)]
pub(crate) enum Format {
    /// One JSON object a line.
    Json,
    /// One line of a table a session.
    Table(Table),
    /// One tree a session.
    Detail(Palette),
}
