//! What is out of order in a hello that can be read all the same.

/// A set of findings about a hello.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HelloAnomalies(u16);

impl HelloAnomalies {
    /// The list of extensions, or one of them, goes past the end.
    pub const EXTENSIONS_TRUNCATED: Self = Self(1 << 0);
    /// Bytes follow the last field.
    pub const TRAILING_BYTES: Self = Self(1 << 1);
    /// An extension is sent twice.
    pub const DUPLICATE_EXTENSION: Self = Self(1 << 2);
    /// The body of an extension cannot be read.
    pub const MALFORMED_EXTENSION: Self = Self(1 << 3);
    /// The list of cipher suites is empty or ends with half a suite.
    pub const CIPHER_SUITES: Self = Self(1 << 4);
    /// There is no compression method, not even none.
    pub const COMPRESSION_METHODS: Self = Self(1 << 5);
    /// The session id is longer than 32 bytes.
    pub const SESSION_ID: Self = Self(1 << 6);
    /// The server name is not printable text, is too long, or there is more than one.
    pub const SERVER_NAME: Self = Self(1 << 7);
    /// `pre_shared_key` is not the last extension (RFC 9846 section 4.2.11).
    pub const PSK_NOT_LAST: Self = Self(1 << 8);

    /// Whether nothing was found.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of `other` is in this set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The names that events use for what was found.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES.iter().filter(move |(anomaly, _)| self.contains(*anomaly)).map(|(_, name)| *name)
    }

    /// What is in this set or in `other`.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

const NAMES: [(HelloAnomalies, &str); 9] = [
    (HelloAnomalies::EXTENSIONS_TRUNCATED, "extensions_truncated"),
    (HelloAnomalies::TRAILING_BYTES, "hello_trailing_bytes"),
    (HelloAnomalies::DUPLICATE_EXTENSION, "duplicate_extension"),
    (HelloAnomalies::MALFORMED_EXTENSION, "malformed_extension"),
    (HelloAnomalies::CIPHER_SUITES, "malformed_cipher_suites"),
    (HelloAnomalies::COMPRESSION_METHODS, "no_compression_methods"),
    (HelloAnomalies::SESSION_ID, "session_id_too_long"),
    (HelloAnomalies::SERVER_NAME, "suspicious_server_name"),
    (HelloAnomalies::PSK_NOT_LAST, "pre_shared_key_not_last"),
];
