//! Whether secrets are at a monitor before what they protect passes: the live tests, with many sessions.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::Options;

/// Runs them and prints what they count.
pub(super) fn run(root: &Path, options: &Options) -> Result<()> {
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: hold: network namespaces need root");
        return Ok(());
    }
    let cargo = |arguments: &[&str]| -> Result<()> {
        let status = Command::new("cargo")
            .args(arguments)
            .env("TLSIGHT_HOLD_SESSIONS", options.sessions.to_string())
            .current_dir(root)
            .status()
            .context("cargo cannot be run")?;
        ensure!(status.success(), "{arguments:?}: {status}");
        Ok(())
    };
    cargo(&["build", "--locked", "--package", "shim"])?;
    cargo(&[
        "test",
        "--locked",
        "--package",
        "tlsight",
        "--test",
        "live",
        "--",
        "--nocapture",
        "--test-threads",
        "1",
        "hold::order",
        "hold::queue",
    ])
}
