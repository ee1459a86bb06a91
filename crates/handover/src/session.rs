//! Whose secrets are told.

use std::net::SocketAddr;

use arrayvec::ArrayString;

use crate::policy::Fact;

/// What is known of a session when its secrets are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Whose implementation of TLS it is.
    pub library: Library,
    /// Which end tells.
    pub role: Option<Role>,
    /// Version, as the server's hello has it; 0 if it is not known.
    pub version: u16,
    /// Cipher suite; 0 if it is not known.
    pub cipher_suite: u16,
    /// Random of the client's hello.
    pub client_random: [u8; 32],
    /// Random of the server's hello.
    pub server_random: Option<[u8; 32]>,
    /// Name that the client asks for. A message does not tell absent and unknown apart.
    pub server_name: Fact<Text>,
    /// Path of the executable, as it says itself: for an agent that finds the process gone.
    pub executable: Option<Text>,
    /// Own address.
    pub local: Option<SocketAddr>,
    /// Address of the other end.
    pub peer: Option<SocketAddr>,
}

/// A name of a server, which has at most 253 bytes (RFC 6066 section 3 has those of DNS), or a path.
pub type Text = ArrayString<255>;

/// Which end of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It began.
    Client,
    /// It answered.
    Server,
}

/// Implementations of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    /// OpenSSL, and what has its functions.
    OpenSsl,
    /// rustls.
    Rustls,
}

/// When secrets are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Before the first flight goes out that they protect.
    Hello,
    /// When application data may follow.
    Application,
}

impl Session {
    /// A session of which nothing else is known.
    #[must_use]
    pub const fn new(library: Library, client_random: [u8; 32]) -> Self {
        Self {
            library,
            role: None,
            version: 0,
            cipher_suite: 0,
            client_random,
            server_random: None,
            server_name: Fact::Unknown,
            executable: None,
            local: None,
            peer: None,
        }
    }
}

impl Library {
    /// The name that its makers use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenSsl => "OpenSSL",
            Self::Rustls => "rustls",
        }
    }

    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::OpenSsl => 1,
            Self::Rustls => 2,
        }
    }

    pub(crate) const fn of_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::OpenSsl),
            2 => Some(Self::Rustls),
            _ => None,
        }
    }
}

impl Stage {
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Hello => 1,
            Self::Application => 2,
        }
    }

    pub(crate) const fn of_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Hello),
            2 => Some(Self::Application),
            _ => None,
        }
    }
}
