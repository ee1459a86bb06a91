//! QUIC on the wire, as far as anyone on the path can read it: the TLS handshake bytes that
//! Initial packets carry.
//!
//! [`Connections`] takes the UDP datagrams of one five-tuple and reports [`Event`]s. Nothing here
//! needs a secret: the keys of Initial packets follow from a connection id that is sent in clear
//! (RFC 9001 section 5.2). Packets that only secrets open are given to whoever has these.
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
pub use crypto_stream::CryptoStream;
pub use event::{
    Anomaly, CloseLayer, ErrorCode, Event, Protected, Side, Space, Unread, Versions, Way,
};
pub use frame::{ProtectedFrame, protected_frame};
pub use initial_keys::full_packet_number;
pub use recognise::{google_version, looks_like_quic};
pub use version::Version;
