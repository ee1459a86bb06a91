//! The house rules that a compiler does not know: arrows between crates, `unsafe`, long files and
//! modules without a name of their own.

mod arrows;
mod files;
mod source;

use std::fs;

use anyhow::{Context, Result};

use crate::{Outcome, workspace};

/// Prints every breach of the house rules.
///
/// # Errors
/// If there are arguments, or the tree cannot be read.
pub(crate) fn run(mut arguments: lexopt::Parser) -> Result<Outcome> {
    if let Some(argument) = arguments.next()? {
        return Err(argument.unexpected().into());
    }
    let root = workspace::root();
    let mut breaches = Vec::new();
    let mut crates = 0_usize;
    for manifest in workspace::files(&root.join("crates"), "Cargo.toml")? {
        let text = fs::read_to_string(&manifest)
            .with_context(|| format!("cannot read {}", manifest.display()))?;
        let short = manifest.strip_prefix(&root).unwrap_or(&manifest).display().to_string();
        breaches.extend(arrows::breaches(&short, &text)?);
        crates += 1;
    }
    let mut sources = Vec::new();
    for (folder, ending) in
        [("crates", ".rs"), ("crates", ".c"), ("crates", ".h"), ("xtask", ".rs")]
    {
        sources.extend(workspace::files(&root.join(folder), ending)?);
    }
    for path in &sources {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let short = path.strip_prefix(&root).unwrap_or(path);
        breaches.extend(files::breaches(short, &text));
    }
    for breach in &breaches {
        println!("{breach}");
    }
    if breaches.is_empty() {
        println!("layers: {crates} crates and {} files keep the house rules", sources.len());
        return Ok(Outcome::Clean);
    }
    println!("layers: {} breaches of the house rules", breaches.len());
    Ok(Outcome::Failed)
}
