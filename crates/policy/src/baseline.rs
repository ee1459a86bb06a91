//! What an edge was locked to, and how a posture departs from that.

use std::collections::BTreeSet;

use event::{KeyExchangeClass, Timestamp};
use serde::{Deserialize, Serialize};

use crate::posture::{Posture, version_rank};

/// The postures that an edge was locked to: whatever is new or weaker departs from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// When it was locked.
    pub locked_at: Timestamp,
    /// What was negotiated until then.
    facts: BTreeSet<BaselineFact>,
    /// Certificates that were seen until then, by their digests.
    certificates: BTreeSet<String>,
    /// Whether there were more than are kept, so that what is not listed may be old.
    #[serde(default)]
    is_cut: bool,
}

/// What is compared of a posture.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BaselineFact {
    version: Option<String>,
    cipher: Option<String>,
    group: Option<String>,
    class: Option<String>,
    forward_secret: Option<bool>,
}

/// How a posture departs from a baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Drift {
    /// Version, cipher suite and group were not negotiated together before.
    NewPosture,
    /// The version is below all of the baseline.
    LowerVersion,
    /// The class of the key exchange is below all of the baseline.
    WeakerKeyExchange,
    /// There was always forward secrecy, and is not.
    NoForwardSecrecy,
    /// The certificate was not seen before.
    NewCertificate,
}

impl Baseline {
    /// Locks an edge to the postures that it has had.
    #[must_use]
    pub fn lock<'a>(postures: impl IntoIterator<Item = &'a Posture>, locked_at: Timestamp) -> Self {
        let mut baseline = Self {
            locked_at,
            facts: BTreeSet::new(),
            certificates: BTreeSet::new(),
            is_cut: false,
        };
        for posture in postures.into_iter().filter(|posture| posture.established) {
            let fact = BaselineFact::of(posture);
            let certificate = posture.certificate.fingerprint.clone();
            baseline.is_cut |= !keep(&mut baseline.facts, fact)
                || certificate.is_some_and(|it| !keep(&mut baseline.certificates, it));
        }
        baseline
    }

    /// Whether a posture departs from the baseline in some way; `None` if that cannot be told.
    pub(crate) fn departs(&self, posture: &Posture, drift: Drift) -> Option<bool> {
        if !posture.established {
            return None;
        }
        match drift {
            Drift::NewPosture => {
                // A resumed session of TLS 1.2 shows no group: it was agreed on earlier.
                let fact = BaselineFact::of(posture);
                let is_old = self.facts.iter().any(|old| old.is_like(&fact, posture.resumed));
                self.is_new(is_old)
            }
            Drift::LowerVersion => {
                let version = posture.version_rank()?;
                let ranks = self.facts.iter().map(|fact| version_rank(fact.version.as_deref()?));
                let lowest = ranks.collect::<Option<Vec<u16>>>()?.into_iter().min()?;
                Some(version < lowest)
            }
            Drift::WeakerKeyExchange => {
                let class = class_name(posture.class?);
                let ranks = self.facts.iter().map(|fact| fact.class.as_deref().map(strength));
                let lowest = ranks.collect::<Option<Vec<u8>>>()?.into_iter().min()?;
                Some(strength(class) < lowest)
            }
            Drift::NoForwardSecrecy => {
                let was = self.facts.iter().map(|fact| fact.forward_secret);
                let was = was.collect::<Option<Vec<bool>>>()?.into_iter().all(|it| it);
                Some(was && !posture.forward_secret?)
            }
            Drift::NewCertificate => {
                let fingerprint = posture.certificate.fingerprint.as_deref()?;
                self.is_new(self.certificates.contains(fingerprint))
            }
        }
    }

    fn is_new(&self, is_old: bool) -> Option<bool> {
        match (is_old, self.is_cut) {
            (true, _) => Some(false),
            (false, false) => Some(true),
            (false, true) => None,
        }
    }
}

impl BaselineFact {
    fn of(posture: &Posture) -> Self {
        Self {
            version: posture.version.clone(),
            cipher: posture.cipher.clone(),
            group: posture.group.clone(),
            class: posture.class.map(|class| class_name(class).to_owned()),
            forward_secret: posture.forward_secret,
        }
    }

    fn is_like(&self, seen: &Self, resumed: bool) -> bool {
        self.version == seen.version
            && self.cipher == seen.cipher
            && (self.group == seen.group || resumed && seen.group.is_none())
    }
}

impl Drift {
    /// All ways, with their names and what each says.
    pub(crate) const ALL: [(Self, &'static str, &'static str); 5] = [
        (
            Self::NewPosture,
            "new_posture",
            "version, cipher suite and group are not in the baseline of this edge",
        ),
        (
            Self::LowerVersion,
            "lower_version",
            "the version is below all of the baseline of this edge",
        ),
        (
            Self::WeakerKeyExchange,
            "weaker_key_exchange",
            "the key exchange is of a weaker class than all of the baseline of this edge",
        ),
        (
            Self::NoForwardSecrecy,
            "no_forward_secrecy",
            "all of the baseline of this edge had forward secrecy",
        ),
        (
            Self::NewCertificate,
            "new_certificate",
            "the certificate is not in the baseline of this edge",
        ),
    ];
}

/// Keeps an entry, if there is room for it.
fn keep<T: Ord>(set: &mut BTreeSet<T>, entry: T) -> bool {
    if set.len() >= MAX_FACTS {
        return set.contains(&entry);
    }
    set.insert(entry);
    true
}

/// The name that JSON uses.
pub(crate) const fn class_name(class: KeyExchangeClass) -> &'static str {
    match class {
        KeyExchangeClass::Classical => "classical",
        KeyExchangeClass::HybridPq => "hybrid_pq",
        KeyExchangeClass::Pq => "pq",
        KeyExchangeClass::None => "none",
    }
}

/// Grows with the strength of a class: whether there is an exchange, and a post-quantum one.
fn strength(class: &str) -> u8 {
    match class {
        "hybrid_pq" | "pq" => 2,
        "classical" => 1,
        _ => 0,
    }
}

/// Servers that rotate certificates daily have a few hundred a year; postures are a handful.
const MAX_FACTS: usize = 1024;
