//! The clear text of TLS connections, copied where applications hand it to their TLS library.

mod account;
mod budget;
mod cost;
pub(crate) mod elf;
mod files;
mod go;
mod hints;
mod host;
mod kernel;
mod library;
mod linker;
mod load;
mod mapped;
pub(crate) mod maps;
pub(crate) mod place;
mod programs;
mod record;
mod rules;
mod scan;
pub(crate) mod scope;
mod streams;
mod targets;
mod telling;
mod waiting;

pub use account::Account;
pub use budget::{Budget, BudgetChange, NotABudget};
pub use handover::{Net, NotANet};
pub use hints::Reason;
pub use kernel::mirror_obstacle;
pub use library::Library;
pub use load::{ClearText, ClearTextCounts, ClearTextOptions, ProcessAccount};
pub use place::Stepping;
pub use rules::{Local, Matches, Pods, Rules};
pub use scan::Uncovered;
pub use streams::{Sink, StreamCounts};
pub use targets::Target;
