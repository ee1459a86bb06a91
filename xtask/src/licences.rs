//! The licences of all packages against the list in `deny.toml`, without cargo-deny or a network.

use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use spdx::{Expression, Licensee, ParseMode};

use crate::{Outcome, workspace};

/// Prints every package whose licence is not allowed.
///
/// # Errors
/// If there are arguments, or `deny.toml` or what `cargo metadata` prints cannot be read.
pub(crate) fn run(mut arguments: lexopt::Parser) -> Result<Outcome> {
    if let Some(argument) = arguments.next()? {
        return Err(argument.unexpected().into());
    }
    let policy = fs::read_to_string(workspace::root().join(POLICY))
        .with_context(|| format!("cannot read {POLICY}"))?;
    let policy = Policy::parse(&policy)?;
    let packages = packages(&policy.targets)?;
    let breaches: Vec<_> = packages.iter().filter_map(|package| policy.breach(package)).collect();
    for breach in &breaches {
        println!("{breach}");
    }
    if breaches.is_empty() {
        println!("licences: those of {} packages are in {POLICY}", packages.len());
        return Ok(Outcome::Clean);
    }
    println!("licences: {} of {} packages are not allowed", breaches.len(), packages.len());
    Ok(Outcome::Failed)
}

/// What `deny.toml` allows.
struct Policy {
    targets: Vec<String>,
    allowed: Vec<Licensee>,
    exceptions: Vec<(String, Vec<Licensee>)>,
}

impl Policy {
    fn parse(text: &str) -> Result<Self> {
        let file: File = toml::from_str(text).with_context(|| format!("cannot parse {POLICY}"))?;
        let exceptions = file.licenses.exceptions.into_iter();
        Ok(Self {
            targets: file.graph.targets,
            allowed: licensees(&file.licenses.allow)?,
            exceptions: exceptions
                .map(|exception| Ok((exception.package, licensees(&exception.allow)?)))
                .collect::<Result<_>>()?,
        })
    }

    /// Says what is wrong with the licence of `package`, if anything is.
    fn breach(&self, package: &Package) -> Option<String> {
        let Package { name, version, license } = package;
        let Some(license) = license else {
            return Some(format!("{name} {version} names no licence"));
        };
        let expression = match Expression::parse_mode(license, EXPRESSIONS) {
            Ok(expression) => expression,
            Err(error) => {
                let reason = error.reason;
                return Some(format!("{name} {version}: `{license}` is no expression: {reason}"));
            }
        };
        let excepted = self.exceptions.iter().filter(|(package, _)| package == name);
        let allowed: Vec<_> =
            excepted.flat_map(|(_, allowed)| allowed).chain(&self.allowed).collect();
        let satisfied =
            expression.evaluate(|required| allowed.iter().any(|one| one.satisfies(required)));
        (!satisfied).then(|| format!("{name} {version}: {POLICY} does not allow `{license}`"))
    }
}

fn licensees(names: &[String]) -> Result<Vec<Licensee>> {
    let licensee = |name: &String| {
        Licensee::parse(name).with_context(|| format!("{POLICY}: no licence is called {name:?}"))
    };
    names.iter().map(licensee).collect()
}

/// The packages that any of `targets` needs, those that only tests need among them.
fn packages(targets: &[String]) -> Result<Vec<Package>> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["metadata", "--locked", "--offline", "--all-features", "--format-version", "1"]);
    for target in targets {
        cargo.args(["--filter-platform", target]);
    }
    let output = cargo.current_dir(workspace::root()).output().context("cannot run cargo")?;
    let complaints = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cargo metadata: {}\n{complaints}", output.status);
    let metadata: Metadata =
        serde_json::from_slice(&output.stdout).context("cannot read what cargo metadata prints")?;
    Ok(metadata.packages)
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
}

