//! `tlsight policy`: the policies there are, what they mean, and what they find.

mod args;
mod check;
mod explain;
mod findings;
mod list;
mod selection;

use anyhow::Result;

pub(crate) use args::PolicyArgs;

use crate::Outcome;
use args::PolicyCommand;

/// Runs one of the commands.
///
/// # Errors
/// Policies or settings that make no sense, or a standard output that cannot be written to.
pub(crate) fn run(args: PolicyArgs) -> Result<Outcome> {
    match args.command {
        PolicyCommand::List(args) => list::run(&args),
        PolicyCommand::Check(args) => check::run(*args),
        PolicyCommand::Explain(args) => explain::run(&args),
    }
}
