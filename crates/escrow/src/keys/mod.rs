//! Who may do what, and the keys that say so: identities, signed statements, and the keys of epochs.
//!
//! An authority signs which keys archive copies are sealed to, and who may watch, ask and approve. Who
//! seals believes nobody else, so that a service which somebody has taken over gives nothing away.

mod custody;
mod files;
mod identity;
mod kept;
mod statement;
mod token;
mod trust;

pub use custody::{Custody, CustodyError, Schedule};
pub(crate) use files::sync_folder;
pub use files::{FileError, read_statements, write_new, write_private};
pub use identity::{Identity, NoIdentity, PublicIdentity, SigningKey, VerifyingKey};
pub use statement::{
    Epoch, Filter, Grant, MonitorKey, NotSigned, Request, Role, SealingKey, Signed, Statement,
};
pub use token::{NotATokenUri, Token, TokenError, TokenUri};
pub use trust::{Asked, NotTrusted, Trust};
