//! How what was found is said.

use super::fact::Fact;
use super::value::{Operator, Test};
use crate::baseline::Drift;

/// How the facts of a criterion are put into words.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sentence {
    /// This has the value.
    Of(&'static str),
    /// This has the value, in this unit.
    In(&'static str, &'static str),
    /// If it is so, and if it is not.
    Whether(&'static str, &'static str),
    /// Days to the end of a certificate.
    Expiry,
    /// Ways to depart from a baseline.
    Drift,
}

impl Sentence {
    /// Says what a fact is, and how it relates to the value for which it holds.
    pub(crate) fn say(self, fact: &Fact<'_>, test: Option<&Test>) -> String {
        let (subject, unit) = match self {
            Self::Of(subject) => (subject, ""),
            Self::In(subject, unit) => (subject, unit),
            Self::Whether(yes, no) => {
                if let Fact::Flag(is_so) = fact {
                    return if *is_so { yes } else { no }.to_owned();
                }
                ("it", "")
            }
            Self::Expiry => ("days to the certificate's end", ""),
            Self::Drift => ("drift", ""),
        };
        let is_expiry = matches!(self, Self::Expiry);
        match (fact, test) {
            (Fact::Absent(text) | Fact::Unknown(text) | Fact::Open(_, text), _) => {
                (*text).to_owned()
            }
            (Fact::Number(days), _) if is_expiry => expiry(*days),
            (Fact::Text(name), _) if matches!(self, Self::Drift) => drift(name),
            (Fact::Number(found), Some(Test::Number(operator, wanted)))
                if *operator != Operator::Equal =>
            {
                format!("{subject} {found}{unit} {} {wanted}", operator.words())
            }
            (Fact::Version(_, found), Some(Test::Version(operator, wanted)))
                if *operator != Operator::Equal =>
            {
                format!("{subject} {found} {} {}", operator.words(), version(*wanted))
            }
            (Fact::Labels(labels), Some(Test::Label(key, _))) => match labels.get(key) {
                Some(value) => format!("{subject} is {key}={value}"),
                None => format!("label {key} is not told"),
            },
            (Fact::Labels(_), _) => "labels".to_owned(),
            (Fact::Number(found), _) => format!("{subject} is {found}{unit}"),
            (Fact::Version(_, found) | Fact::Text(found), _) => format!("{subject} is {found}"),
            (Fact::Flag(found), _) => format!("{subject} is {found}"),
        }
    }
}

fn expiry(days: i64) -> String {
    match days {
        0 => "the certificate expires within a day".to_owned(),
        1 => "the certificate expires in 1 day".to_owned(),
        2.. => format!("the certificate expires in {days} days"),
        -1 => "the certificate expired less than a day ago".to_owned(),
        -2 => "the certificate expired 1 day ago".to_owned(),
        _ => format!("the certificate expired {} days ago", days.saturating_add(1).unsigned_abs()),
    }
}

fn drift(name: &str) -> String {
    let known = Drift::ALL.iter().find(|(_, known, _)| *known == name);
    known.map_or(name, |(.., text)| text).to_owned()
}

/// A version as it is written.
fn version(rank: u16) -> &'static str {
    match rank {
        0x0304 => "1.3",
        0x0303 => "1.2",
        0x0302 => "1.1",
        0x0301 => "1.0",
        0x0300 => "SSL 3.0",
        _ => "SSL 2.0",
    }
}
