//! One group of a section: a criterion and its values.

use crate::criterion::{Entry, Fact, Test};
use crate::document::BooleanOperator;
use crate::subject::Subject;
use crate::verdict::{Truth, all, any};

/// A criterion with the values that it is compared with.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) entry: &'static Entry,
    pub(super) operator: BooleanOperator,
    pub(super) negate: bool,
    pub(super) tests: Vec<Test>,
}

impl Group {
    /// Whether the group holds.
    pub(super) fn holds(&self, subject: &Subject<'_>) -> Truth {
        let facts = (self.entry.find)(subject);
        let truth = self.truth(facts.as_slice());
        if self.negate { truth.map(|truth| !truth) } else { truth }
    }

    /// Says what was found, of a group that is decided.
    pub(super) fn reason(&self, subject: &Subject<'_>) -> String {
        let facts = (self.entry.find)(subject);
        let say = |fact: &Fact<'_>, test: Option<&Test>| self.entry.sentence.say(fact, test);
        for test in &self.tests {
            let matching = facts.as_slice().iter().find(|fact| test.holds(fact) == Some(true));
            if let Some(fact) = matching {
                return say(fact, Some(test));
            }
        }
        let known: Vec<_> = facts
            .as_slice()
            .iter()
            .filter(|it| !matches!(it, Fact::Unknown(_) | Fact::Open(..)))
            .collect();
        match known.as_slice() {
            [] => format!("{}: none", self.entry.name),
            facts => {
                let test = self.tests.first().filter(|test| matches!(test, Test::Label(..)));
                let said: Vec<String> = facts.iter().map(|fact| say(fact, test)).collect();
                super::join(said.into_iter(), ", ")
            }
        }
    }

    /// Says what is missing, of a group that is not decided.
    pub(super) fn missing(&self, subject: &Subject<'_>) -> String {
        let facts = (self.entry.find)(subject);
        let texts = facts.as_slice().iter().filter_map(|fact| {
            if let Fact::Unknown(text) | Fact::Open(_, text) = fact {
                return Some((*text).to_owned());
            }
            let key = self.tests.iter().find(|test| test.holds(fact).is_none())?.label()?;
            Some(format!("label {key} is not told"))
        });
        super::join(texts, ", ")
    }

    /// Whether the facts are as the values say: any of the facts, and any or all of the values.
    fn truth(&self, facts: &[Fact<'_>]) -> Truth {
        let tests = self.tests.iter().map(|test| any(facts.iter().map(|fact| test.holds(fact))));
        match self.operator {
            BooleanOperator::Or => any(tests),
            BooleanOperator::And => all(tests),
        }
    }
}
