//! The command line of `mirror`.

use std::path::PathBuf;

use clap::Args;
use probe::{Budget, Matches, Net};

use super::kubernetes::ApiArgs;
use super::tunnel::TunnelArgs;
use crate::agent::settings::Listen;
use crate::mirror::{Pair, PodPattern, PodPatterns, Target};

#[derive(Debug, Args)]
#[command(after_help = MIRROR_HELP)]
pub(crate) struct MirrorArgs {
    /// Interface whose addresses the sessions have; `any` is all of them
    #[arg(short = 'I', long, value_name = "IFACE", default_value = "any")]
    pub(crate) interface: String,

    /// Interface on which an IDS listens, or `tap:NAME` to make one
    #[arg(short, long, value_name = "IFACE|tap:NAME")]
    pub(crate) output: Option<Target>,

    /// File to write packets to (pcapng)
    #[arg(short, long, value_name = "FILE")]
    pub(crate) write: Option<PathBuf>,

    /// Say which programs are covered and which are not, and end
    #[arg(long, conflicts_with_all = ["output", "write"])]
    pub(crate) list: bool,

    #[command(flatten)]
    pub(crate) rules: RuleArgs,
    #[command(flatten)]
    pub(crate) kubernetes: ApiArgs,
    #[command(flatten)]
    pub(crate) packets: PacketArgs,
    #[command(flatten)]
    pub(crate) tunnel: TunnelArgs,

    /// Serve /metrics; a port alone is one of 127.0.0.1
    #[arg(long, value_name = "ADDR")]
    pub(crate) metrics: Option<Listen>,

    /// File to append audit lines to (NDJSON): starts, stops, and each connection that was told
    #[arg(long, value_name = "FILE")]
    pub(crate) audit: Option<PathBuf>,

    /// Part of a processor that probes may cost a process, such as 5%; one that they cost more is left alone
    /// for a minute, and longer each further time
    #[arg(long, value_name = "PERCENT")]
    pub(crate) budget: Option<Budget>,

    /// Memory for what is not read yet, in MiB
    #[arg(long, value_name = "N", default_value_t = 64,
          value_parser = clap::value_parser!(u32).range(1..=2048))]
    pub(crate) ring_mib: u32,
}

/// Whose clear text is copied.
#[derive(Debug, Args)]
#[command(next_help_heading = "Rules (nothing is copied that none allows; of one kind, one must)")]
pub(crate) struct RuleArgs {
    /// Everything that no other rule is about
    #[arg(long)]
    pub(crate) all: bool,

    /// File with more rules (TOML: `all`, and lists in `[allow]` and `[deny]` named like the flags), read
    /// anew on SIGHUP
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Option<PathBuf>,

    /// Process
    #[arg(long, value_name = "PID", value_delimiter = ',')]
    pid: Vec<u32>,

    /// Executable
    #[arg(long, value_name = "PATH", value_delimiter = ',')]
    exe: Vec<PathBuf>,

    /// Cgroup (a directory of version 2), with those below it
    #[arg(long, value_name = "PATH", value_delimiter = ',')]
    cgroup: Vec<PathBuf>,

    /// Pod of this node, by its namespace and name, either with * and ?
    #[arg(long, value_name = "NAMESPACE/NAME", value_delimiter = ',')]
    pod: Vec<PodPattern>,

    /// Port of the server
    #[arg(long, value_name = "N", value_delimiter = ',')]
    port: Vec<u16>,

    /// Address of either end, or network such as 10.0.0.0/8
    #[arg(long, value_name = "ADDR|CIDR", value_delimiter = ',')]
    net: Vec<Net>,

    /// Not this process, whatever allows it
    #[arg(long, value_name = "PID", value_delimiter = ',')]
    not_pid: Vec<u32>,

    /// Not this executable
    #[arg(long, value_name = "PATH", value_delimiter = ',')]
    not_exe: Vec<PathBuf>,

    /// Not this cgroup, nor those below it
    #[arg(long, value_name = "PATH", value_delimiter = ',')]
    not_cgroup: Vec<PathBuf>,

    /// Not this pod, nor any of which it is not known yet which one it is
    #[arg(long, value_name = "NAMESPACE/NAME", value_delimiter = ',')]
    not_pod: Vec<PodPattern>,

