//! The command line of `escrow`, and of monitors.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand};
use escrow::tier::Tier;

use super::handover::HandoverAgentArgs;
use super::token::TokenArgs;
use super::tunnel::SensorAddress;
use crate::agent::settings::Interval;

#[derive(Debug, Args)]
#[command(after_help = ESCROW_HELP)]
pub(crate) struct EscrowArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: EscrowCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EscrowCommand {
    /// Make a folder with an authority, certificates, an audit log and the keys of the first epochs
    Init(InitArgs),
    /// Take the secrets that programs of this host hand over
    Agent(Box<HandoverAgentArgs>),
    /// Take what agents have sealed, keep it, and pass it on to monitors
    Serve(EscrowServeArgs),
    /// Make and destroy the keys of epochs, and say who may do what
    Keys(EscrowKeysArgs),
    /// Ask for secrets
    Request(RequestArgs),
    /// Approve what somebody else asks for
    Approve(ApproveArgs),
    /// Answer what was asked for and approved
    Release(ReleaseArgs),
    /// Open an answer, as a key log
    Open(OpenArgs),
    /// Verify the audit log and the archive, and report where visibility was lost
    Audit(AuditArgs),
}

/// The folder of an escrow.
#[derive(Clone, Debug, Args)]
pub(crate) struct EscrowFolder {
    /// Folder that `escrow init` made
    #[arg(long, value_name = "DIR", default_value = "/var/lib/tlsight/escrow")]
    pub(crate) dir: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    #[command(flatten)]
    pub(crate) folder: EscrowFolder,

    /// Names and addresses by which the service is reached
    #[arg(long, value_name = "NAME", value_delimiter = ',', required = true)]
    pub(crate) service: Vec<String>,

    /// Names of agents
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) agent: Vec<String>,

    /// Names of monitors
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) monitor: Vec<String>,

    #[command(flatten)]
    pub(crate) schedule: ScheduleArgs,
    #[command(flatten)]
    pub(crate) token: TokenArgs,
}

/// How epochs follow each other.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct ScheduleArgs {
    /// How long an epoch is
    #[arg(long, value_name = "TIME", default_value = "1d")]
    pub(crate) epoch: Interval,

    /// How long its keys are kept after its end; then nothing of it can be read any more
    #[arg(long, value_name = "TIME", default_value = "30d")]
    pub(crate) retention: Interval,

    /// Seal with X25519 alone, which a quantum computer breaks, in place of X-Wing
    #[arg(long, conflicts_with = "token")]
    pub(crate) x25519: bool,
}

#[derive(Debug, Args)]
pub(crate) struct EscrowServeArgs {
    #[command(flatten)]
    pub(crate) folder: EscrowFolder,

    /// Where to listen
    #[arg(long, value_name = "ADDR:PORT", default_value = "0.0.0.0:3006")]
    pub(crate) listen: SocketAddr,

    /// Most agents and monitors at a time
    #[arg(long, value_name = "N", default_value_t = 1024,
          value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) max_connections: u16,
}

