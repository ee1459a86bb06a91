//! `ssl.log`: one line a session.

use super::log::Line;
use super::{Baseline, Pool, SSL};
use crate::conformance::compare::{Place, Tally};
use crate::conformance::names::Names;
use crate::conformance::normal;
use crate::conformance::oracle::Sessions;
use crate::conformance::session::{Session, take};

/// Compares every line of one log.
pub(super) fn compare(
    baseline: &Baseline,
    sessions: &Sessions,
    pool: &mut Pool<'_>,
    names: &Names,
    tally: &mut Tally,
) {
    for line in &baseline.lines {
        let Some(capture) = baseline.capture_of(line, sessions) else {
            continue;
        };
        let ours = match (line.ends(), pool.get_mut(capture)) {
            (Some(ends), Some(left)) => take(left, &ends),
            // A cut log without the ends: only a capture of one session tells which one it is.
            (None, Some(left)) if left.len() == 1 => left.pop(),
            _ => None,
        };
        let session = line.ends().map_or_else(String::new, |ends| ends.to_string());
        let mut place = Place { tally: &mut *tally, oracle: SSL, capture, session };
        let found = if ours.is_some() { "seen" } else { "not seen" };
        place.expect("session", "seen", Some(found.to_owned()));
        let Some(ours) = ours else {
            continue;
        };
        negotiated(&mut place, line, ours);
        if line.columns().any(|column| column == "cert_chain_fps") {
            certificates(&mut place, line, ours);
        }
        if let Some(history) = line.text("ssl_history") {
            messages(&mut place, &history, ours);
        }
        hellos(&mut place, line, ours, names);
        for column in line.columns().filter(|column| line.text(column).is_some()) {
            let known = INCOMPARABLE.iter().find(|(columns, _)| columns.contains(&column));
            if let Some((_, reason)) = known {
                let place = format!("{} {column}", baseline.name);
                tally.cannot(SSL, &place, reason);
            }
        }
    }
}

fn negotiated(place: &mut Place<'_>, line: &Line, ours: &Session) {
    let their_version = line.text("version").map(|version| normal::version(&unknown(&version)));
    place.compare("version", their_version, ours.version());
    let column = |name: &str| line.columns().any(|column| column == name);
    for (name, path) in [
        ("cipher", "tls.cipher"),
        ("curve", "tls.curve"),
        ("server_name", "tls.client.server_name"),
        ("next_protocol", "tls.next_protocol"),
    ] {
        if column(name) {
            place.compare(name, line.text(name).map(|text| unknown(&text)), ours.text(path));
        }
    }
    for (name, path) in [("resumed", "tls.resumed"), ("established", "tls.established")] {
        if column(name) {
            place.compare(name, line.text(name).map(|text| truth(&text)), ours.text(path));
        }
    }
    if column("last_alert") {
        let last = ours.list("tls.detailed.alert_types").pop();
        place.compare("last_alert", line.text("last_alert"), last);
    }
    if column("sni_matches_cert") {
        let theirs = line.text("sni_matches_cert").map(|text| truth(&text));
        place.compare("sni_matches_cert", theirs, ours.text("tlsight.certificate.sni_match"));
    }
}

fn certificates(place: &mut Place<'_>, line: &Line, ours: &Session) {
    for (column, side) in [("cert_chain_fps", "server"), ("client_cert_chain_fps", "client")] {
        let chain: Vec<String> =
            ours.certificates(side).into_iter().map(|certificate| certificate.sha256).collect();
        let theirs = line.list(column);
        // Sessions over resumed or encrypted handshakes have no chain in either program.
        place.compare(
            column,
            normal::non_empty(theirs.join(" ")),
            normal::non_empty(chain.join(" ")),
        );
    }
    for (column, path) in [
        ("subject", "tls.server.subject"),
        ("issuer", "tls.server.issuer"),
        ("client_subject", "tls.client.subject"),
        ("client_issuer", "tls.client.issuer"),
    ] {
        if let Some(theirs) = line.text(column) {
            let ours = ours.text(path).map_or_else(Vec::new, |name| normal::name_parts(&name));
            place.set(column, normal::name_parts(&theirs), ours);
        }
    }
    let theirs = line.list("requested_client_certificate_authorities");
    if !theirs.is_empty() {
        let parts = |names: Vec<String>| {
            names.iter().map(|name| normal::name_parts(name).join(",")).collect()
        };
        let ours = ours.list("tlsight.requested_authorities");
        place.set("requested_client_certificate_authorities", parts(theirs), parts(ours));
    }
}

