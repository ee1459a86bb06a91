//! One line of a key log.

use zeroize::Zeroizing;

use crate::secret::Secret;

/// What a secret that belongs to a client random is (RFC 9850 section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Label {
    /// Master secret of SSL 3.0 to TLS 1.2.
    ClientRandom,
    /// Premaster secret of SSL 3.0 to TLS 1.2, as NSS once told it.
    PremasterSecret,
    /// What protects early data.
    ClientEarlyTraffic,
    /// What protects the client's handshake.
    ClientHandshakeTraffic,
    /// What protects the server's handshake.
    ServerHandshakeTraffic,
    /// What protects the client's application data, at this generation.
    ClientTraffic(u16),
    /// What protects the server's application data, at this generation.
    ServerTraffic(u16),
    /// What protects the client's records up to TLS 1.2, as [`LegacySession::write_keys`] derives it.
    ///
    /// [`LegacySession::write_keys`]: crate::LegacySession::write_keys
    ClientWrite,
    /// The same of the server's records.
    ServerWrite,
}

/// A secret, and how its session is found.
pub enum KeyLogEntry {
    /// By the client's random.
    Random {
        /// What it is.
        label: Label,
        /// The random of the client's hello.
        random: [u8; 32],
        /// The secret.
        secret: Secret,
    },
    /// The master secret of a session, by its id.
    SessionId {
        /// The id, at most 32 bytes.
        id: Box<[u8]>,
        /// The secret.
        secret: Secret,
    },
    /// A premaster secret, by the beginning of its encrypted form.
    EncryptedPremaster {
        /// The first 8 bytes of what the client encrypted to the server's RSA key.
        prefix: [u8; 8],
        /// The secret.
        secret: Secret,
    },
    /// A secret that opens no records: of an exporter, or of Encrypted Client Hello. It is not kept.
    Other,
}

/// Why a line tells nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// The label is none that is known.
    #[error("unknown label")]
    UnknownLabel,
    /// There are not the words that the label asks for.
    #[error("wrong number of words")]
    Words,
    /// A value is not hexadecimal, or not as long as it must be.
    #[error("bad value")]
    Value,
    /// The line is longer than any secret needs.
    #[error("line too long")]
    TooLong,
}

impl KeyLogEntry {
    /// Reads a line without its end; `None` if it is empty or a comment.
    ///
    /// # Errors
    /// [`LineError`] says what is wrong with it.
    pub fn parse(line: &[u8]) -> Result<Option<Self>, LineError> {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            return Ok(None);
        }
        if line.len() > MAX_LINE_LEN {
            return Err(LineError::TooLong);
        }
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let (Some(label), Some(key), Some(value), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(LineError::Words);
        };
        if label == b"RSA" {
            return rsa(key, value).map(Some);
        }
        if OTHER_LABELS.contains(&label) {
            return Ok(Some(Self::Other));
        }
        let label = Label::parse(label).ok_or(LineError::UnknownLabel)?;
        let random = bytes(key)?;
        let random = random.as_array().copied().ok_or(LineError::Value)?;
        let secret = secret(value)?;
        if !label.allows(secret.len()) {
            return Err(LineError::Value);
        }
        Ok(Some(Self::Random { label, random, secret }))
    }
}

/// The lines of a key log (RFC 9850) that tell secrets of one session.
#[must_use]
pub fn dangerous_key_log_lines(
    random: &[u8; 32],
    secrets: &[(Label, Secret)],
) -> Zeroizing<Vec<u8>> {
    // A vector that grows leaves what it held behind.
    let mut lines =
        Zeroizing::new(Vec::with_capacity(secrets.len().saturating_mul(MAX_LINE_OF_SECRET)));
    for (label, secret) in secrets {
        label.dangerous_write_line(random, secret, &mut lines);
    }
    lines
}

impl Label {
    /// The label of a line. Those of QUIC had names of their own once.
    fn parse(label: &[u8]) -> Option<Self> {
        let label = label.strip_prefix(b"QUIC_").unwrap_or(label);
        Some(match label {
            b"CLIENT_RANDOM" => Self::ClientRandom,
            b"PMS_CLIENT_RANDOM" => Self::PremasterSecret,
            b"CLIENT_EARLY_TRAFFIC_SECRET" => Self::ClientEarlyTraffic,
            b"CLIENT_HANDSHAKE_TRAFFIC_SECRET" => Self::ClientHandshakeTraffic,
            b"SERVER_HANDSHAKE_TRAFFIC_SECRET" => Self::ServerHandshakeTraffic,
            // RFC 9850 has no labels for these, and whoever does not know one passes over its line.
            b"TLSIGHT_CLIENT_WRITE" => Self::ClientWrite,
            b"TLSIGHT_SERVER_WRITE" => Self::ServerWrite,
            _ => {
                let client = label.strip_prefix(b"CLIENT_TRAFFIC_SECRET_");
                match (client, label.strip_prefix(b"SERVER_TRAFFIC_SECRET_")) {
                    (Some(generation), _) => Self::ClientTraffic(number(generation)?),
                    (None, Some(generation)) => Self::ServerTraffic(number(generation)?),
                    (None, None) => return None,
                }
            }
        })
    }

