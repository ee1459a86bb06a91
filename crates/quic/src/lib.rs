//! QUIC on the wire, as far as anyone on the path can read it: the TLS handshake bytes that
//! Initial packets carry.
//!
//! [`Connections`] takes the UDP datagrams of one five-tuple and reports [`Event`]s. Nothing here
//! needs a secret: the keys of Initial packets follow from a connection id that is sent in clear
//! (RFC 9001 section 5.2).
#![warn(clippy::disallowed_methods)]

mod connection;
mod connection_id;
mod connections;
mod crypto_stream;
mod event;
mod frame;
mod header;
mod initial_keys;
mod recognise;
mod retry;
mod varint;
mod version;
mod waiting;

pub use connection_id::ConnectionId;
pub use connections::{Connections, Scratch};
pub use event::{Anomaly, CloseLayer, ErrorCode, Event, Side, Unread, Versions, Way};
pub use recognise::{google_version, looks_like_quic};
pub use version::Version;
