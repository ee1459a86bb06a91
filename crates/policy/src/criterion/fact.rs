//! What a criterion finds in a subject.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// One thing that a criterion finds.
#[derive(Clone, Debug)]
pub(crate) enum Fact<'a> {
    /// A name.
    Text(Cow<'a, str>),
    /// A number.
    Number(i64),
    /// A version, by its rank, and what to call it.
    Version(u16, Cow<'a, str>),
    /// Whether something is so.
    Flag(bool),
    /// Labels, of which not all may be told.
    Labels(&'a BTreeMap<String, String>),
    /// It is known that there is none; the text says so.
    Absent(&'static str),
    /// It is not known; the text says why.
    Unknown(&'static str),
    /// Whether this name is one of those found is not known; the text says why.
    Open(&'static str, &'static str),
}

/// All that a criterion finds: one thing, or several of which any may match.
#[derive(Clone, Debug)]
pub(crate) enum Facts<'a> {
    One(Fact<'a>),
    Several(Vec<Fact<'a>>),
}

impl<'a> Facts<'a> {
    pub(crate) fn as_slice(&self) -> &[Fact<'a>] {
        match self {
            Self::One(fact) => std::slice::from_ref(fact),
            Self::Several(facts) => facts,
        }
    }
}

impl<'a> Fact<'a> {
    pub(crate) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text(text.into())
    }

    /// The fact, or why there is none.
    pub(crate) fn text_or(text: Option<&'a str>, otherwise: Self) -> Self {
        text.map_or(otherwise, Self::text)
    }

    /// The same for whether something is so.
    pub(crate) fn flag_or(flag: Option<bool>, otherwise: Self) -> Self {
        flag.map_or(otherwise, Self::Flag)
    }

    /// The same for a number.
    pub(crate) fn number_or(number: Option<impl Into<i64>>, otherwise: Self) -> Self {
        number.map_or(otherwise, |number| Self::Number(number.into()))
    }
}

impl<'a> From<Fact<'a>> for Facts<'a> {
    fn from(fact: Fact<'a>) -> Self {
        Self::One(fact)
    }
}