    /// Appends the line that tells a secret: only for a key log that somebody asked for.
    pub fn dangerous_write_line(self, random: &[u8; 32], secret: &Secret, out: &mut Vec<u8>) {
        let (name, generation) = match self {
            Self::ClientRandom => ("CLIENT_RANDOM", None),
            Self::PremasterSecret => ("PMS_CLIENT_RANDOM", None),
            Self::ClientEarlyTraffic => ("CLIENT_EARLY_TRAFFIC_SECRET", None),
            Self::ClientHandshakeTraffic => ("CLIENT_HANDSHAKE_TRAFFIC_SECRET", None),
            Self::ServerHandshakeTraffic => ("SERVER_HANDSHAKE_TRAFFIC_SECRET", None),
            Self::ClientTraffic(generation) => ("CLIENT_TRAFFIC_SECRET_", Some(generation)),
            Self::ServerTraffic(generation) => ("SERVER_TRAFFIC_SECRET_", Some(generation)),
            Self::ClientWrite => ("TLSIGHT_CLIENT_WRITE", None),
            Self::ServerWrite => ("TLSIGHT_SERVER_WRITE", None),
        };
        out.extend_from_slice(name.as_bytes());
        match generation {
            None => {}
            Some(LATER) => out.push(b'N'),
            Some(generation) => out.extend_from_slice(generation.to_string().as_bytes()),
        }
        for bytes in [&random[..], secret.dangerous_bytes()] {
            out.push(b' ');
            for byte in bytes {
                let digits = [byte >> 4, byte & 15].map(|it| char::from_digit(it.into(), 16));
                out.extend(digits.into_iter().flatten().filter_map(|it| u8::try_from(it).ok()));
            }
        }
        out.push(b'\n');
    }

    /// Whether a secret of this kind may be `len` bytes long.
    #[must_use]
    pub const fn allows(self, len: usize) -> bool {
        match self {
            Self::ClientRandom => len == MASTER_SECRET_LEN,
            Self::PremasterSecret => 0 < len,
            Self::ClientWrite | Self::ServerWrite => 0 < len && len <= MAX_WRITE_KEYS_LEN,
            Self::ClientEarlyTraffic
            | Self::ClientHandshakeTraffic
            | Self::ServerHandshakeTraffic
            | Self::ClientTraffic(_)
            | Self::ServerTraffic(_) => len == SHA256_LEN || len == SHA384_LEN,
        }
    }
}

/// `RSA <encrypted premaster> <premaster>` and `RSA Session-ID:<id> Master-Key:<master>`.
fn rsa(key: &[u8], value: &[u8]) -> Result<KeyLogEntry, LineError> {
    let id = key.strip_prefix(b"Session-ID:");
    let Some((id, master)) = id.zip(value.strip_prefix(b"Master-Key:")) else {
        let prefix = bytes(key)?;
        let prefix = prefix.first_chunk().ok_or(LineError::Value)?;
        let secret = secret(value)?;
        if secret.len() != MASTER_SECRET_LEN {
            return Err(LineError::Value);
        }
        return Ok(KeyLogEntry::EncryptedPremaster { prefix: *prefix, secret });
    };
    let (id, secret) = (bytes(id)?, secret(master)?);
    if id.is_empty() || id.len() > MAX_SESSION_ID_LEN || secret.len() != MASTER_SECRET_LEN {
        return Err(LineError::Value);
    }
    Ok(KeyLogEntry::SessionId { id: id.as_slice().into(), secret })
}

fn secret(hex: &[u8]) -> Result<Secret, LineError> {
    Ok(Secret::of(bytes(hex)?))
}

fn bytes(hex: &[u8]) -> Result<Zeroizing<Vec<u8>>, LineError> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(hex.len() / 2));
    let (pairs, []) = hex.as_chunks::<2>() else { return Err(LineError::Value) };
    for &[high, low] in pairs {
        let (Some(high), Some(low)) = (digit(high), digit(low)) else {
            return Err(LineError::Value);
        };
        bytes.push(high << 4 | low);
    }
    Ok(bytes)
}

const fn digit(hex: u8) -> Option<u8> {
    match hex {
        b'0'..=b'9' => Some(hex - b'0'),
        b'a'..=b'f' => Some(hex - b'a' + 10),
        b'A'..=b'F' => Some(hex - b'A' + 10),
        _ => None,
    }
}

/// A generation. OpenSSL writes `N` for all but the first.
fn number(digits: &[u8]) -> Option<u16> {
    if digits == b"N" {
        return Some(LATER);
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// A generation whose number is not told.
const LATER: u16 = u16::MAX;

/// Labels of secrets that open no records.
const OTHER_LABELS: [&[u8]; 5] = [
    b"EXPORTER_SECRET",
    b"EARLY_EXPORTER_SECRET",
    b"EARLY_EXPORTER_MASTER_SECRET",
    b"ECH_SECRET",
    b"ECH_CONFIG",
];

/// Longest line that is read, in bytes: an ECH configuration with a large key takes some 4 KiB in
/// hexadecimal, a secret a few hundred bytes.
pub(super) const MAX_LINE_LEN: usize = 16 << 10;

/// Longest line of a secret that is as long as those of TLS: the longest label, a random and 48 bytes.
pub(crate) const MAX_LINE_OF_SECRET: usize = 256;

/// Length of a master secret, and of the premaster secret of RSA (RFC 5246 section 8.1).
const MASTER_SECRET_LEN: usize = 48;
/// A MAC key of SHA-384, a key of AES-256, and an IV.
const MAX_WRITE_KEYS_LEN: usize = 48 + 32 + 16;
const SHA256_LEN: usize = 32;
const SHA384_LEN: usize = 48;

/// RFC 5246 section 7.4.1.2.
const MAX_SESSION_ID_LEN: usize = 32;
