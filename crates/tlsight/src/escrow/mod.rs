//! `tlsight escrow`: secrets of sessions, sealed, kept and released.

mod audit;
mod folder;
mod init;
mod keys;
mod people;
mod release;
pub(crate) mod released;
mod serve;
pub(crate) mod watching;

pub(crate) use folder::{beacon_key, verifying_key};
pub(crate) use people::statement;

use anyhow::Result;

use rustix::process::{Resource, Rlimit, setrlimit};

use crate::cli::EscrowCommand;
use crate::{Outcome, message};

/// Does what the command says.
///
/// # Errors
/// What cannot be read or written, and what is refused.
pub(crate) fn run(command: EscrowCommand) -> Result<Outcome> {
    forbid_core_dumps();
    match command {
        EscrowCommand::Init(args) => init::run(&args),
        EscrowCommand::Agent(args) => crate::handover::agent(&args),
        EscrowCommand::Serve(args) => serve::run(args),
        EscrowCommand::Keys(args) => keys::run(args.command),
        EscrowCommand::Request(args) => people::request(args),
        EscrowCommand::Approve(args) => people::approve(&args),
        EscrowCommand::Release(args) => release::run(&args),
        EscrowCommand::Open(args) => people::open(&args),
        EscrowCommand::Audit(args) => audit::run(&args),
    }
}

/// Has the system write no memory of this process to a disk when it crashes: there are secrets in it.
fn forbid_core_dumps() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, none) {
        message::error(&format!("a crash may write secrets to a core dump: {error}"));
    }
}

/// The time in milliseconds since 1970.
fn now_ms() -> u64 {
    u64::try_from(crate::watch::wall_clock().as_nanos() / 1_000_000).unwrap_or_default()
}
