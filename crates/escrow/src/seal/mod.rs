//! Sealed records: a part of what a session's end told, readable with one key only.
//!
//! A sealer makes an HPKE context for each recipient key and part, says once what is encapsulated
//! ([`ContextRecord`]), and seals with it for as long as a bound in records and time allows. So a record
//! costs an AEAD and no operation with a public key, and who opens one has to have seen the context.

mod content;
mod context;
mod opener;
mod record;
mod sealer;

pub use content::Content;
pub use context::ContextRecord;
pub use opener::{NotOpened, Opener};
pub use record::SealedRecord;
pub use sealer::{Sealer, SealerLimits};
