//! Which policies a command is about.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use policy::{Pack, Policy, Rule};

use super::args::SelectionArgs;

/// The policies that were asked for, in their packs.
pub(super) fn packs(args: &SelectionArgs) -> Result<Vec<Pack>> {
    let mut packs = Pack::all()?;
    for id in &args.pack {
        if id != ALL && !packs.iter().any(|pack| pack.id == *id) {
            let ids: Vec<&str> = packs.iter().map(|pack| pack.id.as_str()).collect();
            bail!("there is no pack '{id}'; there are {}", ids.join(", "));
        }
    }
    packs.retain(|pack| {
        if args.pack.is_empty() {
            pack.default && args.policy.is_empty()
        } else {
            args.pack.iter().any(|id| id == ALL || *id == pack.id)
        }
    });
    for path in &args.policy {
        packs.push(of_file(path)?);
    }
    Ok(packs)
}

/// The rules of packs that are switched on.
pub(super) fn rules(packs: Vec<Pack>) -> Result<Vec<Rule>> {
    let policies = packs.into_iter().flat_map(|pack| pack.policies);
    let rules = policies.filter(|policy| !policy.disabled).map(Rule::compile);
    Ok(rules.collect::<Result<_, policy::PolicyError>>()?)
}

/// The policies of a file, as a pack.
pub(super) fn of_file(path: &Path) -> Result<Pack> {
    let shown = path.display();
    let text = std::fs::read(path).with_context(|| format!("cannot read {shown}"))?;
    let mut policies =
        policy::read_policies(&text).with_context(|| format!("{shown} is no file of policies"))?;
    for (number, policy) in (1_usize..).zip(&mut policies) {
        check(policy, number).with_context(|| format!("{shown} is no file of policies"))?;
    }
    Ok(Pack {
        id: shown.to_string(),
        name: shown.to_string(),
        description: String::new(),
        version: String::new(),
        source: String::new(),
        default: true,
        policies,
    })
}

fn check(policy: &mut Policy, number: usize) -> Result<()> {
    if policy.id.is_empty() {
        policy.id = format!("{number}");
    }
    Rule::compile(policy.clone())?;
    Ok(())
}

const ALL: &str = "all";
