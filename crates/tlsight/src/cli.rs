//! The command line.

mod escrow;
mod handover;
mod keys;
mod kubernetes;
mod mirror;
mod server;
mod store;
mod token;
mod tunnel;
mod uplink;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use self::escrow::{
    ApproveArgs, AuditArgs, EscrowArgs, EscrowCommand, EscrowKeysCommand, EscrowServeArgs,
    GrantArgs, InitArgs, MonitorArgs, OpenArgs, ReleaseArgs, RequestArgs, ScheduleArgs,
    ServiceAddress,
};
pub(crate) use self::handover::{EscrowServiceArgs, HandoverAgentArgs, RunArgs};
pub(crate) use self::keys::{DecryptArgs, KeyArgs, ReleasedArgs};
pub(crate) use self::kubernetes::KubernetesArgs;
pub(crate) use self::mirror::{ClearArgs, MirrorArgs, PacketArgs};
pub(crate) use self::server::{ServeArgs, ServeCommand, ServeTokenArgs, UpArgs};
pub(crate) use self::store::{MigrateArgs, StoreArgs, StoreCommand};
pub(crate) use self::token::TokenArgs;
pub(crate) use self::tunnel::TunnelArgs;
use self::uplink::UplinkArgs;
use crate::agent::settings::{AgentLayer, Interval, Listen};
use crate::config::{Fingerprint, Layer, Size};
use crate::filter::{Class, Filter, Glob, Net, VersionRange};
use crate::output::ColorChoice;
use crate::policies::PolicyArgs;
use crate::reports::ReportArgs;
use crate::serve::settings::ServeLayer;

/// Shows what TLS on your machines and networks negotiates, without breaking TLS.
#[derive(Debug, Parser)]
#[command(
    name = "tlsight",
    version,
    after_help = "Examples:
  tlsight read capture.pcapng                  sessions of a capture, as a table
  tlsight read --version '<1.2' *.pcap         what is older than TLS 1.2
  tlsight read - < capture.pcap | jq .tls      NDJSON into another program
  tlsight policy check capture.pcapng          what breaks policy; status 3 if something does
  sudo tlsight watch                           live: all of this host, with their processes
  sudo tlsight up                              the same in a web UI, with policies and alerts
  sudo tlsight watch -i eth0 --class none      live: sessions without forward secrecy

Exit status: 0 done, 1 failed (also if a capture could not be read to its end), 2 wrong use,
3 a policy is violated."
)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Analyse capture files
    Read(ReadArgs),
    /// Show the clear text of captures whose secrets are known, or put secrets into them
    Decrypt(DecryptArgs),
    /// Show sessions live: at the sockets of this host, with their processes, or from an interface
    Watch(Box<WatchArgs>),
    /// Watch unattended: lines to a file or to a server, edges, metrics, live settings
    Agent(Box<AgentArgs>),
    /// Watch this machine and show it in a web UI: agent and server in one
    Up(UpArgs),
    /// Keep what agents tell, judge it by policies, and show it in a web UI and an API
    Serve(ServeArgs),
    /// Move what a server keeps
    Store(StoreArgs),
    /// Copy the clear text of TLS sessions into an IDS, as TCP packets
    Mirror(Box<MirrorArgs>),
    /// Run a program and take the secrets of its TLS sessions, by a library that is preloaded into it
    Run(Box<RunArgs>),
    /// Take secrets of sessions, keep them sealed by tier, and release what was asked for and approved
    Escrow(Box<EscrowArgs>),
    /// Say what this machine can do, and how to get what is missing
    Doctor(DoctorArgs),
    /// List, explain and check policies
    Policy(PolicyArgs),
    /// Report the cryptography of captures or records: CBOM, readiness, certificates, inventory
    Report(ReportArgs),
    /// Print the JSON Schema of the NDJSON lines
    Schema,
    /// Print configuration
    Config(ConfigArgs),
}

