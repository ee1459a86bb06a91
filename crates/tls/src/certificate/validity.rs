//! Dates of certificates.

use event::Timestamp;
use wire::Reader;

use super::anomaly::{Anomalies, DATE_IRREGULAR, DATE_MALFORMED};
use super::der::{Element, GENERALIZED_TIME, UTC_TIME, element};

/// Days from `now` to `not_after`, rounded down: -1 during the first day after it.
#[must_use]
pub const fn days_left(not_after: Timestamp, now: Timestamp) -> i64 {
    not_after.as_nanos().saturating_sub(now.as_nanos()).div_euclid(NANOS_A_DAY)
}

/// Reads the two dates out of the contents of a `Validity`.
pub(super) fn read(
    validity: Option<&[u8]>,
    anomalies: &mut Anomalies,
) -> (Option<Timestamp>, Option<Timestamp>) {
    let Some(validity) = validity else {
        return (None, None);
    };
    let mut dates = Reader::new(validity);
    let (not_before, not_after) = (date(&mut dates, anomalies), date(&mut dates, anomalies));
    if not_before.is_none() || not_after.is_none() || !dates.is_empty() {
        anomalies.add(DATE_MALFORMED);
    }
    (not_before, not_after)
}

/// Dates that a [`Timestamp`] cannot hold become the nearest that it can.
fn date(dates: &mut Reader<'_>, anomalies: &mut Anomalies) -> Option<Timestamp> {
    let date = element(dates).filter(|date| date.complete)?;
    let seconds = match plain_date(&date) {
        Some(seconds) => seconds,
        None => {
            let seconds = irregular_date(&date)?;
            anomalies.add(DATE_IRREGULAR);
            seconds
        }
    };
    Some(Timestamp::from_nanos(seconds.saturating_mul(NANOS_A_SECOND)))
}

/// Seconds since 1970 of a date in a form that RFC 5280 section 4.1.2.5 allows.
fn plain_date(date: &Element<'_>) -> Option<i64> {
    let digits = date.contents.strip_suffix(b"Z")?;
    let len = if date.tag == UTC_TIME { UTC_TIME_DIGITS } else { GENERALIZED_TIME_DIGITS };
    if digits.len() == len { civil_seconds(date.tag, digits) } else { None }
}

/// Seconds since 1970, rounded down, of a date in a form that RFC 5280 section 4.1.2.5 forbids but
/// that X.680 gives a meaning: with an offset from UTC, without seconds or with a fraction of one.
fn irregular_date(date: &Element<'_>) -> Option<i64> {
    let (local, offset) = match date.contents {
        [local @ .., b'Z'] => (local, 0),
        [local @ .., sign @ (b'+' | b'-'), h1, h2, m1, m2] => {
            let hours = two_digits(&[*h1, *h2]).filter(|hours| *hours < 24)?;
            let minutes = two_digits(&[*m1, *m2]).filter(|minutes| *minutes < 60)?;
            let offset = (hours * 60 + minutes) * 60;
            (local, if *sign == b'-' { -offset } else { offset })
        }
        _ => return None,
    };
    let whole = match local.split_at_checked(GENERALIZED_TIME_DIGITS) {
        Some((whole, [b'.' | b',', fraction @ ..])) if date.tag == GENERALIZED_TIME => {
            let is_fraction = !fraction.is_empty() && fraction.iter().all(u8::is_ascii_digit);
            is_fraction.then_some(whole)?
        }
        _ => local,
    };
    civil_seconds(date.tag, whole).map(|seconds| seconds - offset)
}

