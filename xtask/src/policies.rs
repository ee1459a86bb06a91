//! `docs/policies.md`: criteria and packs, as the crate `policy` has them.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result};
use lexopt::prelude::*;
use policy::{Criterion, Pack, Policy};

use crate::{Outcome, workspace};

/// Writes the page, or with `--check` compares it with the file.
///
/// # Errors
/// If the arguments are wrong, or the file cannot be written.
pub(crate) fn run(mut arguments: lexopt::Parser) -> Result<Outcome> {
    let mut check = false;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("check") => check = true,
            other => return Err(other.unexpected().into()),
        }
    }
    let page = page(&Pack::all()?)?;
    let path = workspace::root().join(PATH);
    if !check {
        fs::write(&path, &page).with_context(|| format!("cannot write {PATH}"))?;
        println!("{PATH} written");
        return Ok(Outcome::Clean);
    }
    if fs::read_to_string(&path).is_ok_and(|committed| committed == page) {
        println!("{PATH} is up to date");
        return Ok(Outcome::Clean);
    }
    println!(
        "{PATH} differs from the criteria and packs: run `cargo xtask policies` and commit it"
    );
    Ok(Outcome::Failed)
}

fn page(packs: &[Pack]) -> Result<String> {
    let mut out = INTRODUCTION.to_owned();
    for criterion in Criterion::all() {
        let examples: Vec<String> =
            criterion.examples.iter().map(|example| format!("`{example}`")).collect();
        let values = match criterion.choices {
            Some(choices) if criterion.values.contains("choices") => {
                format!("one of {}", choices.join(", "))
            }
            _ => criterion.values.clone(),
        };
        let list = if criterion.is_list { " (a list)" } else { "" };
        writeln!(
            out,
            "| {} | {} | {} | {} | `{}`{list} |",
            criterion.name,
            cell(criterion.description),
            cell(&values),
            cell(&examples.join(", ")),
            criterion.variable,
        )?;
    }
    out.push_str("\n## Packs\n");
    for pack in packs {
        let state = if pack.default { "on by default" } else { "off by default" };
        writeln!(out, "\n### {} ({state}, {})\n\n{}\n", pack.id, pack.version, pack.description)?;
        writeln!(out, "Source: {}\n", pack.source)?;
        out.push_str("| policy | severity | finds | source |\n|---|---|---|---|\n");
        for policy in &pack.policies {
            writeln!(
                out,
                "| `{}` | {} | {} | {} |",
                policy.id,
                severity(policy),
                cell(&policy.description),
                cell(policy.source.as_deref().unwrap_or_default()),
            )?;
        }
    }
    Ok(out)
}

/// A severity, with what it becomes and when.
fn severity(policy: &Policy) -> String {
    let day = |time: &event::Timestamp| time.to_rfc3339().chars().take(10).collect::<String>();
    let mut text = policy.severity.name().to_owned();
    for step in &policy.severity_from {
        text.push_str(&format!(", {} from {}", step.severity.name(), day(&step.from)));
    }
    if let Some(from) = &policy.from {
        text.push_str(&format!(", in force from {}", day(from)));
    }
    if policy.disabled {
        text.push_str(", off");
    }
    text
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

const PATH: &str = "docs/policies.md";

const INTRODUCTION: &str = "\
# Policies

*Made by `cargo xtask policies`.*

A policy describes what is wrong, in the shape of StackRox's policies: `policySections` are
alternatives, the `policyGroups` of a section hold together, and the `values` of a group are
alternatives, or with `booleanOperator` `AND` hold together; `negate` turns a group round.

```json
{
  \"id\": \"own.old-tls\", \"name\": \"Old TLS in the shop\", \"severity\": \"high\",
  \"policySections\": [{ \"policyGroups\": [
    { \"fieldName\": \"TLS Version\", \"values\": [{ \"value\": \"< 1.2\" }] },
    { \"fieldName\": \"Destination Namespace\", \"negate\": true, \"values\": [{ \"value\": \"test-*\" }] }
  ] }],
  \"scope\": [{ \"namespace\": \"shop\" }],
  \"exclusions\": [{ \"name\": \"printer\", \"entity\": \"host:10.0.0.9\", \"reason\": \"cannot do better\",
                   \"expiration\": \"2027-06-30T00:00:00Z\" }]
}
```

It fails where this matches, passes where it does not, and is *unknown* where that cannot be decided:
without evidence nothing passes. The logic is Kleene's: what is unknown makes a whole unknown unless
the rest decides it. `from` says when a policy comes into force, `severityFrom` how its severity rises.

In place of sections, `expression` may hold one expression in [CEL](https://cel.dev):
`tls_version < 1.2 && !(source_namespace.startsWith('test-'))`. Each criterion is a variable, with the
name in the last column: text, number, `true` or `false`, or a list of these; labels are a map. Versions
are 1.3, 1.2, 1.1 and 1.0, and 0.3 and 0.2 for SSL. What there is known not to be is the text `none`.
An expression has at most 2048 bytes, 512 parts, 24 levels and 2 loops.

Files hold one policy, a list, or `{\"policies\": [...]}`, which is what StackRox exports; its keys that
say nothing about TLS are left out.

## Criteria

Names are read in any case of their letters. In patterns `*` is any text and `?` any one character.

| criterion | what it looks at | values | examples | variable |
|---|---|---|---|---|
";