    /// Not this port
    #[arg(long, value_name = "N", value_delimiter = ',')]
    not_port: Vec<u16>,

    /// Not this network
    #[arg(long, value_name = "ADDR|CIDR", value_delimiter = ',')]
    not_net: Vec<Net>,
}

/// What packets look like.
#[derive(Debug, Args)]
#[command(next_help_heading = "Packets")]
pub(crate) struct PacketArgs {
    /// Tell a port of servers as another one, such as 443:80
    #[arg(long, value_name = "FROM:TO", value_delimiter = ',')]
    pub(crate) port_map: Vec<Pair>,

    /// Longest packet in bytes [default: that of the interface, else 1500]
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u16).range(576..))]
    pub(crate) mtu: Option<u16>,

    /// VLAN of all packets
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(u16).range(1..4095))]
    pub(crate) vlan: Option<u16>,

    /// Tell each stream of HTTP/2 as a connection of HTTP/1.1, in a VLAN of its own; that is done anyway
    /// if secrets are overwritten, whose places in HTTP/2 are compressed
    #[arg(long)]
    pub(crate) h2_to_h1: bool,

    /// Leave secrets in headers, such as Authorization and Cookie, as they are
    #[arg(long)]
    pub(crate) no_redact: bool,

    /// More headers whose values are overwritten
    #[arg(long, value_name = "HEADER", value_delimiter = ',', conflicts_with = "no_redact")]
    pub(crate) redact: Vec<String>,
}

/// Where the clear text of sessions goes whose secrets an escrow tells.
#[derive(Debug, Args)]
#[command(next_help_heading = "Clear text, as TCP packets")]
pub(crate) struct ClearArgs {
    /// Interface on which an IDS listens, or `tap:NAME` to make one
    #[arg(short, long, value_name = "IFACE|tap:NAME", requires = "told_by")]
    pub(crate) output: Option<Target>,

    /// File to write packets to (pcapng)
    #[arg(short, long, value_name = "FILE", requires = "told_by")]
    pub(crate) write: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) packets: PacketArgs,
}

impl RuleArgs {
    /// What is said of pods.
    pub(crate) fn pods(&self) -> PodPatterns {
        PodPatterns { allow: self.pod.clone(), deny: self.not_pod.clone() }
    }

    /// What is allowed.
    pub(crate) fn allowed(&self) -> Matches {
        Matches {
            pids: self.pid.clone(),
            executables: self.exe.clone(),
            cgroups: self.cgroup.clone(),
            ports: self.port.clone(),
            nets: self.net.clone(),
            local: None,
        }
    }

    /// What is denied.
    pub(crate) fn denied(&self) -> Matches {
        Matches {
            pids: self.not_pid.clone(),
            executables: self.not_exe.clone(),
            cgroups: self.not_cgroup.clone(),
            ports: self.not_port.clone(),
            nets: self.not_net.clone(),
            local: None,
        }
    }
}

const MIRROR_HELP: &str = "\
The clear text is copied where programs hand it to their TLS library (eBPF); no key is touched, and
no program is changed or started anew. An IDS sees TCP sessions with the addresses that they have.

Nothing is copied unless rules allow it. Rules of one kind are alternatives; of several kinds, one
of each must allow. Values of headers that are secrets, such as cookies, are overwritten; HTTP/2 is
told as HTTP/1.1 for that, and as it is with --no-redact.

Ctrl-C ends it, with what became of each byte.

Examples:
  sudo tlsight mirror --list                                        what can be seen here
  sudo tlsight mirror -o tap:ids0 --exe /usr/sbin/nginx --port-map 443:80
  sudo tlsight mirror -o tap:ids0 --pod 'shop/web-*'
  sudo tlsight mirror -w clear.pcapng --all --not-net 10.9.0.0/16
  tlsight mirror --make-certificates certs --sensor ids.example --agent web-1
  sudo tlsight mirror -t ids.example --cert web-1.pem --key web-1.key --ca ca.pem --all
  sudo tlsight mirror -C -o tap:ids0 --cert sensor.pem --key sensor.key --ca ca.pem";
