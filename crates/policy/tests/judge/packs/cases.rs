//! Sessions for which each rule fails, passes, and is unknown.

use policy::Baseline;
use serde_json::Value;

use crate::captures::{lines, observations};
use crate::sessions::Judged;

/// One session.
pub(super) struct Case {
    pub(super) capture: &'static str,
    index: usize,
    /// When it is judged, if not at its own time.
    now: Option<&'static str>,
    /// What is changed in its line, because no capture shows it; the text says why.
    change: Option<(&'static str, Change)>,
    /// Capture whose sessions the edge is locked to.
    baseline: Option<&'static str>,
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
        let mut judged = Judged::line(&line);
        judged.baseline = self.baseline.map(|name| {
            let postures: Vec<_> = observations(name).into_iter().map(|it| it.posture).collect();
            Baseline::lock(&postures, judged.now)
        });
        match self.now {
            Some(now) => judged.at(now),
            None => judged,
        }
    }
}

const fn first(capture: &'static str) -> Case {
    Case { capture, index: 0, now: None, change: None, baseline: None }
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

const fn locked(capture: &'static str, baseline: &'static str) -> Case {
    Case { baseline: Some(baseline), ..first(capture) }
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

/// An edge that is as it was when it was locked.
const SAME: Case = locked("tls13", "tls13");

const SHA_1: Case = changed("tls12-rsa", ONE_CA, |line| {
    set(line, "/tls/server/x509/signature_algorithm", "SHA1-RSA");
});

const SMALL_KEY: Case =
    changed("tls12-rsa", ONE_CA, |line| set(line, "/tls/server/x509/public_key_size", 1024));

const SHORT_LIVED: Case = changed("tls12-ecdsa", ONE_CA, |line| {
    set(line, "/tls/server/not_before", "2026-11-01T00:00:00.000000Z");
    set(line, "/tls/server/not_after", "2027-01-01T00:00:00.000000Z");
});

const ML_DSA_87: Case =
    changed("tls12-ecdsa", "no CA issues such certificates for TLS 1.2", |line| {
        set(line, "/tls/server/x509/public_key_algorithm", "ML-DSA-87");
    });

/// Rule, and the sessions for which it fails, passes and is unknown.
pub(super) const CASES: &[(&str, Case, Case, Case)] = &[
    ("core.ssl", first("ssl30"), first("tls13"), NOTHING),
    ("core.tls-legacy", first("tls10"), first("tls12-ecdsa"), NOTHING),
    ("core.null-anonymous-export", first("tls12-null"), first("tls13"), NOTHING),
    ("core.rc4-3des", first("tls12-rc4"), first("tls13"), NOTHING),
    ("core.no-forward-secrecy", first("tls12-static-rsa"), VALID, second("tls12-ticket")),
    ("core.cbc", first("tls12-rsa"), VALID, NOTHING),
    ("core.weak-group", first("tls10-dhe-1024"), VALID, NOTHING),
    ("core.certificate-weak-signature", SHA_1, VALID, HIDDEN),
    ("core.certificate-small-key", SMALL_KEY, first("tls12-rsa"), HIDDEN),
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
    ("cnsa2.version", VALID, first("tls13"), NOTHING),
    ("cnsa2.cipher-suite", first("tls13-external-psk"), first("tls13"), NOTHING),
    (
        "cnsa2.group",
        first("tls13"),
        changed("pq-mlkem-only", "the captures have ML-KEM-768", |line| {
            set(line, "/tlsight/key_exchange/group", "MLKEM1024");
        }),
        NOTHING,
    ),
    ("cnsa2.early-data", second("tls13-early-data"), first("tls13"), first("server-only")),
    ("cnsa2.certificate", VALID, ML_DSA_87, HIDDEN),
    ("nist-52r2.version", first("tls10"), first("tls13"), NOTHING),
    ("nist-52r2.cipher", first("tls13-external-psk"), first("tls13"), NOTHING),
    ("nist-52r2.group", first("tls13"), first("tls13-hello-retry"), NOTHING),
    ("nist-52r2.key-size", SMALL_KEY, first("tls12-rsa"), HIDDEN),
    ("nist-52r2.signature", SHA_1, VALID, HIDDEN),
    ("nist-ir8547.key-112-bits", first("tls12-rsa"), VALID, HIDDEN),
    ("nist-ir8547.classical-key-exchange", first("tls13"), first("pq-hybrid"), NOTHING),
    ("nist-ir8547.classical-signature", VALID, ML_DSA_87, HIDDEN),
    ("pci.protocol", first("tls10"), first("tls13"), NOTHING),
    ("pci.cipher", first("tls12-rc4"), first("tls13"), NOTHING),
    ("pci.certificate", first("tls12-expired"), VALID, HIDDEN),
    ("pci.inventory-change", locked("tls12-ecdsa", "tls13"), SAME, first("tls13")),
    ("bsi.version", first("tls10"), first("tls13"), NOTHING),
    ("bsi.tls-1.2", VALID, first("tls13"), NOTHING),
    ("bsi.forward-secrecy", first("tls12-static-rsa"), first("tls13"), second("tls12-ticket")),
    ("bsi.dhe", first("tls12-dhe"), first("tls13"), NOTHING),
    ("bsi.aead", first("tls12-rsa"), first("tls13"), NOTHING),
    ("bsi.rsa-size", first("tls12-rsa"), VALID, HIDDEN),
    ("bsi.pkcs1-v1.5", first("tls10"), VALID, HIDDEN),
    ("bsi.classical-key-exchange", first("tls13"), first("pq-hybrid"), NOTHING),
    ("bsi.hybrid-only", first("pq-mlkem-only"), first("pq-hybrid"), NOTHING),
    ("mozilla-modern.version", VALID, first("tls13"), NOTHING),
    ("mozilla-modern.cipher-suite", VALID, first("tls13"), NOTHING),
    ("mozilla-modern.group", first("tls13-ffdhe"), first("tls13"), NOTHING),
    ("mozilla-modern.certificate-key", first("tls12-rsa"), VALID, HIDDEN),
    ("mozilla-modern.lifetime", VALID, SHORT_LIVED, HIDDEN),
    ("mozilla-intermediate.version", first("tls11"), first("tls13"), NOTHING),
    ("mozilla-intermediate.cipher-suite", first("tls12-rsa"), VALID, NOTHING),
    ("mozilla-intermediate.group", first("tls13-ffdhe"), first("tls13"), NOTHING),
    ("mozilla-intermediate.key-size", SMALL_KEY, first("tls12-rsa"), HIDDEN),
    ("mozilla-intermediate.signature", SHA_1, VALID, HIDDEN),
    ("mozilla-intermediate.lifetime", VALID, SHORT_LIVED, HIDDEN),
    ("drift.new-posture", locked("tls13", "pq-hybrid"), SAME, first("tls13")),
    ("drift.lower-version", locked("tls12-ecdsa", "tls13"), SAME, first("tls13")),
    ("drift.weaker-key-exchange", locked("tls13", "pq-hybrid"), SAME, first("tls13")),
    ("drift.no-forward-secrecy", locked("tls12-static-rsa", "tls12-ecdsa"), SAME, first("tls13")),
    (
        "drift.new-certificate",
        locked("tls12-rsa", "tls12-ecdsa"),
        locked("tls12-ecdsa", "tls12-ecdsa"),
        VALID,
    ),
];
