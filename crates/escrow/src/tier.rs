//! How much of a session somebody may know, and what belongs to each.

use std::fmt;
use std::str::FromStr;

use secrets::{Label, LegacySession, Origin, Secret, SessionSecrets, SessionStage, Suite};
use tls::ProtocolVersion;
use tls::registry::CipherSuite;

/// How much of a session somebody may know. Each tier has all that those below it have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tier {
    /// T0: whose sessions there are; no secret.
    Metadata,
    /// T1: the handshake, with certificates and ALPN, and not one byte of application data.
    Handshake,
    /// T2c: what the client sends.
    Client,
    /// T2s: what the server sends.
    Server,
    /// T3: what both send.
    Both,
    /// T4: the secret that all others follow from, by which sessions can be resumed and forged.
    Master,
}

/// What is sealed by itself: no key opens two of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// Whose session it is.
    Metadata,
    /// What protects the handshake of TLS 1.3.
    Handshake,
    /// What protects the client's application data.
    Client,
    /// What protects the server's application data.
    Server,
    /// The master secret.
    Master,
}

/// A session's secrets, by part.
pub struct Divided {
    /// What the session is.
    pub facts: Facts,
    /// Whose it is.
    pub origin: Origin,
    /// The parts that have secrets.
    pub parts: Vec<(Part, Vec<(Label, Secret)>)>,
}

/// What a session is, apart from whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// When its secrets were told.
    pub stage: SessionStage,
    /// Its version.
    pub version: u16,
    /// Its cipher suite.
    pub cipher_suite: u16,
    /// Random of the client's hello.
    pub client_random: [u8; 32],
    /// Random of the server's hello, if it is known.
    pub server_random: Option<[u8; 32]>,
}

/// Why secrets cannot be divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Indivisible {
    /// Keys of one side need the server's random, and a suite and a version that are known.
    #[error("no keys of one side follow from this master secret")]
    NoKeys,
    /// A premaster secret is never taken: it may open sessions that are not this one.
    #[error("premaster secrets are not taken")]
    Premaster,
    /// A secret has not the length of its kind, or there are more than a session has.
    #[error("secret of a wrong length, or too many secrets")]
    Length,
}

/// Divides what an end of a session told. The master secret itself is kept only `with_master`.
///
/// # Errors
/// See [`Indivisible`].
pub fn divide(told: SessionSecrets, with_master: bool) -> Result<Divided, Indivisible> {
    let facts = Facts {
        stage: told.stage,
        version: told.version,
        cipher_suite: told.cipher_suite,
        client_random: told.client_random,
        server_random: told.server_random,
    };
    if told.secrets.len() > MAX_SECRETS {
        return Err(Indivisible::Length);
    }
    let mut parts: Vec<(Part, Vec<(Label, Secret)>)> = Vec::new();
    for (label, secret) in told.secrets {
        if !label.allows(secret.len()) {
            return Err(Indivisible::Length);
        }
        let part = Part::of(label).ok_or(Indivisible::Premaster)?;
        if part != Part::Master {
            add(&mut parts, part, label, secret);
            continue;
        }
        match write_keys(&facts, &secret) {
            Some([client, server]) => {
                add(&mut parts, Part::Client, Label::ClientWrite, client);
                add(&mut parts, Part::Server, Label::ServerWrite, server);
            }
            None if with_master => {}
            None => return Err(Indivisible::NoKeys),
        }
        if with_master {
            add(&mut parts, Part::Master, label, secret);
        }
    }
    Ok(Divided { facts, origin: told.origin, parts })
}

fn add(parts: &mut Vec<(Part, Vec<(Label, Secret)>)>, part: Part, label: Label, secret: Secret) {
    match parts.iter_mut().find(|(other, _)| *other == part) {
        Some((_, secrets)) => secrets.push((label, secret)),
        None => parts.push((part, vec![(label, secret)])),
    }
}

fn write_keys(facts: &Facts, master: &Secret) -> Option<[Secret; 2]> {
    let session = LegacySession {
        version: ProtocolVersion(facts.version),
        suite: Suite::of(CipherSuite(facts.cipher_suite))?,
        client_random: facts.client_random,
        server_random: facts.server_random?,
        // It does not change what follows from the master secret.
        encrypt_then_mac: false,
    };
    (!session.version.is_tls13_or_later()).then(|| session.write_keys(master)).flatten()
}

impl Tier {
    /// All tiers, least first.
    pub const ALL: [Self; 6] =
        [Self::Metadata, Self::Handshake, Self::Client, Self::Server, Self::Both, Self::Master];

    /// Its name in settings: `t0`, `t1`, `t2c`, `t2s`, `t3` or `t4`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Metadata => "t0",
            Self::Handshake => "t1",
            Self::Client => "t2c",
            Self::Server => "t2s",
            Self::Both => "t3",
            Self::Master => "t4",
        }
    }

    /// The parts that it may open.
    #[must_use]
    pub const fn parts(self) -> &'static [Part] {
        use Part::{Client, Handshake, Master, Metadata, Server};
        match self {
            Self::Metadata => &[Metadata],
            Self::Handshake => &[Metadata, Handshake],
            Self::Client => &[Metadata, Handshake, Client],
            Self::Server => &[Metadata, Handshake, Server],
            Self::Both => &[Metadata, Handshake, Client, Server],
            Self::Master => &[Metadata, Handshake, Client, Server, Master],
        }
    }

    /// Whether it has all that `other` has.
    #[must_use]
    pub fn includes(self, other: Self) -> bool {
        other.parts().iter().all(|part| self.parts().contains(part))
    }

    /// Persons who have to approve a release, beside the one who asks.
    #[must_use]
    pub const fn approvers(self) -> usize {
        match self {
            Self::Metadata | Self::Handshake | Self::Client | Self::Server => 0,
            Self::Both | Self::Master => 2,
        }
    }
}

impl Part {
    /// All parts.
    pub const ALL: [Self; 5] =
        [Self::Metadata, Self::Handshake, Self::Client, Self::Server, Self::Master];

    /// The part that a secret belongs to; none of a premaster secret.
    #[must_use]
    pub const fn of(label: Label) -> Option<Self> {
        match label {
            Label::PremasterSecret => None,
            Label::ClientRandom => Some(Self::Master),
            Label::ClientHandshakeTraffic | Label::ServerHandshakeTraffic => Some(Self::Handshake),
            Label::ClientEarlyTraffic | Label::ClientTraffic(_) | Label::ClientWrite => {
                Some(Self::Client)
            }
            Label::ServerTraffic(_) | Label::ServerWrite => Some(Self::Server),
        }
    }

    /// Its number in formats.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Metadata => 0,
            Self::Handshake => 1,
            Self::Client => 2,
            Self::Server => 3,
            Self::Master => 4,
        }
    }

    /// The part with this number.
    #[must_use]
    pub fn numbered(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Its name in statements.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Metadata => "metadata",
            Self::Handshake => "handshake",
            Self::Client => "client",
            Self::Server => "server",
            Self::Master => "master",
        }
    }

    /// The part with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.name() == name)
    }
}

impl FromStr for Tier {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|tier| tier.name() == text).ok_or(
            "no tier: t0 (whose), t1 (handshake), t2c or t2s (one side), t3 (both) or t4 (master)",
        )
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Secrets that one end tells at one stage: two of each of three kinds, and as much again for key
/// updates.
pub(crate) const MAX_SECRETS: usize = 16;
