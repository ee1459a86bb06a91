//! Who hands secrets over.

use std::fs;
use std::os::fd::AsFd;

use event::Timestamp;
use handover::{Fact, Message};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use secrets::{Label, Origin, Role, SessionSecrets, SessionStage, ShortText};

/// A process at the other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its number, if it has one here.
    pub pid: Option<u32>,
    /// Its effective user, when it connected.
    pub uid: u32,
    /// Path of its executable, as it sees it.
    pub executable: ShortText,
    /// Its name.
    pub command: ShortText,
}

impl Peer {
    /// Whoever the kernel says it is.
    pub(crate) fn of(socket: impl AsFd) -> Option<Self> {
        let credentials = getsockopt(&socket.as_fd(), PeerCredentials).ok()?;
        let pid = u32::try_from(credentials.pid()).ok().filter(|pid| *pid > 0);
        let read = |name: &str| format!("/proc/{}/{name}", pid.unwrap_or(0));
        let executable = fs::read_link(read("exe")).unwrap_or_default();
        let command = fs::read_to_string(read("comm")).unwrap_or_default();
        Some(Self {
            pid,
            uid: credentials.uid(),
            executable: ShortText::new(&executable.to_string_lossy()),
            command: ShortText::new(command.trim_end()),
        })
    }

    /// What it says of a session.
    pub(crate) fn says(&self, message: &Message, time: Timestamp) -> SessionSecrets {
        let session = &message.session;
        let secrets = message.secrets.iter();
        let (executable, command) = self.names(session.executable.as_deref());
        SessionSecrets {
            stage: match message.stage {
                handover::Stage::Hello => SessionStage::Hello,
                handover::Stage::Application => SessionStage::Application,
            },
            version: session.version,
            cipher_suite: session.cipher_suite,
            client_random: session.client_random,
            server_random: session.server_random,
            secrets: secrets
                .map(|it| (label(it.label()), secrets::Secret::new(it.dangerous_bytes())))
                .collect(),
            origin: Origin {
                pid: self.pid,
                uid: Some(self.uid),
                executable,
                command,
                role: session.role.map(|role| match role {
                    handover::Role::Client => Role::Client,
                    handover::Role::Server => Role::Server,
                }),
                server_name: match &session.server_name {
                    Fact::Known(name) => Some(ShortText::new(name)),
                    Fact::Absent | Fact::Unknown => None,
                },
                local: session.local,
                peer: session.peer,
                time,
            },
        }
    }
}

impl Peer {
    /// Its executable and its name. Of one that had ended before the kernel was asked, what it said.
    fn names(&self, said: Option<&str>) -> (ShortText, ShortText) {
        match said {
            Some(path) if self.executable == ShortText::default() => {
                let name = path.rsplit('/').next().unwrap_or_default();
                (ShortText::new(path), ShortText::new(name))
            }
            _ => (self.executable.clone(), self.command.clone()),
        }
    }
}

/// What a secret that was handed over is called among those that open records.
#[must_use]
pub const fn label(label: handover::Label) -> Label {
    match label {
        handover::Label::Master => Label::ClientRandom,
        handover::Label::ClientEarly => Label::ClientEarlyTraffic,
        handover::Label::ClientHandshake => Label::ClientHandshakeTraffic,
        handover::Label::ServerHandshake => Label::ServerHandshakeTraffic,
        handover::Label::ClientApplication => Label::ClientTraffic(0),
        handover::Label::ServerApplication => Label::ServerTraffic(0),
    }
}
