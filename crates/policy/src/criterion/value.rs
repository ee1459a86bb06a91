//! Values of criteria: how they are written, and what they match.

use handover::Glob;
use tls::registry::{CipherSuite, NamedGroup};

use super::fact::Fact;
use crate::policy_error::Flaw;
use crate::posture::version_rank;
use crate::verdict::Truth;

/// How the values of a criterion are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Syntax {
    /// A version, with an operator.
    Version,
    /// A number of something, with an operator.
    Number(&'static str),
    /// `true` or `false`.
    Flag,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A name or pattern.
    Text,
    /// The name of a cipher suite, or a pattern that one has.
    CipherSuite,
    /// The name of a group, or a pattern that one has.
    Group,
    /// A key and a pattern of its value.
    Label,
}

/// A value, read.
#[derive(Clone, Debug)]
pub(crate) enum Test {
    Version(Operator, u16),
    Number(Operator, i64),
    Flag(bool),
    /// There is none.
    Absent,
    Exact(&'static str),
    Text(Glob),
    Label(String, Glob),
}

/// How a number is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Less,
    AtMost,
    Equal,
    AtLeast,
    More,
}

impl Syntax {
    /// Reads a value.
    pub(crate) fn read(self, text: &str) -> Result<Test, Flaw> {
        let text = text.trim();
        match self {
            Self::Version => {
                let (operator, rest) = Operator::read(text);
                let rank = version_rank(rest).ok_or(Flaw::NotAVersion)?;
                Ok(Test::Version(operator, rank))
            }
            Self::Number(unit) => {
                let (operator, rest) = Operator::read(text);
                let number = rest.parse().ok().ok_or(Flaw::NotANumber(unit))?;
                Ok(Test::Number(operator, number))
            }
            Self::Flag => match text {
                "true" => Ok(Test::Flag(true)),
                "false" => Ok(Test::Flag(false)),
                _ => Err(Flaw::NotAFlag),
            },
            Self::Choice(choices) => {
                let found = choices.iter().find(|choice| choice.eq_ignore_ascii_case(text));
                found.map(|choice| Test::Exact(choice)).ok_or(Flaw::NotAChoice(choices))
            }
            Self::Text => text_test(text),
            Self::CipherSuite => {
                named(text, "cipher suite", |value| CipherSuite(value).known_name())
            }
            Self::Group => named(text, "group", |value| NamedGroup(value).known_name()),
            Self::Label => {
                let (key, value) = text.split_once('=').ok_or(Flaw::NotALabel)?;
                let key = label_key(key);
                if key.is_empty() {
                    return Err(Flaw::NotALabel);
                }
                Ok(Test::Label(key, Glob::new(value.trim())))
            }
        }
    }

    /// The words that a value may be, where these are few.
    pub(crate) const fn choices(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Choice(choices) => Some(choices),
            Self::Flag => Some(&["true", "false"]),
            Self::Version
            | Self::Number(_)
            | Self::Text
            | Self::CipherSuite
            | Self::Group
            | Self::Label => None,
        }
    }

    /// How values are written, for people.
    pub(crate) fn describe(self) -> String {
        match self {
            Self::Version => "a version, with <, <=, > or >= before it if you like".to_owned(),
            Self::Number(unit) => {
                format!("a number of {unit}, with <, <=, > or >= before it if you like")
            }
            Self::Flag => "true or false".to_owned(),
            Self::Choice(_) => "one of the choices".to_owned(),
            Self::Text => "a name, or a pattern with * and ?; `none` if there is none".to_owned(),
            Self::CipherSuite => {
                "the IANA name of a cipher suite, or a pattern with * and ?".into()
            }
            Self::Group => {
                "the IANA name of a group, or a pattern with * and ?; `none` if there is none"
                    .into()
            }
            Self::Label => "key=value, or key=pattern with * and ?".to_owned(),
        }
    }
}

impl Test {
    /// Whether a fact is as the value says.
    pub(crate) fn holds(&self, fact: &Fact<'_>) -> Truth {
        match (self, fact) {
            (Self::Exact(wanted), Fact::Open(name, _)) => (wanted != name).then_some(false),
            (_, Fact::Unknown(_) | Fact::Open(..)) => None,
            (Self::Absent, Fact::Absent(_)) => Some(true),
            (Self::Version(operator, wanted), Fact::Version(found, _)) => {
                Some(operator.holds(found, wanted))
            }
            (Self::Number(operator, wanted), Fact::Number(found)) => {
                Some(operator.holds(found, wanted))
            }
            (Self::Flag(wanted), Fact::Flag(found)) => Some(wanted == found),
            (Self::Exact(wanted), Fact::Text(found)) => Some(wanted == found),
            (Self::Text(glob), Fact::Text(found)) => Some(glob.matches(&**found)),
            // Labels are told as far as settings say, so that one that is not told may be there.
            (Self::Label(key, glob), Fact::Labels(labels)) => {
                labels.get(key).map(|value| glob.matches(value))
            }
            _ => Some(false),
        }
    }
}

impl Test {
    /// The key of the label that it is about.
    pub(crate) const fn label(&self) -> Option<&String> {
        if let Self::Label(key, _) = self { Some(key) } else { None }
    }
}

impl Operator {
    fn read(text: &str) -> (Self, &str) {
        for (sign, operator) in [
            ("<=", Self::AtMost),
            (">=", Self::AtLeast),
            ("<", Self::Less),
            (">", Self::More),
            ("=", Self::Equal),
        ] {
            if let Some(rest) = text.strip_prefix(sign) {
                return (operator, rest.trim_start());
            }
        }
        (Self::Equal, text)
    }

    fn holds<T: Ord>(self, found: &T, wanted: &T) -> bool {
        match self {
            Self::Less => found < wanted,
            Self::AtMost => found <= wanted,
            Self::Equal => found == wanted,
            Self::AtLeast => found >= wanted,
            Self::More => found > wanted,
        }
    }

    /// What is said of a number for which it holds.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Less => "is below",
            Self::AtMost => "is at most",
            Self::Equal => "is",
            Self::AtLeast => "is at least",
            Self::More => "is above",
        }
    }
}

/// A key as the events have it: dots would make objects of it.
pub(crate) fn label_key(key: &str) -> String {
    key.trim().replace('.', "_")
}

fn text_test(text: &str) -> Result<Test, Flaw> {
    match text {
        "" => Err(Flaw::Empty("value")),
        NONE => Ok(Test::Absent),
        _ => Ok(Test::Text(Glob::new(text))),
    }
}

/// A name or pattern that something in a registry has: anything else is a slip of the pen that would
/// never match.
fn named(
    text: &str,
    kind: &'static str,
    name: fn(u16) -> Option<&'static str>,
) -> Result<Test, Flaw> {
    let test = text_test(text)?;
    let Test::Text(glob) = &test else { return Ok(test) };
    let is_code_point = text.strip_prefix("0x").is_some_and(|digits| {
        digits.len() == 4 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
    });
    let is_known = is_code_point
        || (0..=u16::MAX).filter_map(name).any(|name| glob.matches(name))
        || EXPLICIT.eq_ignore_ascii_case(text);
    if is_known { Ok(test) } else { Err(Flaw::UnknownName(kind)) }
}

/// That there is none.
pub(crate) const NONE: &str = "none";

/// A group whose parameters the server sent.
pub(crate) const EXPLICIT: &str = "explicit";
