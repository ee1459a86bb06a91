//! Agents and their server: what they tell each other, who they are, and the agents' side of it.
//!
//! The server's side of it is in crate `server`, which has a store and people who look at it. What both need is
//! here: the protocol ([`v1`], made of `proto/fleet.proto`), its limits, the coding of batches, tokens, and
//! TLS with certificates of an authority that only this fleet has.

pub mod agent;
mod authority;
mod batch;
mod digest;
pub mod limits;
mod listener;
mod tls;
mod token;
#[rustfmt::skip]
#[expect(
    missing_docs,
    unused_qualifications,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::clone_on_ref_ptr,
    reason = "generated code"
)]
pub mod v1;

pub use authority::{AgentId, Authority, IssuedAgent, NotIssued, Peer, ServerIdentity};
pub use batch::{BadBatch, batch_name, compress, decompress};
pub use digest::policies_digest;
pub use listener::{Accepted, PeerInfo, accept};
pub use tls::{NotUsable, server_config};
pub use token::{Fingerprint, JoinToken, NotAToken};

/// Where a server listens for agents unless its settings say otherwise: beside its pages, which are at 9470.
pub const DEFAULT_PORT: u16 = 9471;
