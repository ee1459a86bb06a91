//! What one end of a session tells of it at one stage.

use std::fmt;
use std::net::SocketAddr;

use event::Timestamp;

use crate::key_log::Label;
use crate::secret::Secret;

/// The secrets of one session that one of its ends has at one stage. It cannot hold those of exporters:
/// there is no [`Label`] for them.
pub struct SessionSecrets {
    /// When they are told.
    pub stage: SessionStage,
    /// Version of the session, as `supported_versions` or the server's hello has it.
    pub version: u16,
    /// Cipher suite that the server chose.
    pub cipher_suite: u16,
    /// Random of the client's hello; with an accepted ECH that of the inner one.
    pub client_random: [u8; 32],
    /// Random of the server's hello, if it is known. Without it no keys follow from a master secret.
    pub server_random: Option<[u8; 32]>,
    /// The secrets.
    pub secrets: Vec<(Label, Secret)>,
    /// Whose they are.
    pub origin: Origin,
}

/// When secrets are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SessionStage {
    /// Before the first flight goes out that they protect.
    Hello,
    /// When application data may follow.
    Application,
}

/// Which end of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// It began.
    Client,
    /// It answered.
    Server,
}

/// Where secrets come from. All but the time may be unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Process, as the first namespace numbers it.
    pub pid: Option<u32>,
    /// Its effective user.
    pub uid: Option<u32>,
    /// Path of its executable.
    pub executable: ShortText,
    /// Its name.
    pub command: ShortText,
    /// Which end it is.
    pub role: Option<Role>,
    /// Name that the client asked for.
    pub server_name: Option<ShortText>,
    /// Own address.
    pub local: Option<SocketAddr>,
    /// Address of the other end.
    pub peer: Option<SocketAddr>,
    /// When the secrets were taken.
    pub time: Timestamp,
}

/// A text of at most 255 bytes.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct ShortText(Box<str>);

impl Origin {
    /// Nothing is known but the time.
    #[must_use]
    pub fn unknown(time: Timestamp) -> Self {
        Self {
            pid: None,
            uid: None,
            executable: ShortText::default(),
            command: ShortText::default(),
            role: None,
            server_name: None,
            local: None,
            peer: None,
            time,
        }
    }
}

impl ShortText {
    /// Longest text in bytes: names of hosts have 253, of files 255.
    pub const MAX_LEN: usize = 255;

    /// Takes a copy of `text`, or of as much of its beginning as there is room for.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.get(..text.floor_char_boundary(Self::MAX_LEN)).unwrap_or_default().into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ShortText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl fmt::Display for ShortText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
