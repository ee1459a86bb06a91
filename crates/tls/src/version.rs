//! Protocol versions, from SSL 2.0 to TLS 1.3 and DTLS 1.3.

use std::borrow::Cow;

use event::Name;

use crate::grease::{grease_name, is_grease};

/// A protocol version as records, hellos and `supported_versions` carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProtocolVersion(pub u16);

impl ProtocolVersion {
    /// SSL 2.0.
    pub const SSL2: Self = Self(0x0002);
    /// SSL 3.0 (RFC 6101).
    pub const SSL3: Self = Self(0x0300);
    /// TLS 1.0 (RFC 2246).
    pub const TLS10: Self = Self(0x0301);
    /// TLS 1.1 (RFC 4346).
    pub const TLS11: Self = Self(0x0302);
    /// TLS 1.2 (RFC 5246).
    pub const TLS12: Self = Self(0x0303);
    /// TLS 1.3 (RFC 9846).
    pub const TLS13: Self = Self(0x0304);
    /// TLCP, formerly GM/T 0024 (GB/T 38636-2020).
    pub const TLCP: Self = Self(0x0101);
    /// DTLS 1.0 as OpenSSL before 0.9.8f wrote it.
    pub const DTLS10_OPENSSL: Self = Self(0x0100);
    /// DTLS 1.0 (RFC 4347).
    pub const DTLS10: Self = Self(0xfeff);
    /// DTLS 1.2 (RFC 6347).
    pub const DTLS12: Self = Self(0xfefd);
    /// DTLS 1.3 (RFC 9147).
    pub const DTLS13: Self = Self(0xfefc);

    /// Whether this is a version that was ever spoken.
    #[must_use]
    pub const fn is_known(self) -> bool {
        self.number().is_some()
    }

    /// Whether the value is reserved for GREASE.
    #[must_use]
    pub const fn is_grease(self) -> bool {
        is_grease(self.0)
    }

    /// The number alone, such as `1.3`; drafts have the number of what they became.
    #[must_use]
    pub const fn number(self) -> Option<&'static str> {
        Some(match self {
            Self::SSL2 => "2.0",
            Self::SSL3 => "3.0",
            Self::TLS10 | Self::DTLS10 | Self::DTLS10_OPENSSL => "1.0",
            Self::TLS11 | Self::TLCP => "1.1",
            Self::TLS12 | Self::DTLS12 => "1.2",
            Self::TLS13 | Self::DTLS13 => "1.3",
            _ if self.is_tls13_draft() => "1.3",
            _ => return None,
        })
    }

    /// The protocol in lower case: `ssl`, `tls`, `dtls` or `tlcp`.
    #[must_use]
    pub const fn protocol(self) -> Option<&'static str> {
        Some(match self {
            Self::SSL2 | Self::SSL3 => "ssl",
            Self::TLS10 | Self::TLS11 | Self::TLS12 | Self::TLS13 => "tls",
            Self::TLCP => "tlcp",
            _ if self.is_dtls() => "dtls",
            _ if self.is_tls13_draft() => "tls",
            _ => return None,
        })
    }

    /// The name, such as `TLS 1.3`, `TLS 1.3 draft 18` or `DTLS 1.2`.
    #[must_use]
    pub fn name(self) -> Name {
        if let Some(name) = grease_name(self.0) {
            return Cow::Borrowed(name);
        }
        Cow::Borrowed(match self {
            Self::SSL2 => "SSL 2.0",
            Self::SSL3 => "SSL 3.0",
            Self::TLS10 => "TLS 1.0",
            Self::TLS11 => "TLS 1.1",
            Self::TLS12 => "TLS 1.2",
            Self::TLS13 => "TLS 1.3",
            Self::TLCP => "TLCP 1.1",
            Self::DTLS10 | Self::DTLS10_OPENSSL => "DTLS 1.0",
            Self::DTLS12 => "DTLS 1.2",
            Self::DTLS13 => "DTLS 1.3",
            _ => return Cow::Owned(self.draft_name()),
        })
    }

    /// The version as Packetbeat writes those of hellos: major and minor byte, such as `3.3`.
    #[must_use]
    pub fn packetbeat(self) -> Name {
        Cow::Borrowed(match self {
            Self::SSL2 => "0.2",
            Self::SSL3 => "3.0",
            Self::TLS10 => "3.1",
            Self::TLS11 => "3.2",
            Self::TLS12 => "3.3",
            Self::TLS13 => "3.4",
            Self::DTLS10 => "254.255",
            Self::DTLS12 => "254.253",
            Self::DTLS13 => "254.252",
            _ => {
                let [major, minor] = self.0.to_be_bytes();
                return Cow::Owned(format!("{major}.{minor}"));
            }
        })
    }

    /// Whether this is TLS 1.3, DTLS 1.3 or a draft of TLS 1.3.
    #[must_use]
    pub const fn is_tls13_or_later(self) -> bool {
        matches!(self, Self::TLS13 | Self::DTLS13) || self.is_tls13_draft()
    }

    /// Whether this is a version of DTLS.
    #[must_use]
    pub const fn is_dtls(self) -> bool {
        matches!(self, Self::DTLS10 | Self::DTLS12 | Self::DTLS13 | Self::DTLS10_OPENSSL)
    }

    /// The number of the TLS 1.3 draft, for values in the draft range.
    #[must_use]
    pub const fn draft(self) -> Option<u8> {
        match self.0.to_be_bytes() {
            [0x7f | 0xfb, draft @ FIRST_DRAFT..=LAST_DRAFT] => Some(draft),
            _ => None,
        }
    }

    /// How recent the version is: greater is more recent, over TLS and DTLS alike; 0 if unknown.
    ///
    /// Drafts come between TLS 1.2 and TLS 1.3.
    #[must_use]
    pub const fn age_rank(self) -> u8 {
        match self {
            Self::SSL2 => 1,
            Self::SSL3 => 2,
            Self::TLS10 | Self::DTLS10 | Self::DTLS10_OPENSSL => 3,
            Self::TLS11 | Self::TLCP => 4,
            Self::TLS12 | Self::DTLS12 => 5,
            Self::TLS13 | Self::DTLS13 => u8::MAX,
            _ if self.is_tls13_draft() => match self.draft() {
                Some(draft) => draft,
                None => 6,
            },
            _ => 0,
        }
    }

    const fn is_tls13_draft(self) -> bool {
        self.draft().is_some() || matches!(self.0, 0x7e01..=0x7e03)
    }

    #[cold]
    fn draft_name(self) -> String {
        match self.0.to_be_bytes() {
            [0x7f, draft] if self.draft().is_some() => format!("TLS 1.3 draft {draft}"),
            [0xfb, draft] if self.draft().is_some() => {
                format!("TLS 1.3 draft {draft} (Facebook)")
            }
            [0x7e, number @ 1..=3] => format!("TLS 1.3 experiment {number}"),
            _ => format!("{:#06x}", self.0),
        }
    }
}

