//! `tlsight escrow`: secrets of sessions, sealed, kept and released.

mod audit;
mod folder;
mod init;
mod keys;
mod people;
mod release;
mod serve;
pub(crate) mod watching;

use anyhow::Result;

use crate::Outcome;
use crate::cli::EscrowCommand;

/// Does what the command says.
///
/// # Errors
/// What cannot be read or written, and what is refused.
pub(crate) fn run(command: EscrowCommand) -> Result<Outcome> {
    match command {
        EscrowCommand::Init(args) => init::run(&args),
        EscrowCommand::Serve(args) => serve::run(args),
        EscrowCommand::Keys(args) => keys::run(args.command),
        EscrowCommand::Request(args) => people::request(args),
        EscrowCommand::Approve(args) => people::approve(&args),
        EscrowCommand::Release(args) => release::run(&args),
        EscrowCommand::Open(args) => people::open(&args),
        EscrowCommand::Audit(args) => audit::run(&args),
    }
}

/// The time in milliseconds since 1970.
fn now_ms() -> u64 {
    u64::try_from(crate::watch::wall_clock().as_nanos() / 1_000_000).unwrap_or_default()
}
