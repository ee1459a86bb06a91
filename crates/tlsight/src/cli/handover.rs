//! How secrets are taken from programs.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use handover::{Glob, Hold, Matches, Net, OnDeadline, OnTrip, Policy, Reached};
use nix::unistd::User;

use super::escrow::ServiceAddress;

#[derive(Debug, Args)]
#[command(after_help = RUN_HELP)]
pub(crate) struct RunArgs {
    /// Write the secrets to this key log (RFC 9850), without an agent
    #[arg(long, value_name = "FILE", conflicts_with = "socket")]
    pub(crate) keylog: Option<PathBuf>,

    /// Socket of the agent
    #[arg(long, value_name = "PATH", default_value = AGENT_SOCKET)]
    pub(crate) socket: PathBuf,

    /// Library to preload [default: libtlsight_shim.so beside this program or in ../lib/tlsight]
    #[arg(long, value_name = "FILE")]
    pub(crate) shim: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) hold: HoldArgs,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,

    /// Program and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub(crate) command: Vec<OsString>,
}

#[derive(Debug, Args)]
#[command(after_help = AGENT_HELP)]
pub(crate) struct HandoverAgentArgs {
    /// Write the secrets to this key log (RFC 9850): a file with mode 0600, or a pipe
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "escrow",
        conflicts_with = "escrow"
    )]
    pub(crate) keylog: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) escrow: EscrowServiceArgs,

    /// Socket that programs connect to
    #[arg(long, value_name = "PATH", default_value = AGENT_SOCKET)]
    pub(crate) socket: PathBuf,

    /// Take secrets from this program as well while it runs, by a probe in its TLS library (eBPF)
    #[arg(long, value_name = "EXE")]
    pub(crate) attach: Vec<PathBuf>,

    /// The same of one process
    #[arg(long, value_name = "PID")]
    pub(crate) attach_pid: Vec<u32>,

    /// The same of all programs of this host
    #[arg(long)]
    pub(crate) attach_all: bool,

    /// None of these programs, whatever else is said
    #[arg(long, value_name = "EXE")]
    pub(crate) not_attach: Vec<PathBuf>,

    /// Hold packets of the programs that are attached to until their secrets are where --wait says: those that
    /// a rule of netfilter puts into this queue (see below)
    #[arg(long, value_name = "QUEUE")]
    pub(crate) hold_packets: Option<u16>,

    /// Mark of packets whose connection need not come to the queue any more
    #[arg(long, value_name = "MARK", requires = "hold_packets", value_parser = number)]
    pub(crate) hold_mark: Option<u32>,

    #[command(flatten)]
    pub(crate) hold: HoldArgs,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,

    /// Who may connect, as the mode of a file: 0600 is only this user, 0666 everybody
    #[arg(long, value_name = "MODE", default_value = "0666", value_parser = mode)]
    pub(crate) mode: u32,
}

/// The escrow that secrets are sealed for.
#[derive(Debug, Args)]
#[command(next_help_heading = "Escrow")]
pub(crate) struct EscrowServiceArgs {
    /// Seal the secrets by tier and deliver them to this service [default port: 3006]
    #[arg(long, value_name = "HOST[:PORT]", requires_all = ["escrow_authority", "cert", "key", "ca"])]
    pub(crate) escrow: Option<ServiceAddress>,

    /// Public key of its authority (authority.pub)
    #[arg(long, value_name = "FILE", requires = "escrow")]
    pub(crate) escrow_authority: Option<PathBuf>,

    /// Tell the master secrets of TLS 1.2 themselves as well (T4)
    #[arg(long, requires = "escrow")]
    pub(crate) with_master: bool,

    /// Send secrets as datagrams as well, which pass the tap of a monitor on the way to this address; nobody
    /// has to listen there
    #[arg(long, value_name = "ADDR:PORT", requires_all = ["escrow", "beacon_key", "beacon_grant"])]
    pub(crate) beacon: Option<SocketAddr>,

    /// Key that monitors authenticate them by (`escrow keys beacon`)
    #[arg(long, value_name = "FILE", requires = "beacon")]
    pub(crate) beacon_key: Option<PathBuf>,

    /// Grants of monitors that they are sealed to
    #[arg(long, value_name = "FILE", value_delimiter = ',', requires = "beacon")]
    pub(crate) beacon_grant: Vec<PathBuf>,

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

/// Whether sessions wait for their secrets to be somewhere.
#[derive(Debug, Args)]
#[command(next_help_heading = "Hold")]
pub(crate) struct HoldArgs {
    /// What sessions wait for: none, received, live, durable
    #[arg(long, value_enum, default_value_t, hide_possible_values = true, value_name = "WHAT")]
    wait: Wait,

    /// How long they wait
    #[arg(long, value_name = "TIME", default_value = "5ms", value_parser = duration)]
    deadline: Duration,

    /// What happens then: open (they go on, and it is told) or abort
    #[arg(long, value_enum, default_value_t, hide_possible_values = true, value_name = "WHAT")]
    on_deadline: AtDeadline,

    /// After how many deadlines in a row nobody waits any longer; 0 is never
    #[arg(long, value_name = "N", default_value_t = 5)]
    breaker: u32,

    /// How long after that one session tries again
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    pause: Duration,

    /// What happens to sessions meanwhile: open or refuse
    #[arg(long, value_enum, default_value_t, hide_possible_values = true, value_name = "WHAT")]
    on_trip: AtTrip,
}

/// Whose secrets are taken.
#[derive(Debug, Args)]
#[command(next_help_heading = "Whose secrets are taken (nothing that is denied; of a list, one)")]
pub(crate) struct PolicyArgs {
    /// Server name that the client asks for: a pattern with * and ?; an empty one is for no name
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    allow_sni: Vec<String>,
    /// The same, denied
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    deny_sni: Vec<String>,

