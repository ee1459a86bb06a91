//! Time in steps: minutes, hours, days.

use event::Timestamp;

use crate::query::Window;

/// What counts are kept for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Minute,
    Hour,
    Day,
}

/// From when on the counts of minutes and hours are kept. Those of days are kept as long as anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) minutes_from: i64,
    pub(crate) hours_from: i64,
}

/// A part of a window: steps that begin from one point up to and without another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) step: Step,
    pub(crate) from: i64,
    pub(crate) to: i64,
}

impl Step {
    pub(crate) const ALL: [Self; 3] = [Self::Minute, Self::Hour, Self::Day];

    pub(crate) const fn nanos(self) -> i64 {
        match self {
            Self::Minute => 60 * SECOND,
            Self::Hour => 3600 * SECOND,
            Self::Day => 86_400 * SECOND,
        }
    }

    /// Its number in a database.
    pub(crate) const fn code(self) -> i64 {
        match self {
            Self::Minute => 0,
            Self::Hour => 1,
            Self::Day => 2,
        }
    }

    /// Begin of the step that a point is in.
    pub(crate) const fn floor(self, nanos: i64) -> i64 {
        nanos.saturating_sub(nanos.rem_euclid(self.nanos()))
    }

    const fn ceil(self, nanos: i64) -> i64 {
        let over = nanos.rem_euclid(self.nanos());
        if over == 0 { nanos } else { nanos.saturating_add(self.nanos() - over) }
    }
}

impl Kept {
    /// The window, widened to whole steps of the finest kind that is kept for its ends.
    pub(crate) fn widen(self, window: Window) -> Window {
        let (from, to) = (window.from.as_nanos(), window.to.as_nanos());
        let from = self.finest(from).floor(from);
        let to = self.finest(to).ceil(to);
        Window { from: Timestamp::from_nanos(from), to: Timestamp::from_nanos(to.max(from)) }
    }

    /// The fewest steps that make up a widened window: days in the middle, finer ones at its ends.
    pub(crate) fn ranges(self, window: Window) -> Vec<Range> {
        let (mut from, mut to) = (window.from.as_nanos(), window.to.as_nanos());
        let (mut ranges, mut behind) = (Vec::new(), Vec::new());
        for (step, next) in [(Step::Minute, Step::Hour), (Step::Hour, Step::Day)] {
            let (inner_from, inner_to) = (next.ceil(from), next.floor(to));
            if inner_from >= inner_to {
                ranges.push(Range { step, from, to });
                from = to;
                break;
            }
            ranges.push(Range { step, from, to: inner_from });
            behind.push(Range { step, from: inner_to, to });
            (from, to) = (inner_from, inner_to);
        }
        ranges.push(Range { step: Step::Day, from, to });
        ranges.extend(behind.into_iter().rev());
        ranges.retain(|range| range.from < range.to);
        ranges
    }

    /// The step in which to draw a window: some dozens to some hundreds of points.
    pub(crate) fn drawing_step(self, window: Window) -> Step {
        let (from, to) = (window.from.as_nanos(), window.to.as_nanos());
        let span = to.saturating_sub(from);
        if span <= MINUTES_SPAN && from >= self.minutes_from {
            Step::Minute
        } else if span <= HOURS_SPAN && from >= self.hours_from {
            Step::Hour
        } else {
            Step::Day
        }
    }

    fn finest(self, at: i64) -> Step {
        if at >= self.minutes_from {
            Step::Minute
        } else if at >= self.hours_from {
            Step::Hour
        } else {
            Step::Day
        }
    }
}

/// Nanoseconds of a second.
pub(crate) const SECOND: i64 = 1_000_000_000;

/// Longest span that is drawn in minutes: 360 points.
const MINUTES_SPAN: i64 = 6 * 3600 * SECOND;

/// Longest span that is drawn in hours: 336 points.
const HOURS_SPAN: i64 = 14 * 86_400 * SECOND;

/// Most points of a drawing: a year of days.
pub(crate) const MAX_POINTS: i64 = 366;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: i64 = 86_400 * SECOND;

    fn window(from: i64, to: i64) -> Window {
        Window { from: Timestamp::from_nanos(from), to: Timestamp::from_nanos(to) }
    }

    #[test]
    fn a_window_has_days_in_the_middle_and_finer_steps_at_its_ends() {
        let minute = Step::Minute.nanos();
        let hour = Step::Hour.nanos();
        let asked = window(22 * hour + 58 * minute, 3 * DAY + hour + 2 * minute);
        let ranges = Kept::default().ranges(Kept::default().widen(asked));
        assert_eq!(
            ranges,
            [
                Range { step: Step::Minute, from: 22 * hour + 58 * minute, to: 23 * hour },
                Range { step: Step::Hour, from: 23 * hour, to: DAY },
                Range { step: Step::Day, from: DAY, to: 3 * DAY },
                Range { step: Step::Hour, from: 3 * DAY, to: 3 * DAY + hour },
                Range { step: Step::Minute, from: 3 * DAY + hour, to: 3 * DAY + hour + 2 * minute },
            ]
        );
    }

    proptest! {
        #[test]
        fn ranges_cover_the_window_once_and_use_only_what_is_kept(
            from in 0..30 * DAY, len in 0..20 * DAY, minutes in 0..30_i64, hours in 0..30_i64,
        ) {
            let kept = Kept { minutes_from: minutes.max(hours) * DAY, hours_from: hours * DAY };
            let asked = window(from, from + len);
            let widened = kept.widen(asked);
            prop_assert!(widened.from <= asked.from && asked.to <= widened.to);
            let mut at = widened.from.as_nanos();
            for range in kept.ranges(widened) {
                prop_assert_eq!(range.from, at);
                prop_assert_eq!(range.from % range.step.nanos(), 0);
                prop_assert_eq!(range.to % range.step.nanos(), 0);
                if range.step == Step::Minute {
                    prop_assert!(range.from >= kept.minutes_from);
                }
                if range.step == Step::Hour {
                    prop_assert!(range.from >= kept.hours_from);
                }
                at = range.to;
            }
            prop_assert_eq!(at, widened.to.as_nanos());
        }
    }
}