/// The tables of `deny.toml` that matter here. Keys of them that cargo-deny would act on and this
/// check would not are refused.
#[derive(Deserialize)]
struct File {
    graph: Graph,
    licenses: Licenses,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Graph {
    targets: Vec<String>,
    #[serde(rename = "all-features")]
    _all_features: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Licenses {
    #[serde(rename = "version")]
    _version: u32,
    allow: Vec<String>,
    #[serde(default)]
    exceptions: Vec<Exception>,
    #[serde(rename = "unused-allowed-license")]
    _unused_allowed_license: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    #[serde(rename = "crate")]
    package: String,
    allow: Vec<String>,
}

const POLICY: &str = "deny.toml";

/// Strict but for the slash, which Cargo took for `OR` before it took SPDX expressions.
const EXPRESSIONS: ParseMode = ParseMode { allow_slash_as_or_operator: true, ..ParseMode::STRICT };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_alternative_is_enough_and_every_conjunct_is_needed() {
        for (license, allowed) in [
            ("MIT", true),
            ("MIT/GPL-3.0-only", true),
            ("GPL-3.0-only OR MIT", true),
            ("GPL-3.0-only", false),
            ("MIT AND GPL-3.0-only", false),
            ("MIT AND (ISC OR GPL-3.0-only)", true),
            ("(MIT AND GPL-3.0-only) OR ISC", true),
            ("MIT OR ISC AND GPL-3.0-only", true),
            ("(MIT OR ISC) AND GPL-3.0-only", false),
            ("LicenseRef-ours", false),
        ] {
            assert_eq!(breach("any", Some(license)).is_none(), allowed, "{license}");
        }
    }

    #[test]
    fn an_exception_of_a_licence_is_a_licence_of_its_own() {
        assert_eq!(breach("any", Some("Apache-2.0 WITH LLVM-exception")), None);
        for license in ["Apache-2.0", "MIT WITH LLVM-exception"] {
            assert!(breach("any", Some(license)).is_some(), "{license}");
        }
    }

    #[test]
    fn what_one_crate_may_the_others_may_not() {
        assert_eq!(breach("favourite", Some("MPL-2.0 AND MIT")), None);
        let complaint = breach("other", Some("MPL-2.0 AND MIT")).unwrap();
        assert_eq!(complaint, "other 1.2.3: deny.toml does not allow `MPL-2.0 AND MIT`");
    }

    #[test]
    fn a_missing_or_unreadable_licence_is_not_allowed() {
        assert_eq!(breach("any", None).unwrap(), "any 1.2.3 names no licence");
        for license in ["", "MIT OR", "(MIT", "MIT ISC", "as you like"] {
            assert!(breach("any", Some(license)).is_some(), "{license:?}");
        }
    }

    #[test]
    fn a_policy_that_says_more_than_is_understood_is_refused() {
        let clarified = format!("{POLICY_TEXT}\nclarify = []\n");
        for (text, complaint) in
            [(clarified, "clarify"), (POLICY_TEXT.replace("MIT", "MTI"), "MTI")]
        {
            let error = Policy::parse(&text).err().unwrap();
            assert!(format!("{error:#}").contains(complaint), "{error:#}");
        }
    }

    #[test]
    fn the_policy_of_this_repository_is_understood() {
        let text = fs::read_to_string(workspace::root().join(POLICY)).unwrap();
        assert!(Policy::parse(&text).unwrap().allowed.len() > 3);
    }

    fn breach(name: &str, license: Option<&str>) -> Option<String> {
        let package = Package {
            name: name.to_owned(),
            version: "1.2.3".to_owned(),
            license: license.map(str::to_owned),
        };
        Policy::parse(POLICY_TEXT).unwrap().breach(&package)
    }

    const POLICY_TEXT: &str = r#"
[graph]
targets = ["x86_64-unknown-linux-gnu"]
all-features = true

[licenses]
version = 2
allow = ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"]
exceptions = [{ crate = "favourite", allow = ["MPL-2.0"] }]
"#;
}
