//! Certificates for a tunnel.

use std::io::{self, Write as _};
use std::path::Path;

use anyhow::{Result, bail};
use tunnel::{CertificateRequest, make_certificates};

use crate::Outcome;
use crate::cli::TunnelArgs;
use crate::watch::wall_clock;

/// Makes certificates, and prints the files.
///
/// # Errors
/// There is nothing to make, or it cannot be written.
pub(crate) fn make(folder: &Path, args: &TunnelArgs) -> Result<Outcome> {
    if args.sensor.is_empty() && args.agent.is_empty() {
        bail!("for whom? name the sensor with --sensor and agents with --agent");
    }
    let request =
        CertificateRequest { sensor_names: args.sensor.clone(), agents: args.agent.clone() };
    let mut out = io::stdout().lock();
    for path in make_certificates(folder, &request, wall_clock())? {
        writeln!(out, "{}", path.display())?;
    }
    Ok(Outcome::Done)
}
