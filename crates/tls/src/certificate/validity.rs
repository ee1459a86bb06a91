//! Dates of certificates.

use event::Timestamp;
use wire::Reader;
use x509_parser::asn1_rs::FromDer;
use x509_parser::time::ASN1Time;

use super::anomaly::{Anomalies, DATE_MALFORMED};
use super::der::element;

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
    let (not_before, not_after) = (date(&mut dates), date(&mut dates));
    if not_before.is_none() || not_after.is_none() || !dates.is_empty() {
        anomalies.add(DATE_MALFORMED);
    }
    (not_before, not_after)
}

/// Dates that a [`Timestamp`] cannot hold become the nearest that it can.
fn date(dates: &mut Reader<'_>) -> Option<Timestamp> {
    let (_, time) = ASN1Time::from_der(element(dates)?.raw).ok()?;
    Some(Timestamp::from_nanos(time.timestamp().saturating_mul(NANOS_A_SECOND)))
}

const NANOS_A_SECOND: i64 = 1_000_000_000;
const NANOS_A_DAY: i64 = 86_400 * NANOS_A_SECOND;

#[cfg(test)]
mod tests {
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
}