#[derive(Debug, Args)]
pub(crate) struct EscrowKeysArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: EscrowKeysCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EscrowKeysCommand {
    /// Make the epochs that are due, and destroy the keys of those whose time is over
    Rotate {
        #[command(flatten)]
        folder: EscrowFolder,
        #[command(flatten)]
        schedule: ScheduleArgs,
        #[command(flatten)]
        token: TokenArgs,
        /// Go on until Ctrl-C, and look every so often
        #[arg(long, value_name = "TIME")]
        every: Option<Interval>,
    },
    /// Destroy the keys of an epoch: all that was sealed to it is unreadable from then on
    Destroy {
        #[command(flatten)]
        folder: EscrowFolder,
        #[command(flatten)]
        token: TokenArgs,
        /// Its number
        #[arg(value_name = "EPOCH")]
        epoch: u64,
    },
    /// List the epochs
    List {
        #[command(flatten)]
        folder: EscrowFolder,
        #[command(flatten)]
        token: TokenArgs,
    },
    /// Make the keys of a person or a monitor: FILE for its owner alone, and FILE.pub
    Identity {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Make the key that agents and monitors authenticate beacons by
    Beacon {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Let somebody watch, ask or approve
    Grant(GrantArgs),
    /// Take back what somebody was granted
    Revoke {
        #[command(flatten)]
        folder: EscrowFolder,
        /// Who
        #[arg(value_name = "NAME")]
        name: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct GrantArgs {
    #[command(flatten)]
    pub(crate) folder: EscrowFolder,

    /// Who: of a monitor, the name in its certificate
    #[arg(value_name = "NAME")]
    pub(crate) name: String,

    /// Public keys of this one
    #[arg(long, value_name = "FILE.pub")]
    pub(crate) public: PathBuf,

    /// As what: monitor, requester, approver
    #[arg(long, value_name = "ROLE", value_delimiter = ',', required = true)]
    pub(crate) role: Vec<RoleName>,

    /// The highest tier: t0 (whose), t1 (handshake), t2c, t2s (one side), t3 (both), t4 (master)
    #[arg(long, value_name = "TIER")]
    pub(crate) tier: Tier,

    /// For how long
    #[arg(long = "for", value_name = "TIME", default_value = "90d")]
    pub(crate) lifetime: Interval,
}

#[derive(Debug, Args)]
pub(crate) struct RequestArgs {
    /// What it is for
    #[arg(long, value_name = "CASE")]
    pub(crate) case: String,

    /// Why
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,

    /// How much: t0 (whose), t1 (handshake), t2c, t2s (one side), t3 (both), t4 (master)
    #[arg(long, value_name = "TIER")]
    pub(crate) tier: Tier,

    /// Until when it may be answered, from now on
    #[arg(long, value_name = "TIME", default_value = "1d")]
    pub(crate) expires: Interval,

    /// Own name, as the grant has it
    #[arg(long, value_name = "NAME")]
    pub(crate) requester: String,

    /// Own keys
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,

    /// File to write
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,

    #[command(flatten)]
    pub(crate) sessions: SessionArgs,
}

/// Of which sessions. All that is given must be true of one.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Sessions")]
pub(crate) struct SessionArgs {
    /// Told within this time before now
    #[arg(long, value_name = "TIME")]
    pub(crate) last: Option<Interval>,

    /// With one of these client randoms, in hexadecimal
    #[arg(long, value_name = "HEX", value_delimiter = ',', value_parser = client_random)]
    pub(crate) client_random: Vec<String>,

    /// With this server name
    #[arg(long, value_name = "NAME")]
    pub(crate) server_name: Option<String>,

    /// With this address at either end
    #[arg(long, value_name = "ADDR")]
    pub(crate) address: Option<IpAddr>,

    /// With this port at either end
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Option<u16>,

    /// Told by this agent
    #[arg(long, value_name = "NAME")]
    pub(crate) agent: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ApproveArgs {
    /// The request; the approval is written into it
    #[arg(value_name = "REQUEST")]
    pub(crate) request: PathBuf,

    /// Own keys
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ReleaseArgs {
    #[command(flatten)]
    pub(crate) folder: EscrowFolder,

    /// The request, with its approvals
    #[arg(value_name = "REQUEST")]
    pub(crate) request: PathBuf,

    /// Write an answer that only the one who asked can open
    #[arg(short, long, value_name = "ANSWER", required_unless_present = "capture")]
    pub(crate) output: Option<PathBuf>,

    /// Decrypt this capture here, so that nobody else holds a secret
    #[arg(long, value_name = "FILE", conflicts_with = "output", requires = "write")]
    pub(crate) capture: Option<PathBuf>,

    /// Write its clear text as TCP packets without TLS
    #[arg(short, long, value_name = "OUT.pcapng", requires = "capture")]
    pub(crate) write: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) token: TokenArgs,
}

#[derive(Debug, Args)]
pub(crate) struct OpenArgs {
    /// The answer
    #[arg(value_name = "ANSWER")]
    pub(crate) answer: PathBuf,

    /// Own keys
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,

    /// Key log to write, for `tlsight decrypt --keylog` [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) write: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    #[command(flatten)]
    pub(crate) folder: EscrowFolder,

    /// Where the log had come to when it was verified last; lines missing at its end are found by it.
    /// It is written anew
    #[arg(long, value_name = "FILE")]
    pub(crate) checkpoint: Option<PathBuf>,

    /// Read the archive as well, and compare it with the log
    #[arg(long)]
    pub(crate) store: bool,

    /// Print sums of sessions that went on, were ended or lost without escrow
    #[arg(long, conflicts_with = "json")]
    pub(crate) gaps: bool,

    /// Print the lines of the log as NDJSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Secrets from an escrow, as sessions happen.
#[derive(Debug, Args)]
#[command(next_help_heading = "Escrow")]
#[group(id = "told_by", multiple = true)]
pub(crate) struct MonitorArgs {
    /// Subscribe at this service to secrets of the sessions that are seen [default port: 3006]
    #[arg(long, value_name = "HOST[:PORT]", requires_all =
          ["tier", "interface", "escrow_name", "escrow_key", "escrow_grant", "cert", "key", "ca"])]
    pub(crate) escrow: Option<ServiceAddress>,

    /// How much: t1 (handshake), t2c, t2s (one side), t3 (both), t4 (master)
    #[arg(long, value_name = "TIER", requires = "escrow")]
    pub(crate) tier: Option<Tier>,

    /// Own name, as grant and certificate have it
    #[arg(long, value_name = "NAME", requires = "escrow")]
    pub(crate) escrow_name: Option<String>,

    /// Own keys
    #[arg(long, value_name = "FILE")]
    pub(crate) escrow_key: Option<PathBuf>,

    /// Take secrets out of beacons that pass, with the key that agents authenticate them by
    #[arg(long, value_name = "FILE", requires_all = ["interface", "escrow_key"])]
    pub(crate) beacon_key: Option<PathBuf>,

    /// The authority's grant
    #[arg(long, value_name = "FILE", requires = "escrow")]
    pub(crate) escrow_grant: Option<PathBuf>,

    /// Own certificate with its chain, in PEM
    #[arg(long, value_name = "FILE", requires = "escrow")]
    pub(crate) cert: Option<PathBuf>,

    /// Private key of the certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "escrow")]
    pub(crate) key: Option<PathBuf>,

    /// Authority that the service's certificate must be of, in PEM
    #[arg(long, value_name = "FILE", requires = "escrow")]
    pub(crate) ca: Option<PathBuf>,
}

/// Name or address of a service, and its port if one is given; `escrow://` may be in front.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServiceAddress {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl FromStr for ServiceAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let address: SensorAddress =
            text.strip_prefix("escrow://").unwrap_or(text).trim_end_matches('/').parse()?;
        Ok(Self { host: address.host, port: address.port.unwrap_or(escrow::DEFAULT_PORT) })
    }
}

/// As what somebody may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RoleName(pub(crate) escrow::keys::Role);

impl FromStr for RoleName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        use escrow::keys::Role;
        Ok(Self(match text {
            "monitor" => Role::Monitor,
            "requester" => Role::Requester,
            "approver" => Role::Approver,
            _ => return Err("monitor, requester or approver"),
        }))
    }
}

fn client_random(text: &str) -> Result<String, &'static str> {
    let is_right = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_right { Ok(text.to_ascii_lowercase()) } else { Err("no 64 hexadecimal digits") }
}

const ESCROW_HELP: &str = "\
The service has no key that opens what it keeps: agents seal to keys that the authority has signed. The
keys of epochs (DIR/custody) and the authority's (DIR/authority.key) belong on another machine or under
another user than the service.

Exit status: 0 done, 1 failed or refused (also if something is damaged), 2 wrong use.";
