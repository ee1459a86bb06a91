//! What a secret is.

/// What a secret is (RFC 9850 section 2). Those of exporters and of ECH have no place here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Label {
    /// Master secret of SSL 3.0 to TLS 1.2.
    Master,
    /// What protects early data.
    ClientEarly,
    /// What protects the client's handshake.
    ClientHandshake,
    /// What protects the server's handshake.
    ServerHandshake,
    /// What protects the client's first application data.
    ClientApplication,
    /// What protects the server's first application data.
    ServerApplication,
}

impl Label {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Master,
        Self::ClientEarly,
        Self::ClientHandshake,
        Self::ServerHandshake,
        Self::ClientApplication,
        Self::ServerApplication,
    ];

    /// The label with a name of a key log. Secrets of later generations follow from the first and have
    /// none.
    #[must_use]
    pub fn of_name(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|label| label.name().as_bytes() == name)
    }

    /// Its name in a key log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Master => "CLIENT_RANDOM",
            Self::ClientEarly => "CLIENT_EARLY_TRAFFIC_SECRET",
            Self::ClientHandshake => "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
            Self::ServerHandshake => "SERVER_HANDSHAKE_TRAFFIC_SECRET",
            Self::ClientApplication => "CLIENT_TRAFFIC_SECRET_0",
            Self::ServerApplication => "SERVER_TRAFFIC_SECRET_0",
        }
    }

    /// Whether a secret of this kind may be `len` bytes long.
    #[must_use]
    pub const fn allows(self, len: usize) -> bool {
        match self {
            Self::Master => len == SHA384_LEN,
            Self::ClientEarly
            | Self::ClientHandshake
            | Self::ServerHandshake
            | Self::ClientApplication
            | Self::ServerApplication => len == SHA256_LEN || len == SHA384_LEN,
        }
    }

    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Master => 1,
            Self::ClientEarly => 2,
            Self::ClientHandshake => 3,
            Self::ServerHandshake => 4,
            Self::ClientApplication => 5,
            Self::ServerApplication => 6,
        }
    }

    pub(crate) fn of_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|label| label.code() == code)
    }
}

const SHA256_LEN: usize = 32;

/// As long as a master secret as well (RFC 5246 section 8.1).
const SHA384_LEN: usize = 48;