impl From<u16> for ProtocolVersion {
    #[inline]
    fn from(value: u16) -> Self {
        Self(value)
    }
}

/// The first draft of TLS 1.3 that was deployed anywhere.
const FIRST_DRAFT: u8 = 0x0e;
/// The last draft of TLS 1.3.
const LAST_DRAFT: u8 = 0x1c;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_have_the_names_that_events_use() {
        for (value, name, number, protocol) in [
            (0x0002, "SSL 2.0", Some("2.0"), Some("ssl")),
            (0x0300, "SSL 3.0", Some("3.0"), Some("ssl")),
            (0x0303, "TLS 1.2", Some("1.2"), Some("tls")),
            (0x0304, "TLS 1.3", Some("1.3"), Some("tls")),
            (0x7f12, "TLS 1.3 draft 18", Some("1.3"), Some("tls")),
            (0x7e02, "TLS 1.3 experiment 2", Some("1.3"), Some("tls")),
            (0xfb17, "TLS 1.3 draft 23 (Facebook)", Some("1.3"), Some("tls")),
            (0x0100, "DTLS 1.0", Some("1.0"), Some("dtls")),
            (0xfefc, "DTLS 1.3", Some("1.3"), Some("dtls")),
            (0x2a2a, "GREASE (0x2a2a)", None, None),
            (0x0305, "0x0305", None, None),
            (0x7f1d, "0x7f1d", None, None),
        ] {
            let version = ProtocolVersion(value);
            assert_eq!(version.name(), name);
            assert_eq!(version.number(), number, "{name}");
            assert_eq!(version.protocol(), protocol, "{name}");
        }
    }

    #[test]
    fn every_draft_ranks_between_tls_1_2_and_1_3() {
        for draft in 0x7f0e..=0x7f1c {
            let rank = ProtocolVersion(draft).age_rank();
            assert!(rank > ProtocolVersion::TLS12.age_rank());
            assert!(rank < ProtocolVersion::TLS13.age_rank());
        }
        assert!(ProtocolVersion::DTLS13.age_rank() > ProtocolVersion::DTLS12.age_rank());
    }

    #[test]
    fn packetbeat_writes_both_bytes_in_decimal() {
        assert_eq!(ProtocolVersion::TLS12.packetbeat(), "3.3");
        assert_eq!(ProtocolVersion(0x7f12).packetbeat(), "127.18");
    }
}
