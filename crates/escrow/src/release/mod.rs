//! The broker: opens what was asked for and approved, with the keys of epochs, and hands it on.

mod answer;
mod broker;
mod matching;

pub use answer::{AnswerError, AnswerWriter, is_answer, read_answer, read_answer_bytes};
pub use broker::{Broker, Collected, ReleaseError, Told};
