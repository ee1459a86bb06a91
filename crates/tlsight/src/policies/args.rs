//! The command line of `tlsight policy`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::at::At;
use crate::output::ColorChoice;
use crate::records::RecordArgs;

#[derive(Debug, Args)]
pub(crate) struct PolicyArgs {
    /// What to do.
    #[command(subcommand)]
    pub(super) command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// List policies
    List(ListArgs),
    /// Judge the sessions of captures or records by policies
    Check(Box<CheckArgs>),
    /// Say what a policy, a pack or a criterion means
    Explain(ExplainArgs),
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Print the policies as JSON, as `policy check --policy` reads them
    #[arg(long)]
    pub(super) json: bool,

    #[command(flatten)]
    pub(super) selection: SelectionArgs,

    /// Colour: auto, always, never
    #[arg(long, value_name = "WHEN", value_enum, default_value_t, hide_possible_values = true)]
    pub(super) color: ColorChoice,
}

#[derive(Debug, Args)]
#[command(after_help = CHECK_HELP)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    pub(super) records: RecordArgs,

    #[command(flatten)]
    pub(super) selection: SelectionArgs,

    /// Least severity that counts
    #[arg(
        long,
        value_name = "SEVERITY",
        value_enum,
        default_value_t,
        hide_possible_values = true,
        help = "Least severity that counts: low, medium, high, critical"
    )]
    pub(super) severity: Least,

    /// Also tell what passes and what cannot be decided
    #[arg(long)]
    pub(super) all: bool,

    /// When it is judged, as certificates expire: a time such as 2030-01-01T00:00:00Z, or `now`
    /// [default: the time of each session]
    #[arg(long, value_name = "TIME")]
    pub(super) at: Option<At>,

    /// Print NDJSON, one object a finding
    #[arg(long)]
    pub(super) json: bool,

    /// Colour: auto, always, never
    #[arg(long, value_name = "WHEN", value_enum, default_value_t, hide_possible_values = true)]
    pub(super) color: ColorChoice,
}

#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// Id of a policy or of a pack, or name of a criterion
    #[arg(value_name = "ID")]
    pub(super) id: String,

    /// File of policies in which it may be too
    #[arg(long, value_name = "FILE")]
    pub(super) policy: Vec<PathBuf>,
}

/// Which policies.
#[derive(Debug, Args)]
pub(super) struct SelectionArgs {
    /// File of policies (JSON; also what StackRox exports)
    #[arg(long, value_name = "FILE")]
    pub(super) policy: Vec<PathBuf>,

    /// Pack of policies; `all` is all of them [default: those that are on by default, unless a file
    /// is given]
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub(super) pack: Vec<String>,
}

/// The least severity that counts.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum Least {
    #[default]
    Low,
    Medium,
    High,
    Critical,
}

impl Least {
    /// The severity.
    pub(super) const fn severity(self) -> policy::Severity {
        match self {
            Self::Low => policy::Severity::Low,
            Self::Medium => policy::Severity::Medium,
            Self::High => policy::Severity::High,
            Self::Critical => policy::Severity::Critical,
        }
    }
}

const CHECK_HELP: &str = "\
Each rule passes, fails, or is unknown: without evidence nothing passes, and certificates are encrypted
in TLS 1.3. `tlsight policy explain ID` says what a rule asks for, why, and by which document.

Exit status: 0 if no policy is violated, 3 if one is, 1 if something could not be read (and nothing is
violated), 2 wrong use.";