fn messages(place: &mut Place<'_>, history: &str, ours: &Session) {
    for &(letter, message) in LETTERS {
        let same = |c: &char| c.eq_ignore_ascii_case(&letter);
        let theirs = history.chars().filter(same).count();
        let theirs = u64::try_from(theirs).unwrap_or(u64::MAX);
        place.count(&format!("ssl_history {letter} {message}"), theirs, ours.messages(message));
    }
}

/// The columns of `ssl-log-ext.zeek` and the randoms of the key exchange tests.
fn hellos(place: &mut Place<'_>, line: &Line, ours: &Session, names: &Names) {
    let client = "tls.detailed.client_hello.extensions";
    for (column, path) in [
        ("client_curves", format!("{client}.supported_groups")),
        ("client_key_share_groups", "tlsight.key_exchange.offered_key_shares".to_owned()),
    ] {
        let theirs: Vec<String> = line.list(column).iter().map(|code| names.group(code)).collect();
        if !theirs.is_empty() {
            place.expect(column, &theirs.join(" "), normal::non_empty(ours.list(&path).join(" ")));
        }
    }
    let theirs: Vec<String> =
        line.list("client_ciphers").iter().map(|code| names.cipher(code)).collect();
    if !theirs.is_empty() {
        let offered = without_grease(ours.list("tls.client.supported_ciphers"));
        place.expect("client_ciphers", &without_grease(theirs).join(" "), Some(offered.join(" ")));
    }
    for (column, path) in [("ssl_client_exts", "client_hello"), ("ssl_server_exts", "server_hello")]
    {
        let theirs: Vec<String> =
            line.list(column).iter().map(|code| names.extension(code)).collect();
        if !theirs.is_empty() {
            let sent = ours.list(&format!("tls.detailed.{path}.extensions.types"));
            place.expect(column, &theirs.join(" "), Some(sent.join(" ")));
        }
    }
    let alpn = format!("{client}.application_layer_protocol_negotiation");
    let offered = normal::non_empty(ours.list(&alpn).join(" "));
    if let Some(theirs) = normal::non_empty(line.list("orig_alpn").join(" ")) {
        place.expect("orig_alpn", &theirs, offered);
    }
    let schemes = signature_schemes(line, names);
    if !schemes.is_empty() {
        let path = format!("{client}.signature_algorithms");
        place.expect("sigalgs", &schemes.join(" "), Some(ours.list(&path).join(" ")));
    }
    if let Some(theirs) = line.text("server_key_share_group") {
        place.expect("server_key_share_group", &names.group(&theirs), ours.text("tls.curve"));
    }
    for (column, path) in [
        ("ticket_lifetime_hint", "tlsight.ticket_lifetime_hint"),
        ("dh_param_size", "tlsight.key_exchange.dh_bits"),
    ] {
        if let Some(theirs) = line.text(column) {
            place.expect(column, &theirs, ours.text(path));
        }
    }
    for (column, path) in [("client_random", "client_hello"), ("server_random", "server_hello")] {
        if let Some(theirs) = line.text(column) {
            let random = ours.text(&format!("tls.detailed.{path}.random"));
            let ours = random.map(|random| match random.ends_with(&theirs) {
                // Zeek keeps the first four bytes, once the time, apart.
                true => theirs.clone(),
                false => random,
            });
            place.expect(column, &theirs, ours);
        }
    }
}

fn signature_schemes(line: &Line, names: &Names) -> Vec<String> {
    let pairs = line.list("sigalgs").into_iter().zip(line.list("hashalgs"));
    pairs
        .map(|(signature, hash)| {
            let code = |text: &str| text.parse::<u16>().unwrap_or_default();
            let both = code(&hash).wrapping_mul(256).wrapping_add(code(&signature));
            names.signature_scheme(&both.to_string())
        })
        .collect()
}

fn without_grease(names: Vec<String>) -> Vec<String> {
    names.into_iter().filter(|name| !name.starts_with("GREASE")).collect()
}

fn truth(text: &str) -> String {
    match text {
        "T" => "true".to_owned(),
        "F" => "false".to_owned(),
        other => other.to_owned(),
    }
}

/// Zeek's `unknown-32257` as tlsight writes unknown code points.
fn unknown(text: &str) -> String {
    let number = text.strip_prefix("unknown-").and_then(|digits| digits.parse::<u16>().ok());
    number.map_or_else(|| text.to_owned(), |number| format!("0x{number:04x}"))
}

const LETTERS: &[(char, &str)] = &[
    ('C', "client_hello"),
    ('S', "server_hello"),
    ('J', "hello_retry_request"),
    ('V', "hello_verify_request"),
    ('X', "certificate"),
    ('R', "certificate_request"),
    ('Y', "certificate_verify"),
    ('U', "certificate_status"),
    ('K', "server_key_exchange"),
    ('G', "client_key_exchange"),
    ('T', "new_session_ticket"),
    ('L', "alert"),
];

