//! The program: one file for each subcommand.

mod agent;
mod allocator;
mod at;
mod capabilities;
mod captures;
mod cli;
mod config;
mod decrypt;
mod demo;
mod doctor;
mod escrow;
mod filter;
mod handover;
mod keys;
mod kubernetes;
mod message;
mod migrating;
mod mirror;
mod outlets;
mod output;
mod pipeline;
mod policies;
mod progress;
mod read;
mod records;
mod reports;
mod schema;
mod serve;
mod setup;
mod signals;
mod up;
mod watch;
mod watch_packets;
mod watch_sockets;

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser as _;

use cli::{Cli, Command, ConfigCommand, StoreCommand};

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Incomplete) => ExitCode::FAILURE,
        Ok(Outcome::Violated) => ExitCode::from(VIOLATED_STATUS),
        Ok(Outcome::Ended(status)) => ExitCode::from(status),
        // Who reads the output has seen enough, like `head`.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            message::error(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// How a command that did not fail ended.
enum Outcome {
    /// All was done.
    Done,
    /// Something was skipped; a message said what.
    Incomplete,
    /// A policy is violated.
    Violated,
    /// A program that was run ended with this status.
    Ended(u8),
}

/// Exit status of a check that found something: neither of those of errors, so that a script can tell.
const VIOLATED_STATUS: u8 = 3;

fn run(command: Command) -> Result<Outcome> {
    match command {
        Command::Read(args) => read::run(args),
        Command::Decrypt(args) => decrypt::run(args),
        Command::Watch(args) => watch::run(*args),
        Command::Agent(args) => agent::run(*args),
        Command::Up(args) => up::run(args),
        Command::Serve(args) => serve::run(&args),
        Command::Store(args) => match args.command {
            StoreCommand::Migrate(args) => migrating::run(&args),
        },
        Command::Mirror(args) => mirror::run(&args),
        Command::Run(args) => handover::run(&args),
        Command::Escrow(args) => escrow::run(args.command),
        Command::Doctor(args) => doctor::run(&args),
        Command::Policy(args) => policies::run(args),
        Command::Report(args) => reports::run(args),
        Command::Schema => schema::run().map(|()| Outcome::Done),
        Command::Config(args) => match args.command {
            ConfigCommand::Default => {
                io::stdout().write_all(config::default_file().as_bytes())?;
                Ok(Outcome::Done)
            }
        },
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}
