//! Ranges of versions.

use std::str::FromStr;

use event::TlsEvent;

/// Versions such as `1.2`, `<1.3`, `ssl3`, `dtls1.2` or `unknown`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum VersionRange {
    /// No server answered, so none was negotiated.
    Unknown,
    /// Those in the relation to a version.
    Relation {
        /// What they must be to it.
        relation: Relation,
        /// The version.
        version: Version,
        /// The protocol, if it must be a certain one.
        protocol: Option<&'static str>,
    },
}

/// A relation of versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// None, or `=`
    Equal,
    /// `>=`
    GreaterOrEqual,
    /// `>`
    Greater,
}

/// A version of SSL, TLS or DTLS in the order of their age. DTLS 1.0 is as old as TLS 1.1
/// (RFC 4347 section 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Version {
    /// SSL 2.0
    Ssl2,
    /// SSL 3.0
    Ssl3,
    /// TLS 1.0
    Tls10,
    /// TLS 1.1, DTLS 1.0
    Tls11,
    /// TLS 1.2, DTLS 1.2
    Tls12,
    /// TLS 1.3, DTLS 1.3
    Tls13,
}

impl Version {
    fn from_parts(protocol: &str, number: &str) -> Option<Self> {
        Some(match (protocol, number) {
            ("ssl", "2" | "2.0") | ("tls", "2.0") => Self::Ssl2,
            ("ssl", "3" | "3.0") | ("tls", "3.0") => Self::Ssl3,
            ("tls", "1.0") => Self::Tls10,
            ("tls", "1.1") | ("dtls", "1.0") => Self::Tls11,
            ("tls" | "dtls", "1.2") => Self::Tls12,
            ("tls" | "dtls", "1.3") => Self::Tls13,
            _ => return None,
        })
    }
}

impl VersionRange {
    /// Whether the session's version is one of these.
    pub(crate) fn contains(&self, event: &TlsEvent) -> bool {
        let Some(number) = event.tls.version else { return *self == Self::Unknown };
        let Self::Relation { relation, version, protocol: wanted } = self else { return false };
        let protocol = event.tls.version_protocol.unwrap_or("tls");
        if wanted.is_some_and(|wanted| wanted != protocol) {
            return false;
        }
        let Some(seen) = Version::from_parts(protocol, number) else { return false };
        match relation {
            Relation::Less => seen < *version,
            Relation::LessOrEqual => seen <= *version,
            Relation::Equal => seen == *version,
            Relation::GreaterOrEqual => seen >= *version,
            Relation::Greater => seen > *version,
        }
    }
}

impl FromStr for VersionRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let lower = text.trim().to_ascii_lowercase();
        if lower == "unknown" {
            return Ok(Self::Unknown);
        }
        let (relation, rest) = RELATIONS
            .iter()
            .find_map(|(sign, relation)| Some((*relation, lower.strip_prefix(sign)?)))
            .unwrap_or((Relation::Equal, &lower));
        let (protocol, number) = ["dtls", "tls", "ssl"]
            .into_iter()
            .find_map(|protocol| Some((Some(protocol), rest.trim().strip_prefix(protocol)?)))
            .unwrap_or((None, rest.trim()));
        let number = number.trim_start_matches([' ', 'v']);
        let number = if number == "1" { "1.0" } else { number };
        let version = Version::from_parts(protocol.unwrap_or("tls"), number)
            .ok_or_else(|| format!("unknown version {text:?}: write 1.2, <1.3, ssl3 or dtls1.2"))?;
        // An order that ends at the protocol's oldest version would not be one: `<1.3` and `>ssl3`
        // look across protocols.
        let protocol =
            if relation == Relation::Equal || protocol == Some("dtls") { protocol } else { None };
        Ok(Self::Relation { relation, version, protocol })
    }
}

/// The longer signs first, so that `<=` is not read as `<`.
const RELATIONS: [(&str, Relation); 5] = [
    ("<=", Relation::LessOrEqual),
    (">=", Relation::GreaterOrEqual),
    ("<", Relation::Less),
    (">", Relation::Greater),
    ("=", Relation::Equal),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Filter;
    use crate::output::sample;

    fn of_version(protocol: &'static str, number: &'static str) -> TlsEvent {
        let mut event = sample::tls13();
        event.tls.version_protocol = Some(protocol);
        event.tls.version = Some(number);
        event
    }

    fn version_matches(filter: &str, protocol: &'static str, number: &'static str) -> bool {
        let versions = vec![filter.parse().unwrap()];
        Filter { versions, ..Filter::default() }.matches(&of_version(protocol, number))
    }

    #[test]
    fn versions_are_ordered_across_protocols() {
        for (filter, protocol, number, expected) in [
            ("1.2", "tls", "1.2", true),
            ("1.2", "dtls", "1.2", true),
            ("tls1.2", "dtls", "1.2", false),
            ("dtls1.2", "dtls", "1.2", true),
            ("1.2", "tls", "1.3", false),
            ("<1.3", "tls", "1.2", true),
            ("<1.3", "ssl", "3.0", true),
            ("<1.3", "tls", "1.3", false),
            ("<tls1.2", "ssl", "3.0", true),
            ("<=1.1", "dtls", "1.0", true),
            (">=TLSv1.2", "tls", "1.3", true),
            (">ssl3", "tls", "1.0", true),
            ("ssl3", "ssl", "3.0", true),
            ("ssl3", "tls", "1.3", false),
            ("=1", "tls", "1.0", true),
        ] {
            assert_eq!(version_matches(filter, protocol, number), expected, "{filter} {number}");
        }
        assert!("1.4".parse::<VersionRange>().is_err());
        assert!("<".parse::<VersionRange>().is_err());
    }

    #[test]
    fn an_unanswered_hello_has_no_version() {
        let mut event = sample::tls13();
        event.tls.version = None;
        let filter =
            |text: &str| Filter { versions: vec![text.parse().unwrap()], ..Filter::default() };
        assert!(filter("unknown").matches(&event));
        assert!(!filter("<=1.3").matches(&event));
        assert!(!filter("unknown").matches(&sample::tls13()));
    }
}
