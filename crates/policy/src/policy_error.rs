//! What is wrong with a policy, and where.

use std::fmt;

/// A policy that makes no sense, with the place where it does not.
#[derive(Debug)]
pub struct PolicyError {
    place: Box<Place>,
    flaw: Box<Flaw>,
}

/// Where in a policy something is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Id of the policy, or its name, or its number in the file.
    pub policy: Option<String>,
    /// Number of the section, from 1.
    pub section: Option<usize>,
    /// Number of the group in the section, from 1.
    pub group: Option<usize>,
    /// Name of the criterion or of the member of the policy.
    pub field: Option<String>,
    /// The value.
    pub value: Option<String>,
}

/// What is wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// It is not JSON, or not in the shape of a policy.
    #[error("{0}")]
    Malformed(#[from] serde_json::Error),
    /// It says nothing.
    #[error("has neither policySections nor an expression")]
    NoRule,
    /// It says two things.
    #[error("has both policySections and an expression")]
    TwoRules,
    /// A list that must not be empty is.
    #[error("has no {0}")]
    Empty(&'static str),
    /// There are too many of something.
    #[error("{len} {what}, more than {limit}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        len: usize,
        /// The most.
        limit: usize,
    },
    /// A text is too long.
    #[error("{len} bytes, more than {limit}")]
    TooLong {
        /// Its length in bytes.
        len: usize,
        /// The most.
        limit: usize,
    },
    /// There is no such criterion.
    #[error("no such criterion{}", suggestion(*.0))]
    UnknownCriterion(Option<&'static str>),
    /// A version was expected.
    #[error(
        "not a version: 1.3, 1.2, 1.1, 1.0, 3.0 or 2.0, with <, <=, > or >= before it if you like"
    )]
    NotAVersion,
    /// A number was expected.
    #[error("not a number of {0}, with <, <=, > or >= before it if you like")]
    NotANumber(&'static str),
    /// One of a few words was expected.
    #[error("none of {}", .0.join(", "))]
    NotAChoice(&'static [&'static str]),
    /// Yes or no was expected.
    #[error("neither true nor false")]
    NotAFlag,
    /// No registered name is so, or like that.
    #[error("no {0} has that name")]
    UnknownName(&'static str),
    /// A label was expected.
    #[error("not a label: key=value, or key=pattern")]
    NotALabel,
    /// StackRox has it, and tlsight does not.
    #[error("'{0}' is not supported")]
    Unsupported(String),
    /// An expression is wrong.
    #[error("{0}")]
    Expression(String),
    /// Two policies have one id.
    #[error("there is another policy with this id")]
    Twice,
}

impl PolicyError {
    /// Where it is.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// What it is.
    #[must_use]
    pub fn flaw(&self) -> &Flaw {
        &self.flaw
    }

    /// The same, of a policy of that name, unless another is named already.
    pub(crate) fn of(mut self, policy: &str) -> Self {
        self.place.policy.get_or_insert_with(|| policy.to_owned());
        self
    }
}

impl Flaw {
    /// The flaw of a whole policy, or of a member of it.
    pub(crate) fn at(self, place: Place) -> PolicyError {
        PolicyError { place: Box::new(place), flaw: Box::new(self) }
    }

    /// The flaw of a member of a policy.
    pub(crate) fn of_field(self, field: &str) -> PolicyError {
        self.at(Place { field: Some(field.to_owned()), ..Place::default() })
    }
}

impl From<serde_json::Error> for PolicyError {
    fn from(error: serde_json::Error) -> Self {
        Flaw::from(error).at(Place::default())
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { policy, section, group, field, value } = &*self.place;
        let mut parts = Vec::new();
        parts.extend(policy.as_ref().map(|it| format!("policy '{}'", clip(it))));
        parts.extend(section.map(|it| format!("section {it}")));
        parts.extend(group.map(|it| format!("group {it}")));
        parts.extend(field.as_ref().map(|it| format!("'{}'", clip(it))));
        parts.extend(value.as_ref().map(|it| format!("value '{}'", clip(it))));
        if !parts.is_empty() {
            write!(f, "{}: ", parts.join(", "))?;
        }
        self.flaw.fmt(f)
    }
}

impl std::error::Error for PolicyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&*self.flaw)
    }
}

fn suggestion(name: Option<&str>) -> String {
    name.map(|name| format!("; is it '{name}'?")).unwrap_or_default()
}

/// Names are repeated in messages only as far as a person reads them.
fn clip(text: &str) -> &str {
    text.char_indices().nth(MAX_SHOWN).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

const MAX_SHOWN: usize = 80;
