//! QUIC versions and what differs between them.

use std::fmt;

/// A QUIC version number, as the long header carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version(pub u32);

impl Version {
    /// What a Version Negotiation packet has where other packets have their version (RFC 8999
    /// section 6).
    pub const NEGOTIATION: Self = Self(0);
    /// QUIC version 1 (RFC 9000).
    pub const V1: Self = Self(1);
    /// QUIC version 2 (RFC 9369).
    pub const V2: Self = Self(0x6b33_43cf);
    /// The number of QUIC version 2 while it was a draft, with a salt of its own.
    pub const V2_DRAFT: Self = Self(0x709a_50c4);

    /// The number of a draft of `draft-ietf-quic-transport`.
    #[must_use]
    pub const fn draft(draft: u8) -> Self {
        Self(0xff00_0000 | draft as u32)
    }

    /// Whether the number is reserved to exercise version negotiation, `0x?a?a?a?a` (RFC 9000
    /// section 15).
    #[must_use]
    pub const fn is_reserved(self) -> bool {
        self.0 & 0x0f0f_0f0f == 0x0a0a_0a0a
    }

    /// Whether this is Google's own QUIC with its own cryptographic handshake: `Q` and three digits.
    #[must_use]
    pub const fn is_google(self) -> bool {
        matches!(self.0.to_be_bytes(), [b'Q', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9'])
    }

    /// Whether Initial packets of this version can be opened, and carry TLS.
    #[must_use]
    pub const fn is_readable(self) -> bool {
        self.initial_salt().is_some()
    }

    /// The salt that Initial secrets are extracted with, or `None` for a version not known here.
    pub(crate) const fn initial_salt(self) -> Option<&'static [u8; 20]> {
        Some(match self.0 {
            1 | DRAFT_33 | DRAFT_34 | MVFST_V1 => &SALT_V1,
            0x6b33_43cf => &SALT_V2,
            0x709a_50c4 => &SALT_V2_DRAFT,
            DRAFT_29..=DRAFT_32 => &SALT_DRAFT_29,
            DRAFT_23..=DRAFT_28 | MVFST | MVFST_EXPERIMENTAL => &SALT_DRAFT_23,
            DRAFT_22 | MVFST_DRAFT_22 => &SALT_DRAFT_22,
            T050 => &SALT_T050,
            T051 => &SALT_T051,
            _ => return None,
        })
    }

    /// Whether packet types and key labels are those of version 2 (RFC 9369 section 3).
    #[must_use]
    pub const fn is_v2(self) -> bool {
        matches!(self, Self::V2 | Self::V2_DRAFT)
    }

    /// Key and nonce of the integrity tag of Retry packets (RFC 9001 section 5.8), or `None` for a
    /// version without that tag.
    pub(crate) const fn retry_integrity(self) -> Option<&'static RetryIntegrity> {
        Some(match self.0 {
            1 | DRAFT_33 | DRAFT_34 => &RETRY_V1,
            0x6b33_43cf => &RETRY_V2,
            DRAFT_29..=DRAFT_32 => &RETRY_DRAFT_29,
            DRAFT_25..=DRAFT_28 => &RETRY_DRAFT_25,
            _ => return None,
        })
    }

    /// Whether the error code of CONNECTION_CLOSE is 16 bits and not a variable-length integer, as
    /// it was until draft 22.
    pub(crate) const fn has_short_error_codes(self) -> bool {
        matches!(self.0, DRAFT_22 | MVFST_DRAFT_22)
    }
}

impl fmt::Display for Version {
    /// Writes `1`, `2`, `draft-29`, `Q043`, `T051`, `GREASE (0x1a2a3a4a)` or `0xfaceb002`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, self.0.to_be_bytes()) {
            (1, _) => f.write_str("1"),
            (0x6b33_43cf, _) => f.write_str("2"),
            (_, [0xff, 0, 0, draft @ 1..=u8::MAX]) => write!(f, "draft-{draft:02}"),
            (_, [letter @ (b'Q' | b'T'), b'0', b'0'..=b'9', b'0'..=b'9']) => {
                write!(f, "{}0", char::from(letter))?;
                let [.., tens, ones] = self.0.to_be_bytes();
                write!(f, "{}{}", char::from(tens), char::from(ones))
            }
            _ if self.is_reserved() => write!(f, "GREASE ({:#010x})", self.0),
            _ => write!(f, "{:#010x}", self.0),
        }
    }
}

/// Key and nonce that make the integrity tag of a Retry packet.
pub(crate) struct RetryIntegrity {
    /// AES-128-GCM key.
    pub(crate) key: [u8; 16],
    /// AES-128-GCM nonce.
    pub(crate) nonce: [u8; 12],
}

