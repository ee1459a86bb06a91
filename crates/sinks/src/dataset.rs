//! The kinds of lines, of which each sink names those that it is for.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

/// A kind of line, as its `event.dataset` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dataset {
    /// One session.
    Session,
    /// Alike sessions of an interval, counted.
    Edge,
    /// What could not be seen or told.
    Loss,
    /// A violation of a policy that has begun or ended.
    Violation,
}

/// Some of the kinds of lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datasets(u8);

impl Dataset {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Session, Self::Edge, Self::Loss, Self::Violation];

    /// What it is called in settings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Session => "sessions",
            Self::Edge => "edges",
            Self::Loss => "loss",
            Self::Violation => "violations",
        }
    }

    /// What one of its lines is called.
    pub(crate) const fn event_name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Edge => "edge",
            Self::Loss => "loss",
            Self::Violation => "violation",
        }
    }

    /// The kind of a line; none for lines of other kinds, and for what is no line.
    #[must_use]
    pub fn of(line: &[u8]) -> Option<Self> {
        let glance = serde_json::from_slice::<Glance<'_>>(line).ok()?;
        Self::named(&glance.event.dataset)
    }

    /// The kind that `event.dataset` names.
    pub(crate) fn named(dataset: &str) -> Option<Self> {
        match dataset {
            "tls" => Some(Self::Session),
            "tlsight.edge" => Some(Self::Edge),
            "tlsight.loss" => Some(Self::Loss),
            "tlsight.violation" => Some(Self::Violation),
            _ => None,
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl Datasets {
    /// All of them.
    pub const ALL: Self = Self(0b1111);

    /// None of them.
    pub(crate) const NONE: Self = Self(0);

    /// Whether one is among them.
    #[must_use]
    pub const fn contains(self, dataset: Dataset) -> bool {
        self.0 & dataset.bit() != 0
    }
}

impl FromIterator<Dataset> for Datasets {
    fn from_iter<I: IntoIterator<Item = Dataset>>(datasets: I) -> Self {
        Self(datasets.into_iter().fold(0, |bits, dataset| bits | dataset.bit()))
    }
}

impl FromStr for Dataset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|dataset| dataset.name() == text).ok_or_else(|| {
            format!("unknown dataset {text:?}: sessions, edges, loss and violations are known")
        })
    }
}

impl fmt::Display for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Deserialize)]
struct Glance<'a> {
    #[serde(borrow)]
    event: Event<'a>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    dataset: std::borrow::Cow<'a, str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_its_kind_and_others_have_none() {
        let of = |dataset: &str| {
            Dataset::of(format!(r#"{{"x":[1,{{}}],"event":{{"dataset":"{dataset}"}}}}"#).as_bytes())
        };
        assert_eq!(of("tls"), Some(Dataset::Session));
        assert_eq!(of("tlsight.violation"), Some(Dataset::Violation));
        assert_eq!(of("tlsight.summary"), None);
        for wrong in ["", "{}", "[]", r#"{"event":{"dataset":1}}"#, r#"{"event":{"dataset":"tls"}"#]
        {
            assert_eq!(Dataset::of(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn a_sink_names_the_kinds_it_is_for() {
        let some: Datasets = [Dataset::Loss, Dataset::Violation].into_iter().collect();
        let wanted: Vec<_> =
            Dataset::ALL.into_iter().filter(|dataset| some.contains(*dataset)).collect();
        assert_eq!(wanted, [Dataset::Loss, Dataset::Violation]);
        assert!(Dataset::ALL.into_iter().all(|dataset| Datasets::ALL.contains(dataset)));
        for dataset in Dataset::ALL {
            assert_eq!(dataset.name().parse(), Ok(dataset));
        }
        assert!("session".parse::<Dataset>().is_err());
    }
}
