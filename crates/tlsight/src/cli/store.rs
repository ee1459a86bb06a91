//! The command line of `store`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::serve::settings::StoreUrl;

#[derive(Debug, Args)]
pub(crate) struct StoreArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: StoreCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Move all sessions and counts of a file into an empty ClickHouse database
    Migrate(MigrateArgs),
}

#[derive(Debug, Args)]
#[command(after_help = MIGRATE_HELP)]
pub(crate) struct MigrateArgs {
    /// `sessions.db`, or the folder of a server that has it; the server must not run
    #[arg(value_name = "FROM")]
    pub(crate) from: PathBuf,

    /// The database, such as clickhouse://USER:PASSWORD@HOST:8123/DATABASE, which must be empty [default: that of
    /// the variable TLSIGHT_SERVE_STORE, where others do not see the password]
    #[arg(value_name = "TO")]
    pub(crate) to: Option<StoreUrl>,
}

const MIGRATE_HELP: &str = "\
What sessions have in common, sessions with their lines, counts over time, sources with what they lost, and
batches, so that what an agent sends again counts nothing. Afterwards both are compared. What is cut off goes
on where it was when it is run again; once all of it is there, it is not moved a second time. The file stays as
it is. What people decide stays in control.db of the server's folder: start the server with the same --data and
with --store TO.";
