//! What the program prints: sessions as NDJSON, as a table or as trees, and what follows them.

mod detail;
mod flags;
mod grid;
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

pub(crate) use grid::{Cell, Grid};
pub(crate) use layout::NARROWEST;
pub(crate) use loss::in_words as loss_in_words;
pub(crate) use printer::{Chunk, Printer};
pub(crate) use sanitize::clean;
pub(crate) use style::{ColorChoice, Palette, Tone};
pub(crate) use summary::{Page, grouped, write_loss};
pub(crate) use table::Table;
pub(crate) use tally::{Span, Tally, Traffic};
pub(crate) use words::{cipher_forms, class_key};

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
