//! Lists in pages.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// Where in a list to go on, and how far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// After what; from the begin if absent.
    pub after: Option<Cursor>,
    /// How many at most; more than [`Page::MAX_LIMIT`] is that.
    pub limit: usize,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Paged<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where the next one begins; absent on the last one.
    ///
    /// A page may have fewer items than asked for, even none, and still be followed by others: a
    /// search stops when it has looked at as much as a request may cost.
    pub next: Option<Cursor>,
    /// How many there are in all, where that is known.
    pub total: Option<u64>,
}

/// A place in a list: that of the last item of a page. Its text is opaque to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub(crate) list: List,
    pub(crate) key: i64,
    pub(crate) id: [u8; 16],
}

/// A text is not a cursor of this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of this list: take `next_cursor` of the page before, with the same filters")]
pub struct NotACursor;

/// What a cursor is a place in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
    Sessions,
    EdgesBySessions,
    EdgesByFailures,
    EdgesByFirst,
    EdgesByLast,
    EdgesByGrade,
    CertificatesByNotAfter,
    CertificatesByLast,
    CertificatesBySessions,
    Violations,
    Audit,
    Pairs,
}

impl Page {
    /// The most items of a page.
    pub const MAX_LIMIT: usize = 1000;

    /// The first page.
    #[must_use]
    pub const fn first(limit: usize) -> Self {
        Self { after: None, limit }
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit.clamp(1, Self::MAX_LIMIT)
    }

    /// The place to go on after, if it is one of this list.
    pub(crate) fn after(&self, list: List) -> Result<Option<Cursor>, NotACursor> {
        match self.after {
            Some(cursor) if cursor.list != list => Err(NotACursor),
            after => Ok(after),
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key.cast_unsigned();
        write!(f, "{:02x}{key:016x}{:032x}", self.list.code(), u128::from_be_bytes(self.id))
    }
}

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let part = |from: usize, to: usize| text.get(from..to).ok_or(NotACursor);
        if !is_hex || text.len() != TEXT_LEN {
            return Err(NotACursor);
        }
        let code = u8::from_str_radix(part(0, 2)?, 16).map_err(|_error| NotACursor)?;
        let list = List::ALL.iter().find(|list| list.code() == code).ok_or(NotACursor)?;
        let key = u64::from_str_radix(part(2, 18)?, 16).map_err(|_error| NotACursor)?;
        let id = u128::from_str_radix(part(18, TEXT_LEN)?, 16).map_err(|_error| NotACursor)?;
        Ok(Self { list: *list, key: key.cast_signed(), id: id.to_be_bytes() })
    }
}

impl Serialize for Cursor {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl List {
    const ALL: [Self; 12] = [
        Self::Sessions,
        Self::EdgesBySessions,
        Self::EdgesByFailures,
        Self::EdgesByFirst,
        Self::EdgesByLast,
        Self::EdgesByGrade,
        Self::CertificatesByNotAfter,
        Self::CertificatesByLast,
        Self::CertificatesBySessions,
        Self::Violations,
        Self::Audit,
        Self::Pairs,
    ];

    const fn code(self) -> u8 {
        match self {
            Self::Sessions => 1,
            Self::EdgesBySessions => 2,
            Self::EdgesByFailures => 3,
            Self::EdgesByFirst => 4,
            Self::EdgesByLast => 5,
            Self::EdgesByGrade => 6,
            Self::CertificatesByNotAfter => 7,
            Self::CertificatesByLast => 8,
            Self::CertificatesBySessions => 9,
            Self::Violations => 10,
            Self::Audit => 11,
            Self::Pairs => 12,
        }
    }
}

/// Digits of the list, the key and the id.
const TEXT_LEN: usize = 2 + 16 + 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_what_it_wrote() {
        for list in List::ALL {
            let cursor = Cursor { list, key: -3, id: [7; 16] };
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let cursor = Cursor { list: List::Sessions, key: 1, id: [0; 16] }.to_string();
        let other_list = format!("00{}", &cursor[2..]);
        let signed = format!("+{}", &cursor[1..]);
        for text in ["", "1", &cursor[1..], &other_list, &signed, &"é".repeat(25)] {
            assert_eq!(text.parse::<Cursor>(), Err(NotACursor), "{text}");
        }
    }
}
