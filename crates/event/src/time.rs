//! Points in time, as packets and certificates carry them.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use ::time::OffsetDateTime;
use ::time::format_description::well_known::Rfc3339;
use arrayvec::ArrayString;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::json::{ToJson, write_plain};

/// A point in time: nanoseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
///
/// Written as RFC 3339 in UTC, with six digits of a second if that is exact and nine if not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The point `nanos` nanoseconds after 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Nanoseconds from `earlier` to this point; 0 if it is the later one.
    #[must_use]
    pub fn nanos_since(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }

    /// This point moved later by `nanos` nanoseconds, at most to the last point there is.
    #[must_use]
    pub const fn plus_nanos(self, nanos: i64) -> Self {
        Self(self.0.saturating_add(nanos))
    }

    /// The RFC 3339 text.
    #[must_use]
    pub fn to_rfc3339(self) -> ArrayString<MAX_TEXT_LEN> {
        let (text, len) = self.text();
        let text = text.get(..len).and_then(|text| std::str::from_utf8(text).ok());
        ArrayString::from(text.unwrap_or_default()).unwrap_or_default()
    }

    /// The same as bytes, of which the first are the text.
    fn text(self) -> ([u8; MAX_TEXT_LEN], usize) {
        let (seconds, nanos) = (self.0.div_euclid(NANOS), self.0.rem_euclid(NANOS));
        let (days, second) = (seconds.div_euclid(86_400), small(seconds.rem_euclid(86_400)));
        let (year, month, day) = civil_from_days(days);
        let nanos = small(nanos);
        let [y1, y2] = pair(year / 100);
        let [y3, y4] = pair(year % 100);
        let [o1, o2] = pair(month);
        let [d1, d2] = pair(day);
        let [h1, h2] = pair(second / 3600);
        let [m1, m2] = pair(second / 60 % 60);
        let [s1, s2] = pair(second % 60);
        let [n1, n2] = pair(nanos / 10_000_000);
        let [n3, n4] = pair(nanos / 100_000 % 100);
        let [n5, n6] = pair(nanos / 1000 % 100);
        let [n7, n8] = pair(nanos / 10 % 100);
        let [_, n9] = pair(nanos % 10);
        let nine: [u8; MAX_TEXT_LEN] = [
            y1, y2, y3, y4, b'-', o1, o2, b'-', d1, d2, b'T', h1, h2, b':', m1, m2, b':', s1, s2,
            b'.', n1, n2, n3, n4, n5, n6, n7, n8, n9, b'Z',
        ];
        if !nanos.is_multiple_of(1000) {
            return (nine, MAX_TEXT_LEN);
        }
        let mut six = nine;
        let [.., end, _, _, _] = &mut six;
        *end = b'Z';
        (six, SIX_DIGITS_LEN)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc3339())
    }
}

/// A text is not a time of RFC 3339, or not one that [`Timestamp`] reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a time of RFC 3339 between 1677 and 2262")]
pub struct NotATime;

impl FromStr for Timestamp {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|_error| NotATime)?;
        i64::try_from(time.unix_timestamp_nanos()).map(Self).map_err(|_error| NotATime)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_rfc3339())
    }
}

impl ToJson for Timestamp {
    fn write_json(&self, out: &mut Vec<u8>) {
        let (text, len) = self.text();
        write_plain(out, text.get(..len).unwrap_or_default());
    }
}

impl JsonSchema for Timestamp {
    fn schema_name() -> Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

const NANOS: i64 = 1_000_000_000;

/// Years of `i64` nanoseconds end in 2262, so four digits do.
const MAX_TEXT_LEN: usize = "2262-04-11T23:47:16.854775807Z".len();

/// Length of a text with six digits of a second.
const SIX_DIGITS_LEN: usize = MAX_TEXT_LEN - 3;

/// Year, month and day of the proleptic Gregorian calendar from days since 1970-01-01, for those that
/// `i64` nanoseconds reach (Howard Hinnant, "chrono-compatible low-level date algorithms",
/// `civil_from_days`).
fn civil_from_days(days: i64) -> (u32, u32, u32) {
    let shifted = small(days.saturating_add(719_468));
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u32::from(month <= 2);
    (year, month, day)
}

/// A number that is known to fit.
#[inline]
fn small(value: i64) -> u32 {
    u32::try_from(value).unwrap_or(0)
}

/// The two digits of a number below 100.
#[inline]
fn pair(value: u32) -> [u8; 2] {
    usize::try_from(value).ok().and_then(|value| PAIRS.get(value)).copied().unwrap_or(*b"00")
}

#[expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "at compile time")]
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut value = 0;
    while value < 100 {
        pairs[value] = [b'0' + (value / 10) as u8, b'0' + (value % 10) as u8];
        value += 1;
    }
    pairs
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_rfc_3339_in_utc() {
        for (nanos, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (-1, "1969-12-31T23:59:59.999999999Z"),
            (951_782_400_123_456_000, "2000-02-29T00:00:00.123456Z"),
            (1_795_267_800_000_000_001, "2026-11-21T13:30:00.000000001Z"),
            (i64::MAX, "2262-04-11T23:47:16.854775807Z"),
            (i64::MIN, "1677-09-21T00:12:43.145224192Z"),
        ] {
            assert_eq!(Timestamp::from_nanos(nanos).to_string(), text);
            assert_eq!(text.parse(), Ok(Timestamp::from_nanos(nanos)));
        }
    }

    #[test]
    fn a_text_that_is_no_time_in_reach_is_refused() {
        let hour = "1970-01-01T02:00:00+02:00".parse();
        assert_eq!(hour, Ok(Timestamp::default()));
        for text in ["", "1970-01-01", "1970-01-01T00:00:00", "9999-01-01T00:00:00Z", "soon"] {
            assert_eq!(text.parse::<Timestamp>(), Err(NotATime), "{text}");
        }
    }
}
