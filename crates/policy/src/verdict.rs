//! The answer of a rule.

use serde::{Deserialize, Serialize};

/// What a rule says of a posture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The rule holds.
    Pass,
    /// There is not enough evidence to tell.
    Unknown,
    /// The rule is broken.
    Fail,
}

/// Whether something is so, as far as there is evidence: `None` is unknown.
///
/// Kleene's logic: what is unknown makes a whole unknown unless the rest decides it.
pub(crate) type Truth = Option<bool>;

/// Whether all are true. So are none.
pub(crate) fn all(truths: impl IntoIterator<Item = Truth>) -> Truth {
    fold(truths, true)
}

/// Whether any is true.
pub(crate) fn any(truths: impl IntoIterator<Item = Truth>) -> Truth {
    fold(truths, false)
}

fn fold(truths: impl IntoIterator<Item = Truth>, neutral: bool) -> Truth {
    let mut sum = Some(neutral);
    for truth in truths {
        match truth {
            Some(truth) if truth == neutral => {}
            Some(decides) => return Some(decides),
            None => sum = None,
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_makes_a_whole_unknown_unless_the_rest_decides_it() {
        assert_eq!(all([Some(true), None]), None);
        assert_eq!(all([None, Some(false)]), Some(false));
        assert_eq!(all([]), Some(true));
        assert_eq!(any([Some(false), None]), None);
        assert_eq!(any([None, Some(true)]), Some(true));
        assert_eq!(any([]), Some(false));
    }
}