const INCOMPARABLE: &[(&[&str], &str)] = &[
    (
        &["validation_status", "ocsp_status", "valid_ct_logs", "valid_ct_operators"],
        "verification against trusted roots and logs, which tlsight does not do",
    ),
    (
        &[
            "server_dh_p",
            "server_dh_q",
            "server_dh_Ys",
            "server_ecdh_point",
            "server_signature",
            "client_rsa_pms",
            "client_dh_Yc",
            "client_ecdh_point",
            "server_signature_sig_alg",
            "server_signature_hash_alg",
        ],
        "key exchange values, which the event does not carry",
    ),
    (
        &["client_record_version", "server_record_version", "server_version", "client_version"],
        "versions of the record layer and of the hellos beside the negotiated one",
    ),
    (
        &[
            "point_formats",
            "client_supported_versions",
            "server_supported_version",
            "psk_key_exchange_modes",
            "client_comp_methods",
            "ech_kdf_id",
            "ech_aead_id",
            "client_cipher_suites",
            "server_cert_sha1",
        ],
        "numbers of what another column or another oracle compares by name",
    ),
];

#[cfg(test)]
mod tests {
    use super::super::log;
    use super::*;
    use crate::conformance::oracle::Output;

    #[test]
    fn a_line_agrees_with_the_session_that_it_describes() {
        let rows = compared(&session("x25519", "a.example"));
        let agreed: Vec<&str> =
            rows.iter().filter(|(_, ok)| *ok).map(|(f, _)| f.as_str()).collect();
        assert_eq!(rows.iter().filter(|(_, ok)| !ok).count(), 0, "{rows:?}");
        for field in ["session", "version", "curve", "established", "client_curves", "sigalgs"] {
            assert!(agreed.contains(&field), "{field} in {agreed:?}");
        }
        assert!(agreed.contains(&"ssl_history J hello_retry_request"), "{agreed:?}");
    }

    #[test]
    fn each_value_that_differs_is_a_row_of_its_own() {
        let rows = compared(&session("secp256r1", "b.example"));
        let differ: Vec<&str> =
            rows.iter().filter(|(_, ok)| !ok).map(|(f, _)| f.as_str()).collect();
        assert_eq!(differ, ["curve", "server_name"]);
    }

    #[test]
    fn a_session_that_is_not_there_is_one_difference() {
        let rows = compared("{\"event\":{}}");
        assert_eq!(rows, [("session".to_owned(), false)]);
    }

    #[test]
    fn unknown_code_points_are_hexadecimal() {
        assert_eq!(unknown("unknown-32257"), "0x7e01");
        assert_eq!(unknown("unknown-x"), "unknown-x");
    }

    fn compared(session: &str) -> Vec<(String, bool)> {
        let session = Session::parse(session).unwrap();
        let sessions = Sessions::from([(
            "c".to_owned(),
            Output { sessions: session.into_iter().collect(), complete: true },
        )]);
        let baseline = Baseline {
            name: "b".to_owned(),
            oracle: SSL,
            captures: vec!["c".to_owned()],
            lines: log::read(LOG),
        };
        let mut pool: Pool<'_> =
            sessions.iter().map(|(n, all)| (n.as_str(), all.sessions.iter().collect())).collect();
        let mut tally = Tally::default();
        compare(&baseline, &sessions, &mut pool, &Names::load().unwrap(), &mut tally);
        tally.rows.iter().map(|row| (row.field.clone(), row.agrees())).collect()
    }

    fn session(curve: &str, name: &str) -> String {
        format!(
            r#"{{"client":{{"ip":"10.0.0.1","port":1}},"server":{{"ip":"10.0.0.2","port":443}},
            "tls":{{"cipher":"TLS_AES_128_GCM_SHA256","curve":"{curve}","resumed":false,
            "established":true,"client":{{"server_name":"{name}"}},"detailed":{{"version":"TLS 1.3",
            "client_hello":{{"extensions":{{"supported_groups":["GREASE (0x9a9a)","x25519"],
            "signature_algorithms":["ecdsa_secp256r1_sha256"]}}}}}}}},
            "tlsight":{{"messages":{{"client_hello":2,"hello_retry_request":1,"server_hello":1}}}}}}"#
        )
    }

    const LOG: &str = "#fields\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tversion\tcipher\t\
        curve\tserver_name\tresumed\testablished\tssl_history\tclient_curves\tsigalgs\thashalgs\n\
        C1\t10.0.0.1\t1\t10.0.0.2\t443\tTLSv13\tTLS_AES_128_GCM_SHA256\tx25519\ta.example\t\
        F\tT\tCjCs\t39578,29\t3\t4\n";
}
