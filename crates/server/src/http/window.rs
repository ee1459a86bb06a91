//! The times and the pages that lists are asked for.

use event::Timestamp;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::clock::{DAY, MINUTE};
use crate::problem::Problem;

/// Of which time.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct WindowAsked {
    /// Begin.
    #[param(value_type = Option<String>, format = DateTime)]
    pub(crate) from: Option<String>,
    /// End; now, if absent.
    #[param(value_type = Option<String>, format = DateTime)]
    pub(crate) to: Option<String>,
    /// In place of a begin: how long, such as `15m`, `1h`, `24h` or `7d`.
    #[param(default = "24h", pattern = "^[0-9]{1,4}[mhd]$")]
    pub(crate) last: Option<String>,
}

/// Which page.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageAsked {
    /// How many entries at most.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    pub(crate) limit: Option<usize>,
    /// `next_cursor` of the page before.
    pub(crate) cursor: Option<String>,
}

impl WindowAsked {
    /// The window.
    ///
    /// # Errors
    /// A time that is none, or an end before its begin.
    pub(crate) fn window(&self, now: Timestamp) -> Result<store::Window, Problem> {
        let to = self.to.as_deref().map_or(Ok(now), |text| time("to", text))?;
        let from = match (self.from.as_deref(), self.last.as_deref()) {
            (Some(text), _) => time("from", text)?,
            (None, last) => {
                let nanos = nanos(last.unwrap_or(DEFAULT)).ok_or_else(|| {
                    Problem::bad_request("last: a number with m, h or d, such as 24h")
                })?;
                to.plus_nanos(nanos.saturating_neg())
            }
        };
        if from >= to {
            return Err(Problem::bad_request("the window ends before it begins"));
        }
        Ok(store::Window { from, to })
    }
}

impl PageAsked {
    /// The page.
    ///
    /// # Errors
    /// A cursor that is none, or a limit out of range.
    pub(crate) fn page(&self) -> Result<store::Page, Problem> {
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=store::Page::MAX_LIMIT).contains(&limit) {
            return Err(Problem::bad_request("limit: 1 to 1000"));
        }
        let after = self.cursor.as_deref().map(str::parse).transpose();
        let after =
            after.map_err(|error: store::NotACursor| Problem::bad_request(error.to_string()))?;
        Ok(store::Page { after, limit })
    }
}

/// A point in time of a request.
pub(crate) fn time(name: &str, text: &str) -> Result<Timestamp, Problem> {
    text.parse().map_err(|error| Problem::bad_request(format!("{name}: {error}")))
}

fn nanos(text: &str) -> Option<i64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "m" => MINUTE,
        "h" => 60 * MINUTE,
        "d" => DAY,
        _ => return None,
    };
    let is_number =
        !number.is_empty() && number.len() <= 4 && number.bytes().all(|b| b.is_ascii_digit());
    let number: i64 = is_number.then(|| number.parse().ok())??;
    (number > 0).then(|| number.saturating_mul(unit))
}

const DEFAULT: &str = "24h";

/// Two screens.
const DEFAULT_LIMIT: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_ends_now_and_is_a_day_long_if_nothing_is_said() {
        let now = Timestamp::from_nanos(10 * DAY);
        let window = WindowAsked::default().window(now).unwrap();
        assert_eq!((window.from.as_nanos(), window.to), (9 * DAY, now));
        let last = |text: &str| {
            let asked = WindowAsked { last: Some(text.to_owned()), ..WindowAsked::default() };
            asked.window(now).map(|window| window.to.nanos_since(window.from))
        };
        assert_eq!(last("15m").unwrap(), 15 * MINUTE.unsigned_abs());
        assert_eq!(last("7d").unwrap(), 7 * DAY.unsigned_abs());
        for wrong in ["", "m", "0h", "-1h", "99999d", "1w", "1é", "+1h"] {
            assert_eq!(last(wrong).unwrap_err().status(), 400, "{wrong}");
        }
    }

    #[test]
    fn a_window_that_makes_no_sense_is_refused() {
        let now = Timestamp::from_nanos(10 * DAY);
        for (from, to) in [("x", ""), ("2030-01-01T00:00:00Z", "2029-01-01T00:00:00Z")] {
            let to = (!to.is_empty()).then(|| to.to_owned());
            let asked = WindowAsked { from: Some(from.to_owned()), to, last: None };
            assert_eq!(asked.window(now).unwrap_err().status(), 400);
        }
    }

    #[test]
    fn pages_have_a_bound_and_cursors_are_of_pages() {
        let page = |limit, cursor: Option<&str>| {
            PageAsked { limit, cursor: cursor.map(ToOwned::to_owned) }.page()
        };
        assert_eq!(page(None, None).unwrap().limit, 100);
        for wrong in [page(Some(0), None), page(Some(1001), None), page(None, Some("x"))] {
            assert_eq!(wrong.unwrap_err().status(), 400);
        }
    }
}
