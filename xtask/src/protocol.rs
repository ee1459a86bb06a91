//! `crates/fleet/proto/fleet.proto` to the code of its messages and services.

use std::fs;

use anyhow::{Context, Result};
use lexopt::prelude::*;

use crate::{Outcome, workspace};

/// Writes the code, or with `--check` compares it with the file.
///
/// # Errors
/// If the arguments or the description of the protocol are wrong, or a file cannot be used.
pub(crate) fn run(mut arguments: lexopt::Parser) -> Result<Outcome> {
    let mut check = false;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("check") => check = true,
            other => return Err(other.unexpected().into()),
        }
    }
    let root = workspace::root();
    let code = generate(&root.join(FOLDER))?;
    let target = root.join(CODE);
    if !check {
        fs::write(&target, code).with_context(|| format!("cannot write {CODE}"))?;
        println!("{CODE} written");
        return Ok(Outcome::Clean);
    }
    if fs::read_to_string(&target).is_ok_and(|committed| committed == code) {
        println!("{CODE} is up to date");
        return Ok(Outcome::Clean);
    }
    println!("{CODE} differs: run `cargo xtask protocol` and commit the file");
    Ok(Outcome::Failed)
}

fn generate(folder: &std::path::Path) -> Result<String> {
    let files = protox::compile([PROTO], [folder])?;
    let out = std::env::temp_dir().join(format!("tlsight-protocol-{}", std::process::id()));
    fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
    let generated = tonic_prost_build::configure()
        .build_transport(false)
        .emit_rerun_if_changed(false)
        .btree_map(".")
        .out_dir(&out)
        .compile_fds(files)
        .and_then(|()| fs::read_to_string(out.join(format!("{PACKAGE}.rs"))));
    fs::remove_dir_all(&out).with_context(|| format!("cannot remove {}", out.display()))?;
    let code = generated.context("cannot generate the code")?;
    Ok(format!("//! Made by `cargo xtask protocol` from `proto/{PROTO}`.\n\n{code}"))
}

const FOLDER: &str = "crates/fleet/proto";

const PROTO: &str = "fleet.proto";

const PACKAGE: &str = "tlsight.fleet.v1";

const CODE: &str = "crates/fleet/src/v1.rs";
