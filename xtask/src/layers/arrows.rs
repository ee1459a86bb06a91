//! Arrows between crates: a crate depends only on lower tiers.

use anyhow::{Context, Result};
use toml::Table;

/// Names every arrow of one crate's manifest that does not point to a lower tier.
///
/// Development dependencies may also point sideways: tests sit above their crate. The derive macros
/// of a crate are a crate only because the compiler asks for it.
///
/// # Errors
/// If the manifest is not a manifest.
pub(super) fn breaches(path: &str, manifest: &str) -> Result<Vec<String>> {
    let manifest: Table = manifest.parse().with_context(|| format!("cannot parse {path}"))?;
    let name = manifest
        .get("package")
        .and_then(|package| package.get("name"))
        .and_then(toml::Value::as_str)
        .with_context(|| format!("{path} names no package"))?;
    let Some(own) = tier(name) else {
        return Ok(vec![format!(
            "{path}: crate `{name}` has no tier: give it one in xtask/src/layers/arrows.rs and in \
             the table of docs/ARCHITECTURE.md"
        )]);
    };
    let mut found = Vec::new();
    for (kind, table) in dependency_tables(&manifest) {
        for dependency in table.keys() {
            if *dependency == format!("{name}-derive") {
                continue;
            }
            let Some(other) = tier(dependency) else {
                continue;
            };
            let allowed = if kind == "dev-dependencies" { other <= own } else { other < own };
            if !allowed {
                found.push(format!(
                    "{path}: [{kind}] `{dependency}` (tier {other}) is not below `{name}` (tier \
                     {own}): move what is shared down a tier, or pass it in as a value or a trait"
                ));
            }
        }
    }
    Ok(found)
}

fn dependency_tables(manifest: &Table) -> Vec<(&'static str, &Table)> {
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    let owners = targets.into_iter().flat_map(Table::values).filter_map(toml::Value::as_table);
    let mut tables = Vec::new();
    for owner in std::iter::once(manifest).chain(owners) {
        for kind in ["dependencies", "build-dependencies", "dev-dependencies"] {
            tables.extend(owner.get(kind).and_then(toml::Value::as_table).map(|t| (kind, t)));
        }
    }
    tables
}

fn tier(name: &str) -> Option<u8> {
    TIERS.iter().find(|(_, names)| names.contains(&name)).map(|&(tier, _)| tier)
}

const TIERS: &[(u8, &[&str])] = &[
    (0, &["wire", "event", "event-derive", "peers"]),
    (1, &["tls", "quic", "http2", "handover"]),
    (2, &["flow", "forge", "secrets"]),
    (3, &["session", "policy"]),
    (
        4,
        &[
            "capture", "probe", "workload", "cluster", "report", "store", "escrow", "tunnel",
            "courier", "endpoint", "spool", "nfqueue",
        ],
    ),
    (5, &["fleet", "sinks", "shim", "rustls-handover"]),
    (6, &["server"]),
    (7, &["tlsight"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrow_may_only_point_down() {
        assert!(arrow("session", "dependencies", "flow").is_empty());
        for (from, to) in [("flow", "session"), ("tls", "quic"), ("wire", "event")] {
            let found = arrow(from, "dependencies", to);
            assert_eq!(found.len(), 1, "{from} to {to}");
            assert!(found[0].contains(to), "{}", found[0]);
        }
    }

    #[test]
    fn build_and_target_dependencies_are_arrows_too() {
        assert_eq!(arrow("tls", "build-dependencies", "flow").len(), 1);
        assert_eq!(arrow("tls", "target.'cfg(unix)'.dependencies", "flow").len(), 1);
    }

    #[test]
    fn tests_may_use_a_neighbour_but_no_higher_crate() {
        assert!(arrow("flow", "dev-dependencies", "forge").is_empty());
        assert_eq!(arrow("flow", "dev-dependencies", "session").len(), 1);
    }

    #[test]
    fn a_crate_without_a_tier_is_a_breach() {
        let found = arrow("sidecar", "dependencies", "wire");
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("`sidecar` has no tier"), "{}", found[0]);
    }

    #[test]
    fn only_its_own_crate_uses_a_derive_macro() {
        assert!(arrow("event", "dependencies", "event-derive").is_empty());
        assert_eq!(arrow("wire", "dependencies", "event-derive").len(), 1);
    }

    #[test]
    fn packages_from_the_registry_are_no_arrows() {
        assert!(arrow("wire", "dependencies", "serde").is_empty());
    }

    fn arrow(from: &str, kind: &str, to: &str) -> Vec<String> {
        let text = format!("[package]\nname = \"{from}\"\n[{kind}]\n{to}.workspace = true\n");
        breaches("Cargo.toml", &text).unwrap()
    }
}
