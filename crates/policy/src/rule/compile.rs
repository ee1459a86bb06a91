//! Policies as they are written, read into rules.

use handover::Glob;

use super::group::Group;
use super::{Matcher, Place, Rule};
use crate::criterion::{self, label_key};
use crate::document::{Exclusion, Policy, PolicyGroup, Scope};
use crate::expression::Expression;
use crate::policy_error::{Flaw, Place as Where, PolicyError};

/// Compiles a policy.
pub(super) fn rule(policy: Policy) -> Result<Rule, PolicyError> {
    let name = if policy.id.is_empty() { &policy.name } else { &policy.id };
    match parts(&policy) {
        Ok((matcher, scopes, exclusions)) => Ok(Rule { matcher, scopes, exclusions, policy }),
        Err(error) => Err(error.of(name)),
    }
}

type Parts = (Matcher, Vec<Place>, Vec<(Place, usize)>);

fn parts(policy: &Policy) -> Result<Parts, PolicyError> {
    check_texts(policy)?;
    if policy.name.trim().is_empty() {
        return Err(Flaw::Empty("text").of_field("name"));
    }
    let matcher = match (&policy.expression, policy.policy_sections.is_empty()) {
        (None, true) => return Err(Flaw::NoRule.at(Where::default())),
        (Some(_), false) => return Err(Flaw::TwoRules.at(Where::default())),
        (Some(expression), true) => Matcher::Expression(
            Expression::compile(expression).map_err(|flaw| flaw.of_field("expression"))?,
        ),
        (None, false) => Matcher::Sections(sections(policy)?),
    };
    let scopes = policy.scope.iter().map(scope).collect();
    let exclusions = policy.exclusions.iter().enumerate();
    let exclusions = exclusions.map(|(index, it)| Ok((exclusion(it)?, index)));
    Ok((matcher, scopes, exclusions.collect::<Result<_, PolicyError>>()?))
}

fn sections(policy: &Policy) -> Result<Vec<Vec<Group>>, PolicyError> {
    let mut sections = Vec::new();
    for (number, section) in (1..).zip(&policy.policy_sections) {
        let place = Where { section: Some(number), ..Where::default() };
        if section.policy_groups.is_empty() {
            return Err(Flaw::Empty("policyGroups").at(place));
        }
        check_count("groups", section.policy_groups.len())
            .map_err(|flaw| flaw.at(place.clone()))?;
        let groups = (1..).zip(&section.policy_groups).map(|(number, it)| {
            let field = Some(it.field_name.clone());
            group(it, &Where { group: Some(number), field, ..place.clone() })
        });
        sections.push(groups.collect::<Result<_, PolicyError>>()?);
    }
    Ok(sections)
}

fn group(group: &PolicyGroup, place: &Where) -> Result<Group, PolicyError> {
    let Some(entry) = criterion::named(&group.field_name) else {
        let like = criterion::like(&group.field_name);
        return Err(Flaw::UnknownCriterion(like).at(place.clone()));
    };
    if group.values.is_empty() {
        return Err(Flaw::Empty("values").at(place.clone()));
    }
    check_count("values", group.values.len()).map_err(|flaw| flaw.at(place.clone()))?;
    let tests = group.values.iter().map(|value| {
        let text = value.value.as_str();
        let test = check_pattern(text).and_then(|()| entry.syntax.read(text));
        test.map_err(|flaw| flaw.at(Where { value: Some(text.to_owned()), ..place.clone() }))
    });
    Ok(Group {
        entry,
        operator: group.boolean_operator,
        negate: group.negate,
        tests: tests.collect::<Result<_, PolicyError>>()?,
    })
}

fn scope(scope: &Scope) -> Place {
    Place {
        cluster: scope.cluster.as_deref().filter(|it| !it.is_empty()).map(Glob::new),
        namespace: scope.namespace.as_deref().filter(|it| !it.is_empty()).map(Glob::new),
        label: scope
            .label
            .as_ref()
            .filter(|it| !it.key.is_empty())
            .map(|it| (label_key(&it.key), Glob::new(&it.value))),
        entity: None,
    }
}

