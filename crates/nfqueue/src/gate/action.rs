//! What a gate asks for.

use std::net::SocketAddr;

use crate::reset::Reset;

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub enum Action<O> {
    /// A packet goes on.
    Accept {
        /// Its number.
        id: u32,
        /// Whether the gate needs no other packet of this connection.
        is_done: bool,
    },
    /// A packet is dropped.
    Drop {
        /// Its number.
        id: u32,
    },
    /// A connection is to end.
    Reset(Reset),
    /// The hellos of a session were seen.
    Greeting(Greeting),
    /// A session did not get what it waited for.
    Told(Told<O>),
}

/// What the hellos of a session said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// The client's random.
    pub client_random: [u8; 32],
    /// The server's random.
    pub server_random: [u8; 32],
    /// Name that the client asked for.
    pub server_name: Option<String>,
    /// The version that the server chose.
    pub version: u16,
    /// The cipher suite that it chose.
    pub cipher_suite: u16,
    /// Whether the client is at this host.
    pub is_client_here: bool,
    /// The end at this host.
    pub local: SocketAddr,
    /// The other one.
    pub peer: SocketAddr,
}

/// What became of a session that did not get what it waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told<O> {
    /// The client's random, if its hello was whole.
    pub client_random: Option<[u8; 32]>,
    /// Whose secrets were taken, if any were.
    pub owner: Option<O>,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a session that did not get what it waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It went on.
    Opened,
    /// It was aborted.
    Aborted,
    /// It was aborted without a wait, because those before had waited in vain.
    Refused,
}
