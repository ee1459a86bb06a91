//! `tlsight policy explain`.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use anyhow::{Result, bail};
use policy::{BooleanOperator, Criterion, Pack, Policy, PolicyGroup};

use super::args::ExplainArgs;
use super::selection;
use crate::Outcome;
use crate::output::clean;

/// Says what a policy, a pack or a criterion means.
///
/// # Errors
/// There is none with that name, or standard output cannot be written to.
pub(super) fn run(args: &ExplainArgs) -> Result<Outcome> {
    let mut packs = Pack::all()?;
    for path in &args.policy {
        packs.push(selection::of_file(path)?);
    }
    let policies = packs.iter().flat_map(|pack| pack.policies.iter().map(move |it| (pack, it)));
    let wanted = |name: &str| name.eq_ignore_ascii_case(&args.id);
    let text = if let Some((pack, policy)) = policies.clone().find(|(_, it)| wanted(&it.id)) {
        of_policy(pack, policy)
    } else if let Some(pack) = packs.iter().find(|pack| wanted(&pack.id)) {
        of_pack(pack)
    } else if let Some(criterion) = Criterion::all().find(|it| wanted(it.name)) {
        of_criterion(&criterion)
    } else {
        bail!(
            "there is no policy, pack or criterion '{}'; `tlsight policy list` lists policies",
            args.id
        );
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(Outcome::Done)
}

fn of_policy(pack: &Pack, policy: &Policy) -> String {
    let mut text = String::new();
    line(&mut text, "Policy", &policy.id);
    line(&mut text, "Name", &policy.name);
    line(&mut text, "Pack", &format!("{} ({})", pack.id, pack.version));
    let state = match (pack.default, policy.disabled) {
        (_, true) => "off",
        (true, false) => "on by default",
        (false, false) => "on with its pack",
    };
    line(&mut text, "State", state);
    line(&mut text, "Severity", policy.severity.name());
    for step in &policy.severity_from {
        line(&mut text, "", &format!("{} from {}", step.severity.name(), day(&step.from)));
    }
    if let Some(from) = &policy.from {
        line(&mut text, "In force", &format!("from {}", day(from)));
    }
    line(&mut text, "Finds", &policy.description);
    if let Some(rationale) = &policy.rationale {
        line(&mut text, "Why", rationale);
    }
    if let Some(remediation) = &policy.remediation {
        line(&mut text, "What to do", remediation);
    }
    line(&mut text, "Source", policy.source.as_deref().unwrap_or("none"));
    let mut label = "Fails if";
    for section in &policy.policy_sections {
        let groups: Vec<String> = section.policy_groups.iter().map(group).collect();
        line(&mut text, label, &groups.join(", and "));
        label = "or if";
    }
    if let Some(expression) = &policy.expression {
        line(&mut text, label, expression);
    }
    text
}

fn of_pack(pack: &Pack) -> String {
    let mut text = String::new();
    line(&mut text, "Pack", &pack.id);
    line(&mut text, "Name", &pack.name);
    line(&mut text, "Version", &pack.version);
    line(&mut text, "State", if pack.default { "on by default" } else { "off by default" });
    line(&mut text, "What for", &pack.description);
    line(&mut text, "Source", &pack.source);
    let mut label = "Policies";
    for policy in &pack.policies {
        line(&mut text, label, &format!("{}: {}", policy.id, policy.name));
        label = "";
    }
    text
}

fn of_criterion(criterion: &Criterion) -> String {
    let mut text = String::new();
    line(&mut text, "Criterion", criterion.name);
    line(&mut text, "What", criterion.description);
    line(&mut text, "Values", &criterion.values);
    if let Some(choices) = criterion.choices {
        line(&mut text, "Choices", &choices.join(", "));
    }
    line(&mut text, "Examples", &criterion.examples.join(", "));
    text
}

fn group(group: &PolicyGroup) -> String {
    let values: Vec<&str> = group.values.iter().map(|value| value.value.as_str()).collect();
    let between = match group.boolean_operator {
        BooleanOperator::Or => " or ",
        BooleanOperator::And => " and ",
    };
    let not = if group.negate { "not " } else { "" };
    format!("{} is {not}{}", group.field_name, values.join(between))
}

fn day(time: &event::Timestamp) -> String {
    time.to_rfc3339().chars().take("2026-11-21".len()).collect()
}

fn line(text: &mut String, label: &str, value: &str) {
    // Writing to a string does not fail.
    writeln!(text, "{label:LABEL_COLUMNS$}{}", clean(value)).ok();
}

const LABEL_COLUMNS: usize = 12;