#[derive(Debug, Args)]
#[command(after_help = READ_HELP)]
pub(crate) struct ReadArgs {
    /// Captures (pcap or pcapng, also gzip or zstd), read in order as one; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// Do not show progress on standard error
    #[arg(long)]
    pub(crate) no_progress: bool,

    #[command(flatten)]
    pub(crate) keys: KeyArgs,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

#[derive(Debug, Args)]
#[command(after_help = WATCH_HELP)]
pub(crate) struct WatchArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) monitor: MonitorArgs,
    #[command(flatten)]
    pub(crate) clear: ClearArgs,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

#[derive(Debug, Args)]
#[command(after_help = AGENT_HELP)]
pub(crate) struct AgentArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    lines: LinesArgs,
    #[command(flatten)]
    uplink: UplinkArgs,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    #[command(flatten)]
    pub(crate) analysis: AnalysisArgs,
}

/// Where sessions are watched.
#[derive(Debug, Args)]
pub(crate) struct PlaceArgs {
    /// Interface to capture from, in place of the sockets; `any` is all of them
    #[arg(short, long, value_name = "IFACE", conflicts_with_all = ["kubernetes_args", "kubernetes_api_args"])]
    pub(crate) interface: Option<String>,

    /// Do not switch the interface to promiscuous mode
    #[arg(short = 'p', long, requires = "interface")]
    pub(crate) no_promiscuous: bool,

    /// Take bulk data out of the kernel too, in place of leaving it there
    #[arg(long, requires = "interface")]
    pub(crate) no_cut_off: bool,

    /// Only the sockets of this cgroup (a directory of version 2) and of those below it
    #[arg(long, value_name = "PATH", conflicts_with = "interface")]
    pub(crate) cgroup: Option<PathBuf>,

    /// Leave out the command lines of processes
    #[arg(long, conflicts_with = "interface")]
    pub(crate) no_command_line: bool,

    #[command(flatten)]
    pub(crate) kubernetes: KubernetesArgs,
}

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Output")]
struct LinesArgs {
    /// File that lines go to [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Size with which a file is renamed and a new one begun [default: 100MiB]
    #[arg(long, value_name = "SIZE")]
    rotate_size: Option<Size>,

    /// Age with which a file is renamed and a new one begun [default: 1d]
    #[arg(long, value_name = "TIME")]
    rotate_age: Option<Interval>,

    /// How many old files are kept [default: 7]
    #[arg(long, value_name = "N")]
    keep: Option<usize>,

    /// Compress old files by gzip
    #[arg(long)]
    compress: bool,

    /// Count alike sessions, and write one line for them in each interval, such as 60s
    #[arg(long, value_name = "TIME")]
    group: Option<Interval>,

    /// Serve /metrics and /healthz; a port alone is one of 127.0.0.1
    #[arg(long, value_name = "ADDR")]
    metrics: Option<Listen>,
}

impl AgentArgs {
    /// The settings that flags give.
    pub(crate) fn layer(&self) -> Layer {
        let lines = &self.lines;
        let agent = AgentLayer {
            output: lines.output.clone(),
            rotate_size: lines.rotate_size,
            rotate_age: lines.rotate_age,
            keep: lines.keep,
            compress: lines.compress.then_some(true),
            group: lines.group,
            metrics: lines.metrics,
            server: self.uplink.layer(),
        };
        let command_line = self.place.no_command_line.then_some(false);
        let kubernetes = self.place.kubernetes.settings();
        Layer { agent, command_line, kubernetes, ..self.analysis.layer() }
    }
}

#[derive(Debug, Args)]
#[command(after_help = DOCTOR_HELP)]
pub(crate) struct DoctorArgs {
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,

    /// Say for each process with TLS how its secrets can be taken
    #[arg(long)]
    pub(crate) secrets: bool,

    #[command(flatten)]
    pub(crate) kubernetes: KubernetesArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    /// What to print.
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print the configuration file with its defaults and comments
    Default,
}

