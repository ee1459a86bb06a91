//! The secrets of sessions, taken where TLS libraries would write their key log.
//!
//! The function that writes a line is found without its name, by the texts that it is called with, and is
//! used only if its code proves where the client's random, the label and the secret are.

mod find;
pub(crate) mod image;
mod load;
mod proof;
mod record;
pub(crate) mod references;
mod scan;
mod unwinding;

pub use find::KeySource;
pub use load::{KeyLogCounts, KeyLogProbes, KeyLogTarget};
pub use record::TakenKey;
pub use scan::{KeyWay, key_ways};
