//! Policies compiled to rules, and their answers.

mod compile;
mod group;

use event::Timestamp;
use handover::Glob;

use crate::document::{Exclusion, Policy, Severity};
use crate::entity::Entity;
use crate::expression::Expression;
use crate::policy_error::PolicyError;
use crate::subject::Subject;
use crate::verdict::{Truth, Verdict, all, any};
use group::Group;

/// A policy that is ready to judge.
#[derive(Debug)]
pub struct Rule {
    policy: Policy,
    matcher: Matcher,
    scopes: Vec<Place>,
    exclusions: Vec<(Place, usize)>,
}

/// What a rule says of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The answer.
    pub verdict: Verdict,
    /// Why: of a fail what was found, of an unknown what is missing.
    pub reason: String,
}

/// What is wrong.
#[derive(Debug)]
enum Matcher {
    Sections(Vec<Vec<Group>>),
    Expression(Expression),
}

/// Patterns of one end of an edge.
#[derive(Debug, Default)]
struct Place {
    cluster: Option<Glob>,
    namespace: Option<Glob>,
    label: Option<(String, Glob)>,
    entity: Option<Glob>,
}

impl Rule {
    /// Compiles a policy.
    ///
    /// # Errors
    /// It says nothing, or something that makes no sense; the error says where.
    pub fn compile(policy: Policy) -> Result<Self, PolicyError> {
        compile::rule(policy)
    }

    /// The policy.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// How bad a violation is at some time.
    #[must_use]
    pub fn severity(&self, now: Timestamp) -> Severity {
        self.policy.severity_at(now)
    }

    /// Judges a subject; `None` if the policy is switched off, not in force yet, or not about it.
    ///
    /// Exclusions do not count here: [`Self::exclusion`] tells them.
    #[must_use]
    pub fn judge(&self, subject: &Subject<'_>) -> Option<Finding> {
        self.concerns(subject).then(|| self.finding(subject))
    }

    /// The verdict of [`Self::judge`] alone: to say why takes several times as long.
    #[must_use]
    pub fn verdict(&self, subject: &Subject<'_>) -> Option<Verdict> {
        self.concerns(subject).then(|| match &self.matcher {
            Matcher::Sections(sections) => verdict(truth(sections, subject)),
            Matcher::Expression(expression) => expression.judge(subject).verdict,
        })
    }

    /// Judges a subject, whether or not the policy is switched on, in force, and about it.
    #[must_use]
    pub fn finding(&self, subject: &Subject<'_>) -> Finding {
        let sections = match &self.matcher {
            Matcher::Sections(sections) => sections,
            Matcher::Expression(expression) => return expression.judge(subject),
        };
        let matches = |section: &Vec<Group>| matches(section, subject);
        let truth = truth(sections, subject);
        let reason = match truth {
            Some(true) => {
                let section = sections.iter().find(|section| matches(section) == Some(true));
                let groups = section.into_iter().flatten();
                join(groups.map(|group| group.reason(subject)), " and ")
            }
            None => {
                let open = sections.iter().filter(|section| matches(section).is_none());
                let groups = open.flatten().filter(|group| group.holds(subject).is_none());
                join(groups.map(|group| group.missing(subject)), "; ")
            }
            Some(false) => {
                let groups = sections.iter().filter_map(|section| {
                    section.iter().find(|group| group.holds(subject) == Some(false))
                });
                join(groups.map(|group| group.reason(subject)), "; ")
            }
        };
        Finding { verdict: verdict(truth), reason }
    }

    fn concerns(&self, subject: &Subject<'_>) -> bool {
        let in_scope =
            self.scopes.is_empty() || self.scopes.iter().any(|scope| scope.is_one_end_of(subject));
        in_scope && self.policy.is_in_force(subject.now)
    }

    /// The exclusion that a violation by this subject falls under, if there is one.
    #[must_use]
    pub fn exclusion(&self, subject: &Subject<'_>) -> Option<&Exclusion> {
        self.exclusions.iter().find_map(|(place, index)| {
            let exclusion = self.policy.exclusions.get(*index)?;
            let holds = exclusion.expiration.is_none_or(|end| subject.now < end);
            (holds && place.is_one_end_of(subject)).then_some(exclusion)
        })
    }
}

/// Whether any of the sections matches.
fn truth(sections: &[Vec<Group>], subject: &Subject<'_>) -> Truth {
    any(sections.iter().map(|section| matches(section, subject)))
}

/// Whether all groups of a section hold.
fn matches(section: &[Group], subject: &Subject<'_>) -> Truth {
    all(section.iter().map(|group| group.holds(subject)))
}

/// A policy describes what is wrong: what it matches fails.
pub(crate) const fn verdict(truth: Truth) -> Verdict {
    match truth {
        Some(true) => Verdict::Fail,
        Some(false) => Verdict::Pass,
        None => Verdict::Unknown,
    }
}

impl Place {
    fn is_one_end_of(&self, subject: &Subject<'_>) -> bool {
        self.holds(subject.source) || self.holds(subject.destination)
    }

    fn holds(&self, entity: &Entity) -> bool {
        let fits = |glob: &Option<Glob>, text: Option<&String>| {
            glob.as_ref().is_none_or(|glob| text.is_some_and(|text| glob.matches(text)))
        };
        let named = self
            .entity
            .as_ref()
            .is_none_or(|glob| glob.matches(&entity.id) || glob.matches(&entity.name));
        let labelled = self.label.as_ref().is_none_or(|(key, glob)| {
            entity.labels.get(key).is_some_and(|value| glob.matches(value))
        });
        named
            && labelled
            && fits(&self.cluster, entity.cluster.as_ref())
            && fits(&self.namespace, entity.namespace.as_ref())
    }
}

/// Puts sentences together, each once.
fn join(sentences: impl Iterator<Item = String>, between: &str) -> String {
    let mut said: Vec<String> = Vec::new();
    for sentence in sentences {
        if said.len() < MAX_SENTENCES && !said.contains(&sentence) {
            said.push(sentence);
        }
    }
    said.join(between)
}

/// More than this nobody reads.
const MAX_SENTENCES: usize = 8;
