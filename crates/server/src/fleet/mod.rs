//! The fleet: agents elsewhere that have a certificate of this server's authority.
//!
//! An agent enrols by a token ([`enrolment`]), connects, and tells batches on one long call ([`call`]).
//! Batches of all agents wait in turn ([`turn`]) for a few threads that keep several at once
//! ([`keeping`]). What agents say of themselves is in memory ([`register`]) and now and then in the file
//! of what people decide; what that means is a [`verdict`].

pub(crate) mod authority;
pub(crate) mod call;
pub(crate) mod dropped_tokens;
pub(crate) mod enrolment;
pub(crate) mod guidance;
pub(crate) mod keeping;
pub(crate) mod listener;
pub(crate) mod register;
pub(crate) mod report;
pub(crate) mod turn;
pub(crate) mod verdict;

use std::path::PathBuf;
use std::sync::Arc;

use fleet::Authority;

use self::guidance::Guidance;
use self::register::Register;

pub use self::authority::{NoAuthority, open_authority, share_authority};
pub use self::dropped_tokens::{TokenAsked, drop_token};

/// What a server needs to have a fleet.
#[derive(Debug)]
pub struct FleetParts {
    /// Where agents connect.
    pub listener: std::net::TcpListener,
    /// Who gives them certificates.
    pub authority: Authority,
    /// Names and addresses under which agents find the server, each with its port.
    pub addresses: Vec<String>,
    /// The folder in which the program leaves tokens that it makes while the server runs.
    pub folder: PathBuf,
}

/// What is known of the fleet, whether or not agents can connect.
#[derive(Debug, Default)]
pub(crate) struct Fleet {
    pub(crate) register: Register,
    pub(crate) guidance: Guidance,
    /// Absent where agents cannot connect.
    pub(crate) entrance: Option<Arc<Entrance>>,
}

/// By what agents come in.
#[derive(Debug)]
pub(crate) struct Entrance {
    pub(crate) authority: Authority,
    pub(crate) addresses: Vec<String>,
    pub(crate) folder: PathBuf,
}

/// The line by which a machine joins.
#[must_use]
pub fn join_command(address: &str, token: &str) -> String {
    format!("tlsight agent --server {address} --enrol {token}")
}