/// Seconds since 1970 that the digits of a date tell, those of the seconds left out or not.
fn civil_seconds(tag: u8, digits: &[u8]) -> Option<i64> {
    let full_len = match tag {
        UTC_TIME => UTC_TIME_DIGITS,
        GENERALIZED_TIME => GENERALIZED_TIME_DIGITS,
        _ => return None,
    };
    if digits.len() != full_len && digits.len() + 2 != full_len {
        return None;
    }
    let mut digits = digits.as_chunks().0.iter();
    let year = match (tag, two_digits(digits.next()?)?) {
        (UTC_TIME, year @ 50..) => year.checked_add(1900)?,
        (UTC_TIME, year) => year.checked_add(2000)?,
        (_, century) => century.checked_mul(100)?.checked_add(two_digits(digits.next()?)?)?,
    };
    let (month, day) = (two_digits(digits.next()?)?, two_digits(digits.next()?)?);
    let hour = two_digits(digits.next()?).filter(|hour| *hour < 24)?;
    let minute = two_digits(digits.next()?).filter(|minute| *minute < 60)?;
    let second = digits.next().map_or(Some(0), two_digits).filter(|second| *second < 60)?;
    if !(1..=12).contains(&month) || !(1..=days_in_month(year, month)).contains(&day) {
        return None;
    }
    let minutes = (days_from_civil(year, month, day) * 24 + hour) * 60 + minute;
    Some(minutes * 60 + second)
}

fn two_digits(digits: &[u8; 2]) -> Option<i64> {
    let [tens, ones] = digits.map(|digit| digit.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| i64::from(tens) * 10 + i64::from(ones))
}

const fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar from the year 0 on
/// (Howard Hinnant, "chrono-compatible low-level date algorithms", `days_from_civil`).
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// `YYMMDDhhmmss`.
const UTC_TIME_DIGITS: usize = 12;

/// `YYYYMMDDhhmmss`.
const GENERALIZED_TIME_DIGITS: usize = 14;

const NANOS_A_SECOND: i64 = 1_000_000_000;
const NANOS_A_DAY: i64 = 86_400 * NANOS_A_SECOND;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use x509_parser::asn1_rs::FromDer;
    use x509_parser::time::ASN1Time;

    use super::*;

    #[test]
    fn days_are_counted_down_through_zero() {
        let not_after = Timestamp::from_nanos(100 * NANOS_A_DAY);
        for (now, days) in [
            (0, 100),
            (99 * NANOS_A_DAY, 1),
            (99 * NANOS_A_DAY + 1, 0),
            (100 * NANOS_A_DAY, 0),
            (100 * NANOS_A_DAY + 1, -1),
            (101 * NANOS_A_DAY, -1),
        ] {
            assert_eq!(days_left(not_after, Timestamp::from_nanos(now)), days, "at {now}");
        }
        let (first, last) = (Timestamp::from_nanos(i64::MIN), Timestamp::from_nanos(i64::MAX));
        assert_eq!(days_left(last, first), i64::MAX / NANOS_A_DAY);
    }

    proptest! {
        #[test]
        fn a_plain_date_is_what_the_parser_reads(
            tag in 0x17_u8..=0x18,
            digits in proptest::collection::vec(b'0'..=b':', 12..=14),
            replaced in any::<prop::sample::Index>(),
            with in "[0-9Z+-]",
            len in 13_u8..=16,
        ) {
            let mut raw = [&[tag, len][..], &digits, b"Z0"].concat();
            let index = 2 + replaced.index(raw.len() - 2);
            raw[index] = with.as_bytes()[0];
            let date = element(&mut Reader::new(&raw)).unwrap();
            if let Some(seconds) = plain_date(&date) {
                let (_, time) = ASN1Time::from_der(date.raw).unwrap();
                prop_assert_eq!(seconds, time.timestamp());
            }
        }

        #[test]
        fn every_date_of_the_calendar_is_plain(
            year in 0..10_000, month in 1..=12, day in 1..=28, second in 0..86_400,
        ) {
            let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
            let text = format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z");
            let raw = [&[GENERALIZED_TIME, 15], text.as_bytes()].concat();
            let (_, time) = ASN1Time::from_der(&raw).unwrap();
            let date = element(&mut Reader::new(&raw)).unwrap();
            prop_assert_eq!(plain_date(&date), Some(time.timestamp()));
        }
    }
}
