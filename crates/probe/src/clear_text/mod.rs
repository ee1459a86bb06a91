//! The clear text of TLS connections, copied where applications hand it to their TLS library.

mod account;
pub(crate) mod elf;
mod go;
mod hints;
mod host;
mod kernel;
mod library;
mod load;
pub(crate) mod maps;
pub(crate) mod place;
mod record;
mod rules;
mod scan;
pub(crate) mod scope;
mod streams;
mod targets;
mod telling;
mod waiting;

pub use account::Account;
pub use hints::Reason;
pub use kernel::mirror_obstacle;
pub use library::Library;
pub use load::{ClearText, ClearTextCounts, ClearTextOptions, ProcessAccount};
pub use place::Stepping;
pub use rules::{Local, Matches, Net, NotANet, Rules};
pub use scan::Uncovered;
pub use streams::{Sink, StreamCounts};
pub use targets::Target;