const DRAFT_22: u32 = Version::draft(22).0;
const DRAFT_23: u32 = Version::draft(23).0;
const DRAFT_25: u32 = Version::draft(25).0;
const DRAFT_28: u32 = Version::draft(28).0;
const DRAFT_29: u32 = Version::draft(29).0;
const DRAFT_32: u32 = Version::draft(32).0;
const DRAFT_33: u32 = Version::draft(33).0;
const DRAFT_34: u32 = Version::draft(34).0;

// Facebook's mvfst numbers its wire format after the draft that it took the cryptography from.
const MVFST_DRAFT_22: u32 = 0xface_b001;
const MVFST: u32 = 0xface_b002;
const MVFST_V1: u32 = 0xface_b003;
const MVFST_EXPERIMENTAL: u32 = 0xface_b00e;

// Google's QUIC in the IETF's packet format, with TLS.
const T050: u32 = u32::from_be_bytes(*b"T050");
const T051: u32 = u32::from_be_bytes(*b"T051");

const SALT_V1: [u8; 20] =
    *b"\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a";
const SALT_V2: [u8; 20] =
    *b"\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb\xf9\xbd\x2e\xd9";
const SALT_V2_DRAFT: [u8; 20] =
    *b"\xa7\x07\xc2\x03\xa5\x9b\x47\x18\x4a\x1d\x62\xca\x57\x04\x06\xea\x7a\xe3\xe5\xd3";
const SALT_DRAFT_29: [u8; 20] =
    *b"\xaf\xbf\xec\x28\x99\x93\xd2\x4c\x9e\x97\x86\xf1\x9c\x61\x11\xe0\x43\x90\xa8\x99";
const SALT_DRAFT_23: [u8; 20] =
    *b"\xc3\xee\xf7\x12\xc7\x2e\xbb\x5a\x11\xa7\xd2\x43\x2b\xb4\x63\x65\xbe\xf9\xf5\x02";
const SALT_DRAFT_22: [u8; 20] =
    *b"\x7f\xbc\xdb\x0e\x7c\x66\xbb\xe9\x19\x3a\x96\xcd\x21\x51\x9e\xbd\x7a\x02\x64\x4a";
const SALT_T050: [u8; 20] =
    *b"\x7f\xf5\x79\xe5\xac\xd0\x72\x91\x55\x80\x30\x4c\x43\xa2\x36\x7c\x60\x48\x83\x10";
const SALT_T051: [u8; 20] =
    *b"\x7a\x4e\xde\xf4\xe7\xcc\xee\x5f\xa4\x50\x6c\x19\x12\x4f\xc8\xcc\xda\x6e\x03\x3d";

const RETRY_V1: RetryIntegrity = RetryIntegrity {
    key: *b"\xbe\x0c\x69\x0b\x9f\x66\x57\x5a\x1d\x76\x6b\x54\xe3\x68\xc8\x4e",
    nonce: *b"\x46\x15\x99\xd3\x5d\x63\x2b\xf2\x23\x98\x25\xbb",
};
const RETRY_V2: RetryIntegrity = RetryIntegrity {
    key: *b"\x8f\xb4\xb0\x1b\x56\xac\x48\xe2\x60\xfb\xcb\xce\xad\x7c\xcc\x92",
    nonce: *b"\xd8\x69\x69\xbc\x2d\x7c\x6d\x99\x90\xef\xb0\x4a",
};
const RETRY_DRAFT_29: RetryIntegrity = RetryIntegrity {
    key: *b"\xcc\xce\x18\x7e\xd0\x9a\x09\xd0\x57\x28\x15\x5a\x6c\xb9\x6b\xe1",
    nonce: *b"\xe5\x49\x30\xf9\x7f\x21\x36\xf0\x53\x0a\x8c\x1c",
};
const RETRY_DRAFT_25: RetryIntegrity = RetryIntegrity {
    key: *b"\x4d\x32\xec\xdb\x2a\x21\x33\xc8\x41\xe4\x04\x3d\xf2\x7d\x44\x30",
    nonce: *b"\x4d\x16\x11\xd0\x55\x13\xa5\x52\xc5\x87\xd5\x75",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_named_as_people_name_them() {
        let names = [
            (Version::V1, "1"),
            (Version::V2, "2"),
            (Version::V2_DRAFT, "0x709a50c4"),
            (Version::draft(29), "draft-29"),
            (Version(u32::from_be_bytes(*b"Q043")), "Q043"),
            (Version(T051), "T051"),
            (Version(0x1a2a_3a4a), "GREASE (0x1a2a3a4a)"),
            (Version(0xface_b002), "0xfaceb002"),
            (Version::NEGOTIATION, "0x00000000"),
        ];
        for (version, name) in names {
            assert_eq!(version.to_string(), name);
        }
    }

    #[test]
    fn drafts_before_22_and_google_cryptography_are_not_read() {
        for version in
            [Version::draft(21), Version::draft(35), Version(u32::from_be_bytes(*b"Q050"))]
        {
            assert!(!version.is_readable(), "{version}");
        }
        assert!((22..=34).all(|draft| Version::draft(draft).is_readable()));
    }
}
