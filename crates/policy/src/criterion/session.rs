//! What single sessions show.

use super::fact::{Fact, Facts};
use crate::baseline::Drift;
use crate::observation::Outcome;
use crate::subject::Subject;

pub(super) fn server_name<'a>(subject: &Subject<'a>) -> Facts<'a> {
    // A fingerprint of the client is there if its hello was seen.
    let is_hello_seen = subject.session.is_some_and(|it| it.fingerprints.ja3.is_some());
    let missing = if is_hello_seen {
        Fact::Absent("the client asked for no name")
    } else {
        Fact::Unknown("whether the client asked for a name is not known")
    };
    Fact::text_or(subject.server_name, missing).into()
}

pub(super) fn outcome<'a>(subject: &Subject<'a>) -> Facts<'a> {
    let outcome = match subject.session {
        Some(session) => session.outcome,
        None if subject.posture.established => Outcome::Success,
        None => Outcome::Unknown,
    };
    match outcome {
        Outcome::Success | Outcome::Failure => Fact::text(outcome.name()),
        Outcome::Unknown => Fact::Unknown("how the handshake ended was not seen"),
    }
    .into()
}

pub(super) const OUTCOMES: &[&str] = &["success", "failure"];

pub(super) fn alert<'a>(subject: &Subject<'a>) -> Facts<'a> {
    let missing = match whole_session(subject) {
        Some(_) => Fact::Absent("no alert was sent in clear"),
        None => Fact::Unknown(NO_SESSION),
    };
    Fact::text_or(subject.session.and_then(|session| session.alert.as_deref()), missing).into()
}

pub(super) fn ja3<'a>(subject: &Subject<'a>) -> Facts<'a> {
    let found = subject.session.and_then(|session| session.fingerprints.ja3.as_deref());
    Fact::text_or(found, Fact::Unknown(NO_HELLO)).into()
}

pub(super) fn ja4<'a>(subject: &Subject<'a>) -> Facts<'a> {
    let found = subject.session.and_then(|session| session.fingerprints.ja4.as_deref());
    Fact::text_or(found, Fact::Unknown(NO_HELLO)).into()
}

pub(super) fn ja3s<'a>(subject: &Subject<'a>) -> Facts<'a> {
    let found = subject.session.and_then(|session| session.fingerprints.ja3s.as_deref());
    Fact::text_or(found, Fact::Unknown("the server's hello was not seen")).into()
}

pub(super) fn anomaly<'a>(subject: &Subject<'a>) -> Facts<'a> {
    marks(subject, |session| &session.anomalies)
}

pub(super) fn partial<'a>(subject: &Subject<'a>) -> Facts<'a> {
    marks(subject, |session| &session.partial)
}

/// How the posture departs from the edge's baseline; several ways at once, or none.
pub(super) fn drift<'a>(subject: &Subject<'a>) -> Facts<'a> {
    let Some(baseline) = subject.baseline else {
        return Fact::Unknown("this edge is locked to no baseline").into();
    };
    let found = Drift::ALL.iter().filter_map(|(drift, name, _)| {
        match baseline.departs(subject.posture, *drift) {
            Some(true) => Some(Fact::text(*name)),
            Some(false) => None,
            None => Some(Fact::Open(name, "not enough was seen to compare with the baseline")),
        }
    });
    Facts::Several(found.collect())
}

pub(super) const DRIFTS: &[&str] = &[
    "new_posture",
    "lower_version",
    "weaker_key_exchange",
    "no_forward_secrecy",
    "new_certificate",
];

fn marks<'a>(
    subject: &Subject<'a>,
    list: fn(&crate::observation::Observation) -> &Vec<String>,
) -> Facts<'a> {
    match subject.session.filter(|session| session.is_session) {
        Some(session) => {
            Facts::Several(list(session).iter().map(|name| Fact::text(name.as_str())).collect())
        }
        None => Fact::Unknown(NO_SESSION).into(),
    }
}

fn whole_session<'a>(subject: &Subject<'a>) -> Option<&'a crate::observation::Observation> {
    subject.session.filter(|session| session.is_session)
}

const NO_SESSION: &str = "records of edges do not tell it";

const NO_HELLO: &str = "the client's hello was not seen";
