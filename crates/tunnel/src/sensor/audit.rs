//! Who came, who went, and who was refused.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::AgentName;
use crate::format::{Malformed, Refusal};

/// What is told of agents, in the order in which it happens.
pub type Audit = dyn Fn(&Incident) + Send + Sync;

/// Something that happened at a sensor. As a text it is one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// Address of the other side.
    pub peer: SocketAddr,
    /// Who it is, if its certificate was accepted.
    pub agent: Option<AgentName>,
    /// What happened.
    pub what: Happening,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// An agent connected.
    Joined,
    /// The connection of an agent ended.
    Left,
    /// An agent ended its session.
    Ended,
    /// The connection was refused, or cut.
    Refused(RefusedHow),
    /// That many refusals were not told one by one.
    Unmentioned(u64),
}

/// Why a connection was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefusedHow {
    /// There are as many agents or handshakes as there may be.
    Busy,
    /// The other side showed no certificate.
    NoCertificate,
    /// The other side's certificate is of another authority, is expired, or is not for this use.
    BadCertificate(String),
    /// There is no agent's name in the certificate.
    NoName,
    /// TLS did not come about.
    Handshake(String),
    /// It was silent for too long.
    Silent,
    /// What it sent is not of the format.
    Format(Malformed),
    /// What it sent does not follow what it sent before.
    Protocol(Refusal),
}

impl RefusedHow {
    /// Name in metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::NoCertificate => "no_certificate",
            Self::BadCertificate(_) => "bad_certificate",
            Self::NoName => "no_name",
            Self::Handshake(_) => "handshake",
            Self::Silent => "silent",
            Self::Format(Malformed::Version(_)) => Refusal::Version.name(),
            Self::Format(_) => Refusal::Malformed.name(),
            Self::Protocol(refusal) => refusal.name(),
        }
    }
}

impl fmt::Display for RefusedHow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => f.write_str("too many connections"),
            Self::NoCertificate => f.write_str("no certificate"),
            Self::BadCertificate(why) => write!(f, "bad certificate: {why}"),
            Self::NoName => f.write_str("no name in the certificate"),
            Self::Handshake(why) => write!(f, "no TLS: {why}"),
            Self::Silent => f.write_str("silent for too long"),
            Self::Format(malformed) => write!(f, "malformed: {malformed}"),
            Self::Protocol(refusal) => f.write_str(refusal.name()),
        }
    }
}

impl fmt::Display for Incident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.agent {
            Some(agent) => write!(f, "agent {agent} at {}", self.peer)?,
            None => write!(f, "{}", self.peer)?,
        }
        match &self.what {
            Happening::Joined => f.write_str(" joined"),
            Happening::Left => f.write_str(" left"),
            Happening::Ended => f.write_str(" ended its session"),
            Happening::Refused(how) => write!(f, " was refused: {how}"),
            Happening::Unmentioned(count) => {
                write!(f, " was the last of {count} more that were refused")
            }
        }
    }
}

/// Tells incidents, of refusals only some a second: who is refused may try as often as it likes.
pub(super) struct Teller {
    audit: Box<Audit>,
    second: Mutex<Second>,
}

struct Second {
    since: Instant,
    told: u32,
    unmentioned: u64,
}

impl Teller {
    pub(super) fn new(audit: Box<Audit>) -> Self {
        let second = Second { since: Instant::now(), told: 0, unmentioned: 0 };
        Self { audit, second: Mutex::new(second) }
    }

    pub(super) fn tell(&self, incident: &Incident) {
        if matches!(incident.what, Happening::Refused(_)) {
            let mut second = self.second.lock().unwrap_or_else(PoisonError::into_inner);
            if second.since.elapsed() >= Duration::from_secs(1) {
                let unmentioned = std::mem::take(&mut second.unmentioned);
                (second.since, second.told) = (Instant::now(), 0);
                if unmentioned > 0 {
                    let what = Happening::Unmentioned(unmentioned);
                    (self.audit)(&Incident { what, ..incident.clone() });
                }
            }
            if second.told >= MAX_REFUSALS_A_SECOND {
                second.unmentioned = second.unmentioned.saturating_add(1);
                return;
            }
            second.told = second.told.saturating_add(1);
        }
        (self.audit)(incident);
    }
}

const MAX_REFUSALS_A_SECOND: u32 = 32;
