//! What servers of different years call the same thing.

use std::net::IpAddr;

use event::Timestamp;

use super::rows::Rows;

/// What a server knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Servers of the last years.
    Modern,
    /// Debian's 18.16: no codecs, no `DateTime64`, no `IPv6`, no `SimpleAggregateFunction`, no
    /// skipping indexes, no `LowCardinality` but as an experiment.
    Old,
}

impl Dialect {
    /// The dialect of a version such as `26.9.2.1`; the old one if it is none.
    pub(super) fn of(version: &str) -> Self {
        let year = version.split('.').next().and_then(|year| year.parse::<u32>().ok());
        // What is used came with 21.10 at the latest (SimpleAggregateFunction, codecs, bodies that zstd
        // packed), `insert_deduplication_token` with 22.2.
        if year.is_some_and(|year| year >= 22) { Self::Modern } else { Self::Old }
    }

    pub(super) const fn pick<T: Copy>(self, modern: T, old: T) -> T {
        match self {
            Self::Modern => modern,
            Self::Old => old,
        }
    }

    /// A sum of a column of `counts`.
    pub(super) fn sum(self, column: &str) -> String {
        format!("{}({column})", self.pick("sum", "sumMerge"))
    }

    /// The least of a column of `counts`.
    pub(super) fn min(self, column: &str) -> String {
        format!("{}({column})", self.pick("min", "minMerge"))
    }

    /// The largest of a column of `counts`.
    pub(super) fn max(self, column: &str) -> String {
        format!("{}({column})", self.pick("max", "maxMerge"))
    }

    /// A point in time of a session.
    pub(super) fn time(self, time: Timestamp) -> String {
        let nanos = time.as_nanos();
        match self {
            Self::Modern => format!("fromUnixTimestamp64Nano(toInt64('{nanos}'), 'UTC')"),
            Self::Old => format!("toInt64('{nanos}')"),
        }
    }

    /// An address of a session.
    pub(super) fn ip(self, ip: IpAddr) -> String {
        let mapped = match ip {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        };
        match self {
            Self::Modern => format!("toIPv6('{mapped}')"),
            Self::Old => fixed(&mapped.octets()),
        }
    }

    /// The text of an address of a session.
    pub(super) fn ip_text(self, column: &str) -> String {
        format!("IPv6NumToString({column})")
    }

    /// Puts the values of a row of `counts` behind its key.
    pub(super) fn put_counts(self, rows: &mut Rows, sums: [u64; 2], first: i64, last: i64) {
        rows.u64(sums[0]).u64(sums[1]);
        match self {
            Self::Modern => rows.i64(first).i64(last),
            // A state of `min` and `max` says whether there is a value before it.
            Self::Old => rows.u8(1).i64(first).u8(1).i64(last),
        };
    }
}

/// Bytes as a literal.
pub(super) fn literal(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 2);
    out.push('\'');
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b" .-_/:".contains(byte) {
            out.push(char::from(*byte));
        } else {
            out.push_str("\\x");
            for digit in [byte >> 4, byte & 15] {
                out.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
            }
        }
    }
    out.push('\'');
    out
}

/// Sixteen bytes as a literal of their type.
pub(super) fn fixed(bytes: &[u8; 16]) -> String {
    format!("toFixedString({}, 16)", literal(bytes))
}

/// Names of sixteen bytes as a list.
pub(super) fn list<'a>(names: impl IntoIterator<Item = &'a [u8; 16]>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| literal(name)).collect();
    format!("({})", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_tells_the_dialect() {
        for (version, dialect) in [
            ("26.9.2.1", Dialect::Modern),
            ("22.2", Dialect::Modern),
            ("18.16.1", Dialect::Old),
            ("21.8.15.7", Dialect::Old),
            ("", Dialect::Old),
            ("x", Dialect::Old),
        ] {
            assert_eq!(Dialect::of(version), dialect, "{version}");
        }
    }

    #[test]
    fn a_literal_ends_where_its_bytes_end() {
        assert_eq!(literal(b"a'b\\\x00\xff\n"), r"'a\x27b\x5c\x00\xff\x0a'");
        assert_eq!(list([&[b'x'; 16], &[0; 16]]).matches(r"\x00").count(), 16);
    }
}
