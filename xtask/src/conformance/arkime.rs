//! Arkime's `.test` files: the sessions of a capture with their TLS fields.

use anyhow::{Context, Result};
use serde_json::Value;

use super::compare::{Place, Tally};
use super::normal;
use super::oracle::{Corpora, Sessions, sessions_of};
use super::session::{self, Certificate, End, Ends, Session, take};

/// The oracle's name.
pub(super) const NAME: &str = "Arkime";
/// Its JA4 values: an oracle of their own.
pub(super) const JA4: &str = "Arkime JA4";

/// The sessions of one capture.
struct Expected {
    capture: String,
    bodies: Vec<Value>,
}

fn read(corpora: &Corpora) -> Result<Vec<Expected>> {
    let mut all = Vec::new();
    for file in corpora.files(FOLDER, ".test")? {
        let stem = file.trim_end_matches(".test");
        let capture =
            ["pcap", "pcapng", "cap"].into_iter().map(|suffix| format!("{stem}.{suffix}"));
        let Some(capture) = capture.into_iter().find(|name| corpora.path(name).is_file()) else {
            continue;
        };
        let test: Value = serde_json::from_str(&corpora.text(&file)?)
            .with_context(|| format!("cannot parse {file}"))?;
        let sessions = test.get("sessions3").and_then(Value::as_array);
        let sessions = sessions.with_context(|| format!("no sessions3 in {file}"))?;
        let bodies = sessions.iter().filter_map(|session| session.get("body"));
        let about_tls = |body: &&Value| {
            ["tls", "cert", "quic"].into_iter().any(|name| body.get(name).is_some())
        };
        all.push(Expected { capture, bodies: bodies.filter(about_tls).cloned().collect() });
    }
    Ok(all)
}

/// Compares every session that Arkime has TLS fields of.
///
/// # Errors
/// If a file cannot be read.
pub(super) fn compare(corpora: &Corpora, sessions: &Sessions, tally: &mut Tally) -> Result<()> {
    for expected in read(corpora)? {
        let all = sessions_of(sessions, &expected.capture);
        let mut pool: Vec<&Session> = all.iter().collect();
        for body in &expected.bodies {
            let ends = ends(body);
            let google = first(body, "quic.version").filter(|version| version.starts_with('Q'));
            if body.get("tls").is_none() && body.get("cert").is_none() && google.is_some() {
                let place = format!("{} {ends}", expected.capture);
                tally.cannot(NAME, &place, "Google QUIC (Q024 to Q043), which has no TLS in it");
                continue;
            }
            let ours = take(&mut pool, &ends);
            let mut place = Place {
                tally: &mut *tally,
                oracle: NAME,
                capture: &expected.capture,
                session: ends.to_string(),
            };
            let found = if ours.is_some() { "seen" } else { "not seen" };
            place.expect("session", "seen", Some(found.to_owned()));
            if let Some(ours) = ours {
                one(&mut place, body, ours);
                place.oracle = JA4;
                place.compare("ja4", joined(body, "tls.ja4"), ours.text("tlsight.ja4"));
            }
        }
        if !expected.bodies.is_empty() {
            tally.cannot(
                NAME,
                &expected.capture,
                "*Cnt, *string, ja4_r, valid* and remaining* \
                 follow from the fields compared, or from the clock of the test",
            );
        }
    }
    Ok(())
}

fn one(place: &mut Place<'_>, body: &Value, ours: &Session) {
    let version = first(body, "tls.version").map(|version| normal::version(&version));
    if version.is_some() {
        place.compare("tls.version", version, ours.version());
    }
    for (field, path) in [
        ("tls.cipher", "tls.cipher"),
        ("tls.ja3", "tls.client.ja3"),
        ("tls.ja3s", "tls.server.ja3s"),
        ("tls.srcSessionId", "tls.detailed.client_hello.session_id"),
        ("tls.dstSessionId", "tls.detailed.server_hello.session_id"),
    ] {
        if let Some(theirs) = joined(body, field) {
            place.expect(field, &theirs, ours.text(path));
        }
    }
    if let Some(theirs) = joined(body, "quic.host") {
        place.expect("quic.host", &theirs, ours.text("tls.client.server_name"));
    }
    let chains = ["server", "client"].into_iter().flat_map(|side| ours.certificates(side));
    let chains: Vec<Certificate<'_>> = chains.collect();
    let listed = body.get("cert").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let hash = |certificate: &Value| {
        certificate.get("hash").map(session::text).unwrap_or_default().replace(':', "")
    };
    let mut sent: Vec<String> = chains.iter().map(|c| c.sha1.clone()).collect();
    sent.sort();
    // Arkime lists a certificate once, however often it was sent.
    sent.dedup();
    place.set("cert.hash", listed.iter().map(hash).collect(), sent);
    for theirs in listed {
        if let Some(ours) = chains.iter().find(|ours| ours.sha1 == hash(theirs)) {
            certificate(place, theirs, ours);
        }
    }
}

