//! What policies may ask for: the closed list of criteria.

mod certificate;
mod fact;
mod handshake;
mod place;
mod place_table;
mod sentence;
mod session;
mod table;
mod value;

use serde::Serialize;

pub(crate) use fact::{Fact, Facts};
pub(crate) use sentence::Sentence;
pub(crate) use value::{Syntax, Test, label_key};

use crate::subject::Subject;
use place_table::PLACE;
use table::CONNECTION;

/// A criterion, as people and editors need it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Criterion {
    /// Its name, which is the `fieldName` of a group.
    pub name: &'static str,
    /// Its name in expressions: a list if it may find several things.
    pub variable: String,
    /// Whether it may find several things.
    pub is_list: bool,
    /// What it looks at.
    pub description: &'static str,
    /// How values are written.
    pub values: String,
    /// Values that make sense.
    pub examples: &'static [&'static str],
    /// All values that there are, where these are few.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub choices: Option<&'static [&'static str]>,
}

/// A line of the list.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) syntax: Syntax,
    pub(crate) examples: &'static [&'static str],
    pub(crate) find: for<'a> fn(&Subject<'a>) -> Facts<'a>,
    pub(crate) sentence: Sentence,
    /// Whether it may find several things.
    pub(crate) is_list: bool,
}

impl Entry {
    /// Its name in expressions. Those of both ends are told apart from those of one, and from the
    /// words that CEL keeps for itself.
    pub(crate) fn variable(&self) -> String {
        let of = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
        let name: String = self.name.chars().map(of).collect();
        let is_of_both = self.is_list && PLACE.iter().any(|entry| entry.name == self.name);
        if is_of_both { format!("either_{name}") } else { name }
    }
}

impl Criterion {
    /// All criteria, in the order in which they are best shown.
    pub fn all() -> impl Iterator<Item = Self> {
        entries().map(|entry| Self {
            name: entry.name,
            variable: entry.variable(),
            is_list: entry.is_list,
            description: entry.description,
            values: entry.syntax.describe(),
            examples: entry.examples,
            choices: entry.syntax.choices(),
        })
    }
}

/// All criteria, in the order in which they are best shown.
pub(crate) fn entries() -> impl Iterator<Item = &'static Entry> {
    CONNECTION.iter().chain(PLACE)
}

/// The criterion with a name, in any case of its letters.
pub(crate) fn named(name: &str) -> Option<&'static Entry> {
    entries().find(|entry| entry.name.eq_ignore_ascii_case(name))
}

/// A criterion with a name that is alike.
pub(crate) fn like(name: &str) -> Option<&'static str> {
    let wanted = letters(name);
    let is_alike = |entry: &&'static Entry| {
        let letters = letters(entry.name);
        wanted.len() >= LIKE_LEN && (letters.contains(&wanted) || wanted.contains(&letters))
    };
    entries().find(is_alike).map(|entry| entry.name)
}

fn letters(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// Shorter names are like too many.
const LIKE_LEN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_criterion_takes_its_own_examples_and_choices() {
        for entry in entries() {
            assert!(!entry.examples.is_empty(), "{}", entry.name);
            let choices = entry.syntax.choices().unwrap_or_default();
            for value in entry.examples.iter().chain(choices) {
                entry.syntax.read(value).unwrap_or_else(|flaw| {
                    panic!("{}: '{value}': {flaw}", entry.name);
                });
            }
            // Whoever is shown choices can give nothing else.
            let is_choice = |value: &&str| choices.is_empty() || choices.contains(value);
            assert!(entry.examples.iter().all(is_choice), "{}", entry.name);
        }
    }

    #[test]
    fn names_are_told_apart() {
        let mut names: Vec<_> = entries().map(|entry| letters(entry.name)).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), entries().count());
        assert_eq!(named("tls version").map(|entry| entry.name), Some("TLS Version"));
        assert_eq!(like("TLSVersion"), Some("TLS Version"));
        assert_eq!(like("TLS Versions"), Some("TLS Version"));
        assert_eq!(like("Image Component"), None);
    }
}