    /// Network of the other end, such as 10.0.0.0/8
    #[arg(long, value_name = "NET", value_delimiter = ',')]
    allow_peer: Vec<Net>,
    /// The same, denied
    #[arg(long, value_name = "NET", value_delimiter = ',')]
    deny_peer: Vec<Net>,

    /// Path of the executable: a pattern with * and ?
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    allow_exe: Vec<String>,
    /// The same, denied
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    deny_exe: Vec<String>,

    /// Effective user, by name or number
    #[arg(long, value_name = "USER", value_delimiter = ',', value_parser = user)]
    allow_user: Vec<u32>,
    /// The same, denied
    #[arg(long, value_name = "USER", value_delimiter = ',', value_parser = user)]
    deny_user: Vec<u32>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Wait {
    #[default]
    None,
    Received,
    Live,
    Durable,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum AtDeadline {
    #[default]
    Open,
    Abort,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum AtTrip {
    #[default]
    Open,
    Refuse,
}

impl HoldArgs {
    /// What they say.
    pub(crate) const fn hold(&self) -> Hold {
        Hold {
            wait: match self.wait {
                Wait::None => None,
                Wait::Received => Some(Reached::Received),
                Wait::Live => Some(Reached::Live),
                Wait::Durable => Some(Reached::Durable),
            },
            deadline: self.deadline,
            on_deadline: match self.on_deadline {
                AtDeadline::Open => OnDeadline::Open,
                AtDeadline::Abort => OnDeadline::Abort,
            },
            breaker: self.breaker,
            pause: self.pause,
            on_trip: match self.on_trip {
                AtTrip::Open => OnTrip::Open,
                AtTrip::Refuse => OnTrip::Refuse,
            },
        }
    }
}

impl PolicyArgs {
    /// What they say.
    pub(crate) fn policy(&self) -> Policy {
        let globs = |patterns: &[String]| patterns.iter().map(|it| Glob::new(it)).collect();
        Policy {
            allow: Matches {
                server_names: globs(&self.allow_sni),
                peers: self.allow_peer.clone(),
                executables: globs(&self.allow_exe),
                users: self.allow_user.clone(),
            },
            deny: Matches {
                server_names: globs(&self.deny_sni),
                peers: self.deny_peer.clone(),
                executables: globs(&self.deny_exe),
                users: self.deny_user.clone(),
            },
        }
    }
}

fn user(text: &str) -> Result<u32, String> {
    if let Ok(number) = text.parse() {
        return Ok(number);
    }
    match User::from_name(text) {
        Ok(Some(user)) => Ok(user.uid.as_raw()),
        Ok(None) => Err(format!("there is no user `{text}`")),
        Err(error) => Err(error.desc().to_owned()),
    }
}

fn duration(text: &str) -> Result<Duration, &'static str> {
    handover::duration(text).ok_or("it is written like 5ms, 200us or 1s")
}

fn number(text: &str) -> Result<u32, &'static str> {
    let number = match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => text.parse(),
    };
    number.map_err(|_not| "it is written like 7 or 0x7")
}

fn mode(text: &str) -> Result<u32, &'static str> {
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777);
    mode.ok_or("it is written like 0600")
}

const AGENT_SOCKET: &str = "/run/tlsight/agent.sock";

const RUN_HELP: &str = "\
Examples:
  tlsight run --keylog keys.log -- curl https://example.org/
  tlsight run --wait live --on-deadline abort -- nginx -g 'daemon off;'

It works with programs that use a shared OpenSSL 1.1.1 or 3, such as curl, nginx or Python; not with
those that have their TLS library inside, that run with the rights of another user (setuid), or that use
another library. The program's own key log is written as before. Secrets of exporters never leave it.

A session that waits does so before the first byte goes out that its secrets protect, with one exception:
a server with OpenSSL has the secret of the client's data only when the client has sent some.

Exit status: that of CMD; 128 and its number if a signal ended it; 1 failed, 2 wrong use.";

const AGENT_HELP: &str = "\
Programs hand over their secrets if they were started by `tlsight run`, or use rustls with
`rustls-handover`. The kernel says which process and user it is. What a process tells that it could not
hand over is printed.

With --attach nothing needs to be started anew: OpenSSL, also inside of a program and without symbols,
BoringSSL and Go. `tlsight doctor --secrets` says which way works for which process. A probe holds nothing; with
--hold-packets the packets of these programs wait instead, from the first protected record that leaves this host:

  iptables -A OUTPUT -p tcp --dport 443 ! -o lo -j NFQUEUE --queue-num 7 --queue-bypass   # clients; for
  iptables -A INPUT  -p tcp --sport 443 ! -i lo -j NFQUEUE --queue-num 7 --queue-bypass   # servers the ports
  tlsight escrow agent --escrow ... --attach /usr/bin/curl --hold-packets 7 --wait live   # the other way round

Both directions are needed, of connections from their beginning on, and of no other programs: what nobody takes
secrets of waits for the whole deadline (-m owner --uid-owner or -m cgroup --path narrow the rule for OUTPUT).
With --queue-bypass packets pass where no agent answers for the queue, without it they are dropped. The queue is
one of this network namespace; ip6tables has rules of its own. What is held and when: docs/hold.md.

Rules on whose secrets are taken are about those that are taken by probes; `tlsight run` has its own. A probe
does not see the name of the server and the peer: these are known from hellos with the same random, seen at
the sockets of the same process. A session whose hello was not seen is held back if there are such rules.";
