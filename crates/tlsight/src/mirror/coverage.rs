//! Which programs can be mirrored.

use std::fs;
use std::io::{self, Write as _};

use anyhow::Result;
use probe::{ClearText, ClearTextOptions, Stepping};

use crate::Outcome;
use crate::output::clean;

/// Lists the libraries that probes can be put into, and the processes whose TLS has no such place.
///
/// # Errors
/// What the kernel refuses, or a standard output that cannot be written to.
pub(crate) fn list() -> Result<Outcome> {
    let capture = ClearText::open(&ClearTextOptions::default())?;
    let mut out = io::stdout().lock();
    for target in capture.targets() {
        writeln!(out, "{} {}", target.library.name(), clean(&target.path))?;
        for (name, stepping) in &target.probed {
            let how = match stepping {
                Stepping::Emulated => "emulated",
                Stepping::SingleStepped => "single-stepped",
            };
            writeln!(out, "  {name} ({how})")?;
        }
        for (name, reason) in &target.refused {
            writeln!(out, "  {name}: {reason}")?;
        }
    }
    for uncovered in capture.uncovered() {
        let name = fs::read_to_string(format!("/proc/{}/comm", uncovered.pid)).unwrap_or_default();
        let name = clean(name.trim());
        let (pid, path) = (uncovered.pid, clean(&uncovered.path));
        writeln!(out, "not covered: {name} ({pid}), {path}: {}", uncovered.reason)?;
    }
    Ok(Outcome::Done)
}