/// What `read` and `watch` have in common.
#[derive(Debug, Args)]
pub(crate) struct CommonArgs {
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    #[command(flatten)]
    pub(crate) analysis: AnalysisArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Print NDJSON, one object a line (the default if standard output is not a terminal)
    #[arg(long, group = "format")]
    pub(crate) json: bool,

    /// Print a table (the default on a terminal)
    #[arg(long, group = "format")]
    pub(crate) table: bool,

    /// Print each session as a tree, with all that is known of it
    #[arg(long, group = "format")]
    pub(crate) detail: bool,

    /// Stop after N sessions
    #[arg(short = 'n', long, value_name = "N")]
    pub(crate) limit: Option<u64>,

    /// End with the totals (the default for tables and trees)
    #[arg(long, overrides_with = "no_summary")]
    pub(crate) summary: bool,

    /// Leave the totals out (the default for NDJSON)
    #[arg(long)]
    pub(crate) no_summary: bool,

    /// Colour: auto, always, never
    #[arg(long, value_name = "WHEN", value_enum, default_value_t, hide_possible_values = true)]
    pub(crate) color: ColorChoice,
}

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Filters (all must hold; of a list, one)")]
pub(crate) struct FilterArgs {
    /// Negotiated version: 1.2, <1.3, ssl3, dtls1.2, unknown
    #[arg(long, value_name = "VERSION", value_delimiter = ',')]
    version: Vec<VersionRange>,

    /// Server name: a pattern with * and ?; an empty one is for sessions without a name
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    sni: Vec<Glob>,

    /// Address of either side, or network such as 10.0.0.0/8
    #[arg(long, value_name = "ADDR|CIDR", value_delimiter = ',')]
    host: Vec<Net>,

    /// Port of either side
    #[arg(long, value_name = "N", value_delimiter = ',')]
    port: Vec<u16>,

    /// Class of the key exchange
    #[arg(
        long,
        value_name = "CLASS",
        value_enum,
        value_delimiter = ',',
        hide_possible_values = true,
        help = "Class of the key exchange: classical, hybrid_pq, pq, none, unknown"
    )]
    class: Vec<Class>,

    /// Only records of less than the whole handshake
    #[arg(long)]
    partial: bool,

    /// Only records with an anomaly
    #[arg(long)]
    anomalies: bool,
}

impl FilterArgs {
    /// The filter that was asked for.
    pub(crate) fn into_filter(self) -> Filter {
        Filter {
            versions: self.version,
            names: self.sni,
            hosts: self.host,
            ports: self.port,
            classes: self.class,
            only_partial: self.partial,
            only_anomalous: self.anomalies,
        }
    }
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Analysis")]
pub(crate) struct AnalysisArgs {
    /// Configuration file (TOML); `tlsight config default` prints one
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Number of workers; with several, sessions come in no certain order [default: 1]
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,

    /// Most memory for flows and sessions of all workers [default: 512MiB]
    #[arg(long, value_name = "SIZE")]
    memory: Option<Size>,

    /// Do not describe certificates
    #[arg(long, overrides_with = "send_certificates")]
    no_send_certificates: bool,

    #[arg(long, hide = true, overrides_with = "no_send_certificates")]
    send_certificates: bool,

    /// Add the certificates themselves, in PEM
    #[arg(long, overrides_with = "no_include_raw_certificates")]
    include_raw_certificates: bool,

    #[arg(long, hide = true, overrides_with = "include_raw_certificates")]
    no_include_raw_certificates: bool,

    /// Leave out tls.detailed
    #[arg(long, overrides_with = "detailed_fields")]
    no_detailed_fields: bool,

    #[arg(long, hide = true, overrides_with = "no_detailed_fields")]
    detailed_fields: bool,

    /// Digests of certificates: md5, sha1, sha256 [default: sha1]
    #[arg(
        long,
        value_name = "LIST",
        value_enum,
        value_delimiter = ',',
        hide_possible_values = true
    )]
    fingerprints: Option<Vec<Fingerprint>>,
}

