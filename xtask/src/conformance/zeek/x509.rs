//! `x509.log`: one line a certificate, without its connection.

use super::log::Line;
use super::{Baseline, X509};
use crate::conformance::compare::{Place, Tally};
use crate::conformance::normal;
use crate::conformance::oracle::Sessions;
use crate::conformance::session::Certificate;

/// Compares every line of one log.
pub(super) fn compare(baseline: &Baseline, sessions: &Sessions, tally: &mut Tally) {
    for line in &baseline.lines {
        let fingerprint = line.text("fingerprint").unwrap_or_default();
        let found = baseline
            .captures
            .iter()
            .find_map(|capture| Some((capture.as_str(), find(capture, &fingerprint, sessions)?)));
        let first = baseline.captures.first().map(String::as_str);
        let Some(capture) = found.as_ref().map(|(capture, _)| *capture).or(first) else {
            continue;
        };
        let mut place =
            Place { tally: &mut *tally, oracle: X509, capture, session: fingerprint.clone() };
        let seen = if found.is_some() { "seen" } else { "not seen" };
        place.expect("certificate", "seen", Some(seen.to_owned()));
        if let Some((_, found)) = found {
            fields(&mut place, line, &found);
        }
        for column in ["certificate.tbs_sig_alg", "basic_constraints.path_len", "cert"] {
            if line.text(column).is_some() {
                let place = format!("{} {column}", baseline.name);
                tally.cannot(X509, &place, "the event has no such field");
            }
        }
    }
}

struct Found<'a> {
    certificate: Certificate<'a>,
    server_leaf: bool,
    client_leaf: bool,
}

fn find<'a>(capture: &str, fingerprint: &str, sessions: &'a Sessions) -> Option<Found<'a>> {
    let all = sessions.get(capture)?;
    let leaf = |side: &str| {
        all.iter().any(|session| {
            session.certificates(side).first().is_some_and(|first| first.sha256 == fingerprint)
        })
    };
    let sides = all.iter().flat_map(|session| ["server", "client"].map(|side| (session, side)));
    let mut certificates = sides.flat_map(|(session, side)| session.certificates(side));
    let certificate = certificates.find(|certificate| certificate.sha256 == fingerprint)?;
    Some(Found { certificate, server_leaf: leaf("server"), client_leaf: leaf("client") })
}

fn fields(place: &mut Place<'_>, line: &Line, found: &Found<'_>) {
    let ours = &found.certificate;
    let text = |column: &str| line.text(&format!("certificate.{column}"));
    place.compare("version", text("version"), ours.text("version_number"));
    let serial = text("serial").map(|serial| normal::hex_number(&serial));
    let our_serial = ours.text("serial_number").map(|serial| normal::decimal_to_hex(&serial));
    place.compare("serial", serial, our_serial);
    for name in ["subject", "issuer"] {
        let parts = |name: Option<String>| name.map_or_else(Vec::new, |n| normal::name_parts(&n));
        let ours = ours.text(&format!("{name}.distinguished_name"));
        place.set(name, parts(text(name)), parts(ours));
    }
    for (column, path) in [("not_valid_before", "not_before"), ("not_valid_after", "not_after")] {
        let theirs = text(column).map(|time| time.trim_end_matches(".000000").to_owned());
        let ours = ours.text(path).and_then(|date| normal::seconds(&date));
        place.compare(column, theirs, ours.map(|seconds| seconds.to_string()));
    }
    let key_type = ours.text("public_key_algorithm").map(|name| name.to_lowercase());
    place.compare("key_type", text("key_type").map(|name| name.to_lowercase()), key_type);
    place.compare("key_length", text("key_length"), ours.text("public_key_size"));
    place.compare("exponent", text("exponent"), ours.text("public_key_exponent"));
    let curve = text("curve").map(|curve| curve_name(&curve));
    place.compare("curve", curve, ours.text("public_key_curve").map(|c| curve_name(&c)));
    let algorithm = text("sig_alg").map(|name| signature_name(&name));
    place.compare("sig_alg", algorithm, ours.text("signature_algorithm"));
    let kinds = ["san.dns", "san.uri", "san.email", "san.ip"];
    let theirs = kinds.into_iter().flat_map(|column| line.list(column)).collect();
    place.set("san", theirs, ours.list("alternative_names"));
    let truth = |value: bool| if value { "T" } else { "F" }.to_owned();
    let ca = ours.text("is_ca").map(|value| truth(value == "true"));
    place.compare("basic_constraints.ca", line.text("basic_constraints.ca"), ca);
    place.compare("host_cert", line.text("host_cert"), Some(truth(found.server_leaf)));
    place.compare("client_cert", line.text("client_cert"), Some(truth(found.client_leaf)));
}

fn curve_name(name: &str) -> String {
    match name {
        "prime256v1" | "P-256" => "secp256r1",
        "P-384" => "secp384r1",
        "P-521" => "secp521r1",
        other => other,
    }
    .to_owned()
}

/// OpenSSL's name of a signature algorithm in Packetbeat's form.
fn signature_name(name: &str) -> String {
    let rsa = name.strip_suffix("WithRSAEncryption").or_else(|| name.strip_suffix("WithRSA"));
    if let Some(hash) = rsa {
        return format!("{}-RSA", hash.to_uppercase());
    }
    name.strip_prefix("ecdsa-with-").map_or_else(|| name.to_owned(), |hash| format!("ECDSA-{hash}"))
}
