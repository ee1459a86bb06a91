//! `tlsight store migrate`: from a file into a database.

use std::io::{self, Write as _};

use anyhow::{Context as _, Result};
use store::{Migrated, migrate};

use crate::Outcome;
use crate::cli::MigrateArgs;
use crate::serve::settings::StoreUrl;
use crate::watch::wall_clock;

/// Moves all that a file holds into a database, and says what is there.
///
/// # Errors
/// A store that cannot be used, or a database that holds something else.
pub(crate) fn run(args: &MigrateArgs) -> Result<Outcome> {
    let from = if args.from.is_dir() { args.from.join(FILE) } else { args.from.clone() };
    let to = match &args.to {
        Some(to) => to.clone(),
        None => {
            let to = std::env::var(VARIABLE);
            let to = to.with_context(|| format!("say where to, as TO or by {VARIABLE}"))?;
            let Ok(to) = to.parse::<StoreUrl>();
            to
        }
    };
    let to = to.url().context("TO")?;
    let is_terminal = io::IsTerminal::is_terminal(&io::stderr());
    let migrated = migrate(&from, &to, wall_clock(), |done, total| {
        if is_terminal {
            // Who cannot be told goes without.
            write!(io::stderr(), "\r{done} of {total} sessions").ok();
        }
    });
    if is_terminal {
        writeln!(io::stderr()).ok();
    }
    let Migrated { sessions, counted, edges, sources } =
        migrated.with_context(|| format!("from {} to {to}", from.display()))?;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{to} has all of {}: {sessions} sessions, {counted} counted, {edges} edges, {sources} sources; \
         both stores answer the same",
        from.display()
    )?;
    out.flush()?;
    Ok(Outcome::Done)
}

/// The variable that names the database of `tlsight serve`.
const VARIABLE: &str = "TLSIGHT_SERVE_STORE";

/// As `tlsight serve` calls it.
const FILE: &str = "sessions.db";
