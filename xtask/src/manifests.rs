//! `deploy/kubernetes/base`: what the Helm chart is without settings, for who uses kustomize or neither.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use lexopt::prelude::*;

use crate::{Outcome, workspace};

/// Writes the manifests, or with `--check` lints the chart and compares what it makes with the files.
///
/// # Errors
/// If the arguments are wrong, `helm` is not there, or files cannot be written.
pub(crate) fn run(mut arguments: lexopt::Parser) -> Result<Outcome> {
    let mut check = false;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("check") => check = true,
            other => return Err(other.unexpected().into()),
        }
    }
    let chart = workspace::root().join(CHART);
    let folder = workspace::root().join(BASE);
    if check {
        print!("{}", helm(&["lint", "--strict"], &chart)?);
    }
    let rendered = helm(
        &["template", "tlsight", "--namespace", "tlsight", "--kube-version", KUBERNETES],
        &chart,
    )?;
    let manifests = manifests(&rendered)?;
    if !check {
        for (name, text) in &manifests {
            let path = folder.join(name);
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        println!("{} files of {BASE} written", manifests.len());
        return Ok(Outcome::Clean);
    }
    let committed = committed(&folder)?;
    if committed == manifests {
        println!("{BASE} is up to date");
        return Ok(Outcome::Clean);
    }
    let differing = manifests.iter().filter(|(name, text)| committed.get(*name) != Some(*text));
    let extra = committed.keys().filter(|name| !manifests.contains_key(*name));
    let names: Vec<_> = differing.map(|(name, _)| name).chain(extra).map(String::as_str).collect();
    println!(
        "{BASE} differs from the chart in {}: run `cargo xtask manifests` and commit it",
        names.join(", ")
    );
    Ok(Outcome::Failed)
}

fn helm(arguments: &[&str], chart: &Path) -> Result<String> {
    let mut command = Command::new("helm");
    let output = command.args(arguments).arg(chart).output().context("cannot run helm")?;
    if !output.status.success() {
        bail!(
            "helm {}: {}{}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    String::from_utf8(output.stdout).context("helm wrote what is not UTF-8")
}

/// A file for each template, the namespace, and the list of all.
fn manifests(rendered: &str) -> Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::<String, String>::new();
    for document in rendered.split("---\n").filter(|document| !document.trim().is_empty()) {
        let (source, text) = document
            .strip_prefix("# Source: tlsight/templates/")
            .and_then(|rest| rest.split_once('\n'))
            .with_context(|| format!("helm did not say where this is from: {document}"))?;
        let kept = text.lines().filter(|line| !OF_HELM.iter().any(|label| line.contains(label)));
        let text: String = kept.flat_map(|line| [line.trim_end(), "\n"]).collect();
        let file = files.entry(source.to_owned()).or_default();
        if !file.is_empty() {
            file.push_str("---\n");
        }
        file.push_str(text.trim_start_matches('\n'));
    }
    let names: String = files.keys().map(|name| format!("  - {name}\n")).collect();
    let list = format!("{KUSTOMIZATION}  - namespace.yaml\n{names}");
    files.insert("namespace.yaml".to_owned(), NAMESPACE.to_owned());
    files.insert("kustomization.yaml".to_owned(), list);
    Ok(files)
}

fn committed(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {BASE}"))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        files.insert(name, fs::read_to_string(entry.path())?);
    }
    Ok(files)
}

const CHART: &str = "deploy/helm/tlsight";

/// For which the chart is rendered.
const KUBERNETES: &str = "1.31.0";

const BASE: &str = "deploy/kubernetes/base";

/// Labels that are true only of what Helm installs.
const OF_HELM: [&str; 2] = ["helm.sh/chart:", "app.kubernetes.io/managed-by:"];

const NAMESPACE: &str = "\
apiVersion: v1
kind: Namespace
metadata:
  name: tlsight
  labels:
    # The agent sees the processes of its node.
    pod-security.kubernetes.io/enforce: privileged
";

const KUSTOMIZATION: &str = "\
# Made from the chart by `cargo xtask manifests`.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
";
