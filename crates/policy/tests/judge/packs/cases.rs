//! Sessions for which each rule fails, passes, and is unknown.

use serde_json::Value;

use crate::captures::lines;
use crate::sessions::Judged;

/// One session.
pub(super) struct Case {
    pub(super) capture: &'static str,
    index: usize,
    /// When it is judged, if not at its own time.
    now: Option<&'static str>,
    /// What is changed in its line, because no capture shows it; the text says why.
    change: Option<(&'static str, Change)>,
}

type Change = fn(&mut Value);

impl Case {
    /// What the rule is asked about.
    pub(super) fn judged(&self) -> Judged {
        let mut line = lines(self.capture).remove(self.index);
        if let Some((why, change)) = self.change {
            assert!(!why.is_empty());
            change(&mut line);
        }
        let judged = Judged::line(&line);
        match self.now {
            Some(now) => judged.at(now),
            None => judged,
        }
    }
}

const fn first(capture: &'static str) -> Case {
    Case { capture, index: 0, now: None, change: None }
}

const fn second(capture: &'static str) -> Case {
    Case { index: 1, ..first(capture) }
}

const fn at(capture: &'static str, now: &'static str) -> Case {
    Case { now: Some(now), ..first(capture) }
}

const fn changed(capture: &'static str, why: &'static str, change: Change) -> Case {
    Case { change: Some((why, change)), ..first(capture) }
}

fn public_server(line: &mut Value) {
    line["server"]["ip"] = "93.184.215.14".into();
}

fn set(line: &mut Value, pointer: &str, value: impl Into<Value>) {
    *line.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}")) = value.into();
}

const ADDRESSES: &str = "the captures have addresses for documentation only";
const ONE_CA: &str = "the captures have certificates of one CA, with sound keys";
const NO_DRAFT: &str = "no program of Debian speaks drafts of Kyber";

/// A session with nothing negotiated.
const NOTHING: Case = first("alert-handshake-failure");

/// A session whose certificate is encrypted.
const HIDDEN: Case = first("tls13");

/// A certificate that ends in a hundred years, with the same certificate a few days before.
const VALID: Case = first("tls12-ecdsa");

/// Rule, and the sessions for which it fails, passes and is unknown.
pub(super) const CASES: &[(&str, Case, Case, Case)] = &[
    ("core.ssl", first("ssl30"), first("tls13"), NOTHING),
    ("core.tls-legacy", first("tls10"), first("tls12-ecdsa"), NOTHING),
    ("core.null-anonymous-export", first("tls12-null"), first("tls13"), NOTHING),
    ("core.rc4-3des", first("tls12-rc4"), first("tls13"), NOTHING),
    ("core.no-forward-secrecy", first("tls12-static-rsa"), VALID, second("tls12-ticket")),
    ("core.cbc", first("tls12-rsa"), VALID, NOTHING),
    ("core.weak-group", first("tls10-dhe-1024"), VALID, NOTHING),
    (
        "core.certificate-weak-signature",
        changed("tls12-rsa", ONE_CA, |line| {
            set(line, "/tls/server/x509/signature_algorithm", "SHA1-RSA");
        }),
        VALID,
        HIDDEN,
    ),
    (
        "core.certificate-small-key",
        changed("tls12-rsa", ONE_CA, |line| set(line, "/tls/server/x509/public_key_size", 1024)),
        first("tls12-rsa"),
        HIDDEN,
    ),
    ("core.certificate-expired", first("tls12-expired"), VALID, HIDDEN),
    ("core.certificate-expires-7", at("tls12-ecdsa", "2125-12-28T00:00:00Z"), VALID, HIDDEN),
    ("core.certificate-expires-30", at("tls12-ecdsa", "2125-12-10T00:00:00Z"), VALID, HIDDEN),
    (
        "core.self-signed-egress",
        changed("tls12-self-signed", ADDRESSES, public_server),
        first("tls12-self-signed"),
        changed("tls13", ADDRESSES, public_server),
    ),
    ("core.name-mismatch", first("tls12-self-signed"), VALID, HIDDEN),
    ("core.handshake-failure", NOTHING, first("tls13"), first("no-answer")),
    ("stackrox-19001.tls-below-1.3", VALID, first("tls13"), NOTHING),
    (
        "stackrox-19001.no-forward-secrecy",
        first("tls12-static-rsa"),
        first("tls13"),
        second("tls12-ticket"),
    ),
    ("stackrox-19001.no-post-quantum", first("tls13"), first("pq-hybrid"), NOTHING),
    ("stackrox-19001.certificate-expiry", first("tls12-expired"), VALID, HIDDEN),
    ("pqc.classical-key-exchange", first("tls13"), first("pq-hybrid"), NOTHING),
    (
        "pqc.classical-egress",
        changed("tls13", ADDRESSES, public_server),
        first("tls13"),
        changed("alert-handshake-failure", ADDRESSES, public_server),
    ),
    ("pqc.rsa-key-exchange", first("tls12-static-rsa"), first("tls13"), NOTHING),
    (
        "pqc.draft-kyber",
        changed("pq-hybrid", NO_DRAFT, |line| {
            set(line, "/tlsight/key_exchange/group", "X25519Kyber768Draft00");
        }),
        first("pq-hybrid"),
        NOTHING,
    ),
    ("pqc.server-not-capable", first("pq-not-accepted"), first("tls13"), first("server-only")),
    ("pqc.client-not-capable", first("tls13"), first("pq-hybrid"), first("server-only")),
    ("pqc.retry-cost", first("pq-hello-retry"), first("pq-hybrid"), NOTHING),
    ("pqc.needs-tls-1.3", VALID, first("tls13"), NOTHING),
    (
        "pqc.classical-certificate",
        at("tls12-ecdsa", "2031-01-01T00:00:00Z"),
        changed("tls12-ecdsa", "no CA issues such certificates for TLS 1.2", |line| {
            set(line, "/tls/server/x509/public_key_algorithm", "ML-DSA-65");
        }),
        at("tls13", "2031-01-01T00:00:00Z"),
    ),
];