impl AnalysisArgs {
    /// The settings that flags give.
    pub(crate) fn layer(&self) -> Layer {
        Layer {
            send_certificates: either(self.send_certificates, self.no_send_certificates),
            include_raw_certificates: either(
                self.include_raw_certificates,
                self.no_include_raw_certificates,
            ),
            include_detailed_fields: either(self.detailed_fields, self.no_detailed_fields),
            fingerprints: self.fingerprints.clone(),
            memory: self.memory,
            workers: self.workers,
            command_line: None,
            redact: None,
            agent: AgentLayer::default(),
            kubernetes: crate::kubernetes::KubernetesSettings::default(),
            serve: ServeLayer::default(),
            sinks: Vec::new(),
        }
    }
}

/// What a pair of flags says, of which the later overrides the earlier.
const fn either(yes: bool, no: bool) -> Option<bool> {
    match (yes, no) {
        (true, _) => Some(true),
        (false, true) => Some(false),
        (false, false) => None,
    }
}

const READ_HELP: &str = "\
NDJSON holds one object for each session. If something could not be seen, the last line says what
(event.dataset is tlsight.loss); with --summary the totals follow (tlsight.summary).
`tlsight schema` describes all of them.

In the table, ~ marks a name that is only the outer one of an encrypted hello, and a name in
parentheses is the certificate's; enc is a certificate that was sent encrypted. Times are in UTC.";

const WATCH_HELP: &str = "\
Without -i, programs in the kernel (eBPF) copy the handshakes of all sockets of this host, those in
containers included. A session between two processes of this host is told once, with both.

Ctrl-C ends it, with the totals. What could not be seen, such as packets that the kernel dropped,
is reported every ten seconds and at the end (in NDJSON, event.dataset is tlsight.loss).

In the table, ~ marks a name that is only the outer one of an encrypted hello, and a name in
parentheses is the certificate's; enc is a certificate that was sent encrypted. Times are in UTC.";

const AGENT_HELP: &str = "\
Lines are NDJSON, as those of `tlsight watch`; `tlsight schema` describes them. With --group, sessions
with the same client, server, port and posture are one line in each interval (event.dataset is
tlsight.edge).

With --server, edges of each minute are sent to a server and, as sessions of their own, first sightings,
failures and what breaks a policy of the server. What waits for it is on the disk: it survives restarts
and hours without the server; if there is too much the oldest goes and is counted. --enrol TOKEN joins a
fleet, once; the certificate that comes of it is renewed by itself. The server may change --group and
--sample.

After the start it gives up all capabilities that it no longer needs, and runs until SIGTERM or
Ctrl-C. SIGHUP has it read its settings anew and open its file anew; settings that make no sense
change nothing. An output that fails, such as a full disk, never stops the capture: lines are dropped
and counted (tlsight.loss, and in the metrics).";

const DOCTOR_HELP: &str = "\
Programs are really loaded and attached, and a packet socket is really opened; both are taken back
at once. Run it as you will run `tlsight watch` or `tlsight agent`.

Each line is ok, degraded (something is lost, and what), missing (a job does not work) or unknown (it
could not be found out). Exit status: 0 if all jobs work, 1 if one does not, 2 wrong use.";

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn of_two_opposite_flags_the_later_counts() {
        let layer = |flags: &[&str]| {
            let line = ["tlsight", "read", "x"].iter().chain(flags);
            let Command::Read(args) = Cli::try_parse_from(line).unwrap().command else {
                panic!("not what was asked for");
            };
            args.common.analysis.layer()
        };
        assert_eq!(layer(&[]), Layer::default());
        let flags = ["--no-send-certificates", "--send-certificates", "--no-detailed-fields"];
        assert_eq!(layer(&flags).send_certificates, Some(true));
        assert_eq!(layer(&flags).include_detailed_fields, Some(false));
        let flags = ["--fingerprints", "sha1,sha256", "--include-raw-certificates"];
        assert_eq!(layer(&flags).fingerprints, Some(vec![Fingerprint::Sha1, Fingerprint::Sha256]));
        assert_eq!(layer(&flags).include_raw_certificates, Some(true));
    }
}