fn exclusion(exclusion: &Exclusion) -> Result<Place, PolicyError> {
    let place = Place {
        namespace: exclusion.namespace.as_deref().filter(|it| !it.is_empty()).map(Glob::new),
        entity: exclusion.entity.as_deref().filter(|it| !it.is_empty()).map(Glob::new),
        ..Place::default()
    };
    // Whoever wants to exclude everything switches the policy off.
    if place.namespace.is_none() && place.entity.is_none() {
        return Err(Flaw::Empty("namespace or entity").of_field("exclusions"));
    }
    Ok(place)
}

/// Refuses what no honest policy holds: whoever keeps policies keeps these texts.
fn check_texts(policy: &Policy) -> Result<(), PolicyError> {
    let own = [
        ("name", Some(&policy.name), MAX_NAME_LEN),
        ("id", Some(&policy.id), MAX_NAME_LEN),
        ("description", Some(&policy.description), MAX_TEXT_LEN),
        ("rationale", policy.rationale.as_ref(), MAX_TEXT_LEN),
        ("remediation", policy.remediation.as_ref(), MAX_TEXT_LEN),
        ("source", policy.source.as_ref(), MAX_TEXT_LEN),
        ("pack", policy.pack.as_ref(), MAX_NAME_LEN),
    ];
    for (field, text, limit) in own {
        check_text(field, text, limit)?;
    }
    for (field, list) in [("categories", &policy.categories), ("notifiers", &policy.notifiers)] {
        check_count("entries", list.len()).map_err(|flaw| flaw.of_field(field))?;
        list.iter().try_for_each(|text| check_text(field, Some(text), MAX_NAME_LEN))?;
    }
    for (field, len) in [
        ("policySections", policy.policy_sections.len()),
        ("scope", policy.scope.len()),
        ("exclusions", policy.exclusions.len()),
        ("severityFrom", policy.severity_from.len()),
    ] {
        check_count("entries", len).map_err(|flaw| flaw.of_field(field))?;
    }
    for section in &policy.policy_sections {
        check_text("sectionName", section.section_name.as_ref(), MAX_NAME_LEN)?;
    }
    for scope in &policy.scope {
        let label = scope.label.as_ref();
        let texts = [
            scope.cluster.as_ref(),
            scope.namespace.as_ref(),
            label.map(|label| &label.key),
            label.map(|label| &label.value),
        ];
        texts.into_iter().try_for_each(|text| check_text("scope", text, MAX_NAME_LEN))?;
    }
    policy.exclusions.iter().try_for_each(check_exclusion)
}

fn check_exclusion(exclusion: &Exclusion) -> Result<(), PolicyError> {
    for (text, limit) in [
        (Some(&exclusion.name), MAX_NAME_LEN),
        (Some(&exclusion.reason), MAX_TEXT_LEN),
        (exclusion.namespace.as_ref(), MAX_NAME_LEN),
        (exclusion.entity.as_ref(), MAX_NAME_LEN),
    ] {
        check_text("exclusions", text, limit)?;
    }
    if exclusion.reason.trim().is_empty() {
        return Err(Flaw::Empty("reason").of_field("exclusions"));
    }
    Ok(())
}

fn check_text(field: &str, text: Option<&String>, limit: usize) -> Result<(), PolicyError> {
    let len = text.map_or(0, String::len);
    if len <= limit { Ok(()) } else { Err(Flaw::TooLong { len, limit }.of_field(field)) }
}

fn check_pattern(text: &str) -> Result<(), Flaw> {
    let len = text.len();
    if len <= MAX_NAME_LEN { Ok(()) } else { Err(Flaw::TooLong { len, limit: MAX_NAME_LEN }) }
}

fn check_count(what: &'static str, len: usize) -> Result<(), Flaw> {
    if len <= MAX_ENTRIES { Ok(()) } else { Err(Flaw::TooMany { what, len, limit: MAX_ENTRIES }) }
}

/// Longest name or pattern, in bytes: as long as a server name may be, and as much as is compared with
/// the longest text of a record at a reasonable price.
const MAX_NAME_LEN: usize = 256;

/// Longest text for people, in bytes: some pages.
const MAX_TEXT_LEN: usize = 16 << 10;

/// Most entries of a list: a policy that allows some cipher suites names some dozens.
const MAX_ENTRIES: usize = 256;
