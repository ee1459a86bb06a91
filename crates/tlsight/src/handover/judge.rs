//! Whose secrets probes may take: judged before anything leaves this host.

use std::collections::HashMap;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use event::Timestamp;
use handover::{Fact, Label, Matches, Policy, Subject};
use probe::TakenKey;
use secrets::{Origin, Secret, SessionSecrets, SessionStage, ShortText};

use super::hellos::{Hello, Hellos};

/// Judges secrets, once it is known what the hellos of their sessions said.
pub(super) struct Judge {
    policy: Policy,
    hellos: Option<Hellos>,
    /// Whether rules ask for what hellos say. If not, only keys of TLS 1.2 need it.
    asks_hellos: bool,
    waiting: Vec<Waiting>,
    executables: HashMap<u32, ShortText>,
    denied: u64,
    /// Randoms of those that were denied since this was last asked for.
    denied_randoms: Vec<[u8; 32]>,
}

/// A secret that may go on.
pub(super) struct Allowed {
    pub(super) label: Label,
    pub(super) secrets: SessionSecrets,
}

struct Waiting {
    key: TakenKey,
    /// The executable of its process, if that was still there.
    executable: Option<PathBuf>,
    until: Instant,
}

impl Judge {
    /// Judges by a policy, with what hellos say where they are seen.
    pub(super) fn new(policy: Policy, hellos: Option<Hellos>) -> Self {
        Self {
            asks_hellos: asks_hellos(&policy),
            policy,
            hellos,
            waiting: Vec::new(),
            executables: HashMap::new(),
            denied: 0,
            denied_randoms: Vec::new(),
        }
    }

    /// Takes a secret.
    pub(super) fn take(&mut self, key: TakenKey) {
        let link = Path::new("/proc").join(key.pid.to_string()).join("exe");
        let executable = fs::read_link(link).ok();
        self.waiting.push(Waiting { key, executable, until: Instant::now() + PATIENCE });
    }

    /// Whether secrets wait for the hellos of their sessions.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The secrets that may go on, and can be judged; at the end all can.
    pub(super) fn judged(&mut self, is_last: bool) -> Vec<Allowed> {
        let surplus = self.waiting.len().saturating_sub(MAX_WAITING);
        let now = Instant::now();
        let mut allowed = Vec::new();
        for (index, waiting) in std::mem::take(&mut self.waiting).into_iter().enumerate() {
            let Waiting { key, until, .. } = &waiting;
            let hellos = self.hellos.as_ref().map(|hellos| hellos.of(key.pid, &key.random));
            let is_asked = self.asks_hellos || key.secret.label() == Label::Master;
            let is_due = !is_asked || is_last || index < surplus || now >= *until;
            if !is_due && hellos.as_ref().is_some_and(Vec::is_empty) {
                self.waiting.push(waiting);
                continue;
            }
            let hellos = hellos.unwrap_or_default();
            if self.allows(&waiting, &hellos) {
                let label = waiting.key.secret.label();
                allowed.push(Allowed { label, secrets: self.session_secrets(&waiting, &hellos) });
            } else {
                self.denied = self.denied.saturating_add(1);
                self.denied_randoms.push(waiting.key.random);
            }
        }
        allowed
    }

    /// Secrets that no rule allows, or one denies.
    pub(super) const fn denied(&self) -> u64 {
        self.denied
    }

    /// Randoms of those since this was last asked for.
    pub(super) fn take_denied(&mut self) -> Vec<[u8; 32]> {
        std::mem::take(&mut self.denied_randoms)
    }

    /// Waits for the end of what it began.
    pub(super) fn finish(self) {
        if let Some(hellos) = self.hellos {
            hellos.finish();
        }
    }

    /// Each hello that the session may have has to be allowed; without any, name and peer are unknown.
    fn allows(&self, waiting: &Waiting, hellos: &[Hello]) -> bool {
        let executable = waiting.executable.as_deref().map(path_of);
        let is_allowed = |hello: Option<&Hello>| {
            self.policy.allows(&Subject {
                server_name: match hello.map(|hello| hello.server_name.as_deref()) {
                    None => Fact::Unknown,
                    Some(None) => Fact::Absent,
                    Some(Some(name)) => Fact::Known(name),
                },
                peer: match hello.and_then(|hello| hello.peer) {
                    None => Fact::Unknown,
                    Some(peer) => Fact::Known(peer.ip()),
                },
                executable: executable.map_or(Fact::Unknown, Fact::Known),
                user: Fact::Known(waiting.key.uid),
            })
        };
        if hellos.is_empty() {
            is_allowed(None)
        } else {
            hellos.iter().all(|hello| is_allowed(Some(hello)))
        }
    }

    fn session_secrets(&mut self, waiting: &Waiting, hellos: &[Hello]) -> SessionSecrets {
        let Waiting { key, executable, .. } = waiting;
        if self.executables.len() >= MAX_EXECUTABLES {
            self.executables.clear();
        }
        // Of a process that has ended, what was seen before.
        if let Some(path) = executable {
            self.executables.insert(key.pid, ShortText::new(&path.to_string_lossy()));
        }
        let executable = self.executables.get(&key.pid).cloned().unwrap_or_default();
        // Two of them with one random are not to be told apart.
        let [hello] = hellos else { return told(key, executable, None) };
        told(key, executable, Some(hello))
    }
}

/// Whether rules ask for what only hellos say.
pub(super) fn asks_hellos(policy: &Policy) -> bool {
    let asks = |matches: &Matches| !matches.server_names.is_empty() || !matches.peers.is_empty();
    asks(&policy.allow) || asks(&policy.deny)
}

/// A path in `/proc`, which marks a file that was replaced.
fn path_of(path: &Path) -> &[u8] {
    let bytes = path.as_os_str().as_bytes();
    bytes.strip_suffix(b" (deleted)").unwrap_or(bytes)
}

fn told(key: &TakenKey, executable: ShortText, hello: Option<&Hello>) -> SessionSecrets {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let time = Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX));
    let name = hello.and_then(|hello| hello.server_name.as_deref());
    SessionSecrets {
        stage: match key.secret.label() {
            Label::ClientEarly | Label::ClientHandshake | Label::ServerHandshake => {
                SessionStage::Hello
            }
            Label::Master | Label::ClientApplication | Label::ServerApplication => {
                SessionStage::Application
            }
        },
        version: hello.map_or(0, |hello| hello.version),
        cipher_suite: hello.map_or(0, |hello| hello.cipher_suite),
        client_random: key.random,
        server_random: hello.and_then(|hello| hello.server_random),
        secrets: vec![(
            endpoint::label(key.secret.label()),
            Secret::new(key.secret.dangerous_bytes()),
        )],
        origin: Origin {
            pid: Some(key.pid),
            uid: Some(key.uid),
            executable,
            command: ShortText::new(&key.command),
            role: hello.map(|hello| hello.role),
            server_name: name.map(ShortText::new),
            local: hello.and_then(|hello| hello.local),
            peer: hello.and_then(|hello| hello.peer),
            ..Origin::unknown(time)
        },
    }
}

/// A session is told when its handshake is over, which the first of its secrets comes before.
const PATIENCE: Duration = Duration::from_secs(2);

/// More of them are judged by what is known.
const MAX_WAITING: usize = 16 << 10;

/// Processes whose executable is remembered.
const MAX_EXECUTABLES: usize = 4096;
