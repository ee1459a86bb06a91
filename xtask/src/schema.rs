//! `docs/event.schema.json`: the promised shape of the events, as the program prints it.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use lexopt::prelude::*;

use crate::{Outcome, workspace};

/// Writes the schema, or with `--check` compares it with the file.
///
/// # Errors
/// If the arguments are wrong, or the program or the file cannot be used.
pub(crate) fn run(mut arguments: lexopt::Parser) -> Result<Outcome> {
    let mut check = false;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("check") => check = true,
            other => return Err(other.unexpected().into()),
        }
    }
    let program = workspace::program()?;
    let output = Command::new(&program)
        .arg("schema")
        .output()
        .with_context(|| format!("cannot run {}", program.display()))?;
    ensure!(output.status.success(), "{} schema: {}", program.display(), output.status);
    let path = workspace::root().join(PATH);
    if !check {
        fs::write(&path, &output.stdout).with_context(|| format!("cannot write {PATH}"))?;
        println!("{PATH} written");
        return Ok(Outcome::Clean);
    }
    if fs::read(&path).is_ok_and(|committed| committed == output.stdout) {
        println!("{PATH} is up to date");
        return Ok(Outcome::Clean);
    }
    println!("{PATH} differs from `tlsight schema`: run `cargo xtask schema` and commit the file");
    Ok(Outcome::Failed)
}

const PATH: &str = "docs/event.schema.json";
