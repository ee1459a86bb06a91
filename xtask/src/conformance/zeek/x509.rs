//! `x509.log`: one line a certificate, without its connection.

use super::log::Line;
use super::{Baseline, X509};
use crate::conformance::compare::{Place, Tally};
use crate::conformance::normal;
use crate::conformance::oracle::{Sessions, sessions_of};
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
    let all = sessions_of(sessions, capture);
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

#[cfg(test)]
mod tests {
    use super::super::log;
    use super::*;
    use crate::conformance::oracle::Output;
    use crate::conformance::session::Session;

    #[test]
    fn a_line_agrees_with_the_certificate_that_has_its_fingerprint() {
        let rows = compared(SHA256);
        assert!(rows.len() > 10, "{rows:?}");
        assert!(rows.iter().all(|(_, ok)| *ok), "{rows:?}");
    }

    #[test]
    fn a_certificate_that_was_not_seen_is_one_difference() {
        assert_eq!(compared("00"), [("certificate".to_owned(), false)]);
    }

    #[test]
    fn openssl_names_of_algorithms_are_translated() {
        for (theirs, ours) in [
            ("sha256WithRSAEncryption", "SHA256-RSA"),
            ("sha1WithRSA", "SHA1-RSA"),
            ("ecdsa-with-SHA384", "ECDSA-SHA384"),
            ("ML-DSA-44", "ML-DSA-44"),
        ] {
            assert_eq!(signature_name(theirs), ours);
        }
    }

    fn compared(fingerprint: &str) -> Vec<(String, bool)> {
        let session = Session::parse(SESSION).unwrap().unwrap();
        let sessions =
            Sessions::from([("c".to_owned(), Output { sessions: vec![session], complete: true })]);
        let baseline = Baseline {
            name: "b".to_owned(),
            oracle: X509,
            captures: vec!["c".to_owned()],
            lines: log::read(&LOG.replace("FINGERPRINT", fingerprint)),
        };
        let mut tally = Tally::default();
        compare(&baseline, &sessions, &mut tally);
        tally.rows.iter().map(|row| (row.field.clone(), row.agrees())).collect()
    }

    /// SHA-256 of `abc`.
    const SHA256: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    const SESSION: &str = r#"{"tls":{"server":{"certificate_chain":[
        "-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----\n"],"x509":{
        "version_number":3,"serial_number":"4096","subject":{"distinguished_name":"CN=b,C=a"},
        "issuer":{"distinguished_name":"CN=c"},"not_before":"1970-01-01T00:00:01.000Z",
        "not_after":"1970-01-02T00:00:00.000Z","public_key_algorithm":"RSA","public_key_size":512,
        "public_key_exponent":3,"signature_algorithm":"SHA1-RSA","is_ca":true,
        "alternative_names":["10.0.0.1","x.example"]}}}}"#;

    const LOG: &str = "#fields\tfingerprint\tcertificate.version\tcertificate.serial\t\
        certificate.subject\tcertificate.issuer\tcertificate.not_valid_before\t\
        certificate.not_valid_after\tcertificate.key_type\tcertificate.key_length\t\
        certificate.exponent\tcertificate.sig_alg\tsan.dns\tsan.ip\tbasic_constraints.ca\thost_cert\t\
        client_cert\nFINGERPRINT\t3\t1000\tC=a,CN=b\tCN=c\t1.000000\t86400.000000\trsa\t512\t3\t\
        sha1WithRSAEncryption\tx.example\t10.0.0.1\tT\tT\tF\n";
}