fn certificate(place: &mut Place<'_>, theirs: &Value, ours: &Certificate<'_>) {
    for side in ["subject", "issuer"] {
        let name = ours.text(&format!("{side}.distinguished_name")).unwrap_or_default();
        let parts = normal::name_parts(&name);
        for (suffix, attribute) in [("CN", "CN="), ("ON", "O="), ("OU", "OU=")] {
            let values = parts.iter().filter_map(|part| part.strip_prefix(attribute));
            // Arkime lowers the letters of common names.
            let values = values.map(|value| match suffix {
                "CN" => value.to_lowercase(),
                _ => value.to_owned(),
            });
            let field = format!("{side}{suffix}");
            place.set(&format!("cert.{field}"), listed(theirs, &field), values.collect());
        }
    }
    for (field, path) in [("notBefore", "not_before"), ("notAfter", "not_after")] {
        let expected = theirs.get(field).and_then(Value::as_i64).map(|ms| (ms / 1000).to_string());
        let ours = ours.text(path).and_then(|date| normal::seconds(&date));
        place.compare(&format!("cert.{field}"), expected, ours.map(|seconds| seconds.to_string()));
    }
    let serial = joined(theirs, "serial").map(|serial| normal::hex_number(&serial));
    let our_serial = ours.text("serial_number").map(|serial| normal::decimal_to_hex(&serial));
    place.compare("cert.serial", serial, our_serial);
    if let Some(theirs) = joined(theirs, "publicAlgorithm") {
        let ours = ours.text("public_key_algorithm").map(|name| match name.as_str() {
            "RSA" => "rsaEncryption".to_owned(),
            "ECDSA" => "id-ecPublicKey".to_owned(),
            _ => name,
        });
        place.expect("cert.publicAlgorithm", &theirs, ours);
    }
    if let Some(theirs) = joined(theirs, "curve") {
        let ours = ours.text("public_key_curve").map(|name| match name.as_str() {
            "secp256r1" | "P-256" => "prime256v1".to_owned(),
            "P-384" => "secp384r1".to_owned(),
            _ => name,
        });
        place.expect("cert.curve", &theirs, ours);
    }
    // Arkime lowers the letters of host names.
    let names = ours.list("alternative_names").iter().map(|name| name.to_lowercase()).collect();
    place.set("cert.alt", listed(theirs, "alt"), names);
}

fn ends(body: &Value) -> Ends {
    let text = |path: &str| at(body, path).map(session::text).unwrap_or_default();
    let end =
        |party: &str| End::new(&text(&format!("{party}.ip")), &text(&format!("{party}.port")));
    Ends(end("source"), end("destination"))
}

fn first(value: &Value, path: &str) -> Option<String> {
    at(value, path)?.as_array()?.first().map(session::text)
}

fn listed(value: &Value, name: &str) -> Vec<String> {
    let items = value.get(name).and_then(Value::as_array);
    items.map(|items| items.iter().map(session::text).collect()).unwrap_or_default()
}

fn joined(value: &Value, path: &str) -> Option<String> {
    let value = at(value, path)?;
    Some(match value.as_array() {
        Some(items) => items.iter().map(session::text).collect::<Vec<_>>().join(", "),
        None => session::text(value),
    })
}

fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, name| value.get(name))
}

const FOLDER: &str = "arkime/tests/pcap";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_agrees_whatever_the_order_and_case() {
        let ours = Session::parse(
            r#"{"tls":{"cipher":"TLS_RSA_WITH_AES_128_CBC_SHA","detailed":{"version":"TLS 1.2"},
            "server":{"certificate_chain":[
            "-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----\n"],"x509":{
            "serial_number":"4096","subject":{"distinguished_name":"CN=Example"},
            "not_before":"1970-01-01T00:00:01.000Z","public_key_algorithm":"RSA",
            "alternative_names":["b","a"]}}}}"#,
        );
        let ours = ours.unwrap().unwrap();
        let body = serde_json::json!({
            "tls": { "cipher": ["TLS_RSA_WITH_AES_128_CBC_SHA"], "version": ["TLSv1.2"] },
            "cert": [{
                "hash": "a9:99:3e:36:47:06:81:6a:ba:3e:25:71:78:50:c2:6c:9c:d0:d8:9d",
                "serial": "1000", "subjectCN": ["example"], "notBefore": 1000,
                "publicAlgorithm": "rsaEncryption", "alt": ["a", "b"]
            }]
        });
        let mut tally = Tally::default();
        let mut place =
            Place { tally: &mut tally, oracle: NAME, capture: "c", session: String::new() };
        one(&mut place, &body, &ours);
        let rows: Vec<_> = tally.rows.iter().map(|r| (r.field.as_str(), r.agrees())).collect();
        assert_eq!(rows.len(), 8, "{rows:?}");
        assert!(rows.iter().all(|(_, agrees)| *agrees), "{rows:?}");
    }

    #[test]
    fn every_test_file_has_a_capture_and_the_fields_are_found() {
        let Some(corpora) = Corpora::for_tests() else { return };
        let all = read(&corpora).unwrap();
        assert_eq!(all.len(), 38);
        let bodies = || all.iter().flat_map(|expected| &expected.bodies);
        let count = |path: &str| bodies().filter(|body| joined(body, path).is_some()).count();
        assert_eq!(count("tls.ja4"), 40);
        assert_eq!(count("tls.cipher"), 36);
        assert_eq!(bodies().filter(|body| body.get("cert").is_some()).count(), 28);
        assert!(bodies().all(|body| !ends(body).to_string().contains("  ")));
    }
}
