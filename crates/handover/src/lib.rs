//! How a process hands the secrets of its TLS sessions to the agent of its host.
//!
//! Whoever takes secrets inside of a process (a preloaded library, an implementation of a key log) gathers
//! them by session ([`Gathering`]), asks the [`Policy`] whether they may leave, and sends a [`Message`] over a
//! Unix socket of packets. If the session is to be held, it waits for an [`Answer`] as long as [`Hold`] says.
//! What becomes of sessions while no agent answers is the [`Breaker`]'s to say.
//!
//! The crate is small because it is loaded into programs of others: it knows no cryptography, and no
//! secret of an exporter can be said in its words.
#![warn(clippy::disallowed_methods)]

mod answer;
mod breaker;
mod gathering;
mod glob;
mod hold;
mod label;
mod line;
mod message;
mod net;
mod policy;
mod session;
mod settings;
mod taken;

pub use answer::{ANSWER_LEN, Answer, NotAnAnswer};
pub use breaker::{Admission, Breaker};
pub use gathering::{Gathering, Told};
pub use glob::Glob;
pub use hold::{Hold, OnDeadline, OnTrip, Reached};
pub use label::Label;
pub use line::{KeyLine, Lookup};
pub use message::{Encoded, MAX_MESSAGE_LEN, Malformed, Message, Tallies};
pub use net::{Net, NotANet};
pub use policy::{Fact, Matches, Policy, Subject};
pub use session::{Library, Role, Session, Stage, Text};
pub use settings::{NotSettings, Settings, VARIABLE, duration};
pub use taken::{MAX_SECRET_LEN, TakenSecret};
