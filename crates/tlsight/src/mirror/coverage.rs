//! Which programs can be mirrored.

use std::io::{self, Write as _};

use anyhow::Result;
use probe::{ClearText, ClearTextOptions, Stepping};

use crate::Outcome;

/// Lists the libraries that probes can be put into.
///
/// # Errors
/// What the kernel refuses, or a standard output that cannot be written to.
pub(crate) fn list() -> Result<Outcome> {
    let capture = ClearText::open(&ClearTextOptions::default())?;
    let mut out = io::stdout().lock();
    for target in capture.targets() {
        writeln!(out, "{} {}", target.library.name(), target.path)?;
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
    Ok(Outcome::Done)
}
