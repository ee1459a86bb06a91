//! A median, and how far it can be trusted.

use std::fmt;

/// The median of measurements, with the interval in which it lies nine times out of ten, if the
/// measurements were drawn again from what was measured (bootstrap).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in super::super) struct Estimate {
    pub(super) median: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Estimate {
    /// Of at least one measurement.
    pub(in super::super) fn of(values: &[f64]) -> Option<Self> {
        let median = middle(values.to_vec())?;
        let mut state = SEED;
        let mut medians: Vec<f64> = (0..SAMPLES)
            .filter_map(|_| middle(values.iter().map(|_| drawn(values, &mut state)).collect()))
            .collect();
        medians.sort_by(f64::total_cmp);
        let at = |part: usize| medians.get(medians.len() * part / 100).copied();
        Some(Self { median, low: at(5)?, high: at(95)? })
    }

    pub(in super::super) const fn median(self) -> f64 {
        self.median
    }

    pub(super) fn scaled(self, by: f64) -> Self {
        Self { median: self.median * by, low: self.low * by, high: self.high * by }
    }
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = f.precision().unwrap_or(1);
        write!(f, "{:.places$} [{:.places$}, {:.places$}]", self.median, self.low, self.high)
    }
}

fn middle(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get((values.len() - 1) / 2)?;
    Some((lower + upper) / 2.0)
}

/// One of the values, by xorshift: the table of the same measurements is always the same.
fn drawn(values: &[f64], state: &mut u64) -> f64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    let place = usize::try_from(*state % values.len().max(1) as u64).unwrap_or(0);
    values.get(place).copied().unwrap_or_default()
}

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
const SAMPLES: usize = 2000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_around_the_median_and_narrows_with_more_measurements() {
        let width = |count: u32| {
            let values: Vec<f64> = (0..count).map(|value| f64::from(value % 10)).collect();
            let estimate = Estimate::of(&values).unwrap();
            assert!(estimate.low <= estimate.median && estimate.median <= estimate.high);
            estimate.high - estimate.low
        };
        assert!(width(1000) < width(20));
        assert_eq!(Estimate::of(&[3.0]).unwrap(), Estimate { median: 3.0, low: 3.0, high: 3.0 });
        assert!(Estimate::of(&[]).is_none());
    }
}
