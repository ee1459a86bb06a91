//! Suricata's fields and ours.

use md5::{Digest, Md5};

use crate::conformance::names::Names;
use crate::conformance::normal;
use crate::conformance::session::Session;

/// A session as Suricata logs it: QUIC has an event for each hello.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    session: &'a Session,
    hello: &'static str,
}

impl<'a> View<'a> {
    /// The views of both hellos.
    pub(super) fn both(session: &'a Session) -> [Self; 2] {
        // The client's comes last: of equally good views the search takes the last.
        ["server_hello", "client_hello"].map(|hello| Self { session, hello })
    }

    fn extensions(&self) -> Vec<String> {
        self.session.list(&format!("tls.detailed.{}.extensions.types", self.hello))
    }
}

/// Whether a key has a counterpart.
pub(super) fn known(key: &str) -> bool {
    reason(key).is_none()
        && !matches!(key, "src_ip" | "src_port" | "dest_ip" | "dest_port")
        && (key.starts_with("tls.") || key.starts_with("quic.") || OTHER.contains(&key))
}

/// Why a key has no counterpart.
pub(super) fn reason(key: &str) -> Option<&'static str> {
    if key.starts_with("quic.cyu") {
        return Some("CYU is a fingerprint of Google QUIC, which has no TLS in it");
    }
    match key {
        "pcap_cnt" => Some("the number of the packet at which Suricata logged"),
        "community_id" => {
            Some("both tests seed the Community ID with 7, and tlsight with the usual 0")
        }
        "pkt_src" => Some("Suricata's source of a packet"),
        _ if key.starts_with("alert.") || key.starts_with("verdict.") => {
            Some("alerts and verdicts of Suricata's rules")
        }
        _ => None,
    }
}

/// Whether we have a value for a key.
pub(super) fn has(key: &str, view: &View<'_>, names: &Names) -> bool {
    let side = if key.starts_with("tls.client.") { "client" } else { "server" };
    match key {
        "tls.certificate" | "tls.chain" | "tls.client.certificate" | "tls.client.chain" => {
            !view.session.certificates(side).is_empty()
        }
        "tls.subjectaltname" => !view.session.list("tls.server.x509.alternative_names").is_empty(),
        _ => pair(key, "", view, names).1.is_some(),
    }
}

/// Their value and ours in the same form.
pub(super) fn pair(
    key: &str,
    theirs: &str,
    view: &View<'_>,
    names: &Names,
) -> (Option<String>, Option<String>) {
    let session = view.session;
    let side = if key.starts_with("tls.client.") { "client" } else { "server" };
    let as_is = |path: &str| (Some(theirs.to_owned()), session.text(path));
    let name = key.strip_prefix("tls.client.").or_else(|| key.strip_prefix("tls."));
    match name.unwrap_or(key) {
        "sni" | "quic.sni" => as_is("tls.client.server_name"),
        "version" => match theirs {
            "UNDETERMINED" => (None, session.version()),
            _ => (Some(normal::version(theirs)), session.version()),
        },
        "subject" | "issuerdn" => {
            let path = if key.ends_with("subject") { "subject" } else { "issuer" };
            let ours = session.text(&format!("tls.{side}.{path}"));
            let join = |parts: Vec<String>| parts.join(", ");
            (
                Some(join(normal::plain_name_parts(theirs))),
                ours.map(|name| join(normal::name_parts(&name))),
            )
        }
        "serial" => {
            let ours = session.text(&format!("tls.{side}.x509.serial_number"));
            (Some(normal::hex_number(theirs)), ours.map(|serial| normal::decimal_to_hex(&serial)))
        }
        "fingerprint" => {
            let ours = session.text(&format!("tls.{side}.hash.sha1"));
            (Some(theirs.replace(':', "")), ours.map(|hash| hash.to_lowercase()))
        }
        "notbefore" | "notafter" => {
            let path = if key.ends_with("before") { "not_before" } else { "not_after" };
            let ours = session.text(&format!("tls.{side}.x509.{path}"));
            let seconds = |date: &str| normal::seconds(date).map(|seconds| seconds.to_string());
            (seconds(theirs), ours.and_then(|date| seconds(&date)))
        }
        "ja3.hash" | "quic.ja3.hash" => as_is("tls.client.ja3"),
        "ja3s.hash" | "quic.ja3s.hash" => as_is("tls.server.ja3s"),
        "ja3.string" => (Some(md5(theirs)), session.text("tls.client.ja3")),
        "ja3s.string" => (Some(md5(theirs)), session.text("tls.server.ja3s")),
        "ja4" | "quic.ja4" => as_is("tlsight.ja4"),
        "session_resumed" => as_is("tls.resumed"),
        "from_proto" => {
            let theirs = if theirs == "pgsql" { "postgresql" } else { theirs };
            (Some(theirs.to_owned()), session.text("tlsight.starttls"))
        }
        "proto" => (Some(theirs.to_lowercase()), session.text("network.transport")),
        "ether.src_mac" => (Some(mac(theirs)), session.text("source.mac").map(|text| mac(&text))),
        "ether.dest_mac" => {
            (Some(mac(theirs)), session.text("destination.mac").map(|text| mac(&text)))
        }
        other => lists(other, theirs, view, names),
    }
}

fn lists(
    key: &str,
    theirs: &str,
    view: &View<'_>,
    names: &Names,
) -> (Option<String>, Option<String>) {
    let session = view.session;
    let hello = "tls.detailed.client_hello";
    let renamed = |name: fn(&Names, &str) -> String| {
        let all: Vec<String> = theirs.split(' ').map(|code| name(names, code)).collect();
        Some(all.join(" "))
    };
    let joined = |path: &str| normal::non_empty(session.list(path).join(" "));
    let index = key.split_once('[').and_then(|(_, tail)| tail.split_once(']')?.0.parse().ok());
    let element = |items: Vec<String>| items.get(index.unwrap_or(0_usize)).cloned();
    let expected = Some(theirs.to_owned());
    let plain = key.split('[').next().unwrap_or(key);
    let alpn = "tls.detailed.client_hello.extensions.application_layer_protocol_negotiation";
    match plain {
        "subjectaltname" => (expected, element(session.list("tls.server.x509.alternative_names"))),
        "client_alpns" => (expected, element(session.list(alpn))),
        "server_alpns" => (expected, session.text("tls.next_protocol")),
        "client_handshake.version" | "server_handshake.version" => {
            let side = if key.starts_with("client") { "client" } else { "server" };
            let ours = session.text(&format!("tls.detailed.{side}_hello.version"));
            (expected, ours.map(|number| legacy_version(&number)))
        }
        "client_handshake.ciphers" => {
            (renamed(Names::cipher), joined("tls.client.supported_ciphers"))
        }
        "client_handshake.exts" => {
            (renamed(Names::extension), joined(&format!("{hello}.extensions.types")))
        }
        "client_handshake.sig_algs" => (
            renamed(Names::signature_scheme),
            joined(&format!("{hello}.extensions.signature_algorithms")),
        ),
        "server_handshake.cipher" => (renamed(Names::cipher), session.text("tls.cipher")),
        "server_handshake.exts" => {
            (renamed(Names::extension), joined("tls.detailed.server_hello.extensions.types"))
        }
        "quic.extensions" if key.ends_with(".name") => {
            let theirs =
                if theirs == "alpn" { "application_layer_protocol_negotiation" } else { theirs };
            (Some(theirs.to_owned()), element(view.extensions()))
        }
        "quic.extensions" => {
            let name = element(view.extensions()).unwrap_or_default();
            let ours = match name.as_str() {
                "server_name" => session.text("tls.client.server_name"),
                "application_layer_protocol_negotiation" => session.list(alpn).into_iter().next(),
                _ => None,
            };
            (expected, ours)
        }
        _ => (expected, None),
    }
}

fn md5(text: &str) -> String {
    normal::hex(&Md5::digest(text.as_bytes()))
}

fn mac(text: &str) -> String {
    text.to_lowercase().replace('-', ":")
}

/// Packetbeat's `3.3` as `TLS 1.2`.
fn legacy_version(number: &str) -> String {
    match number {
        "3.0" => "SSLv3",
        "3.1" => "TLSv1",
        "3.2" => "TLS 1.1",
        "3.3" => "TLS 1.2",
        other => other,
    }
    .to_owned()
}

const OTHER: &[&str] = &["proto", "ether.src_mac", "ether.dest_mac"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_compared_in_one_spelling() {
        for (key, theirs) in [
            ("tls.version", "TLSv1"),
            ("tls.subject", "C=US, O=GitHub, Inc., CN=www.github.com"),
            ("tls.serial", "00:8A:07"),
            ("tls.fingerprint", "cc:aa"),
            ("tls.notbefore", "2017-03-23T00:00:00"),
            ("tls.ja3.string", "abc"),
            ("tls.client_alpns[1]", "http/1.1"),
            ("tls.client_handshake.ciphers", "49199 255"),
            ("tls.client_handshake.version", "TLS 1.2"),
            ("quic.extensions[0].name", "alpn"),
            ("quic.extensions[0].values[0]", "h2"),
            ("ether.src_mac", "00:11:22:aa:bb:cc"),
        ] {
            let (theirs, ours) = both(key, theirs);
            assert!(theirs.is_some() && theirs == ours, "{key}: {theirs:?} {ours:?}");
        }
    }

    #[test]
    fn other_values_differ() {
        for (key, theirs) in [
            ("tls.version", "TLS 1.2"),
            ("tls.version", "UNDETERMINED"),
            ("tls.subject", "CN=www.github.com"),
            ("tls.client_alpns[2]", "h3"),
            ("tls.sni", "a.example"),
        ] {
            let (theirs, ours) = both(key, theirs);
            assert_ne!(theirs, ours, "{key}");
        }
    }

    fn both(key: &str, theirs: &str) -> (Option<String>, Option<String>) {
        let session = Session::parse(SESSION).unwrap().unwrap();
        let [_, view] = View::both(&session);
        pair(key, theirs, &view, &Names::load().unwrap())
    }

    const SESSION: &str = r#"{"source":{"mac":"00-11-22-AA-BB-CC"},"tls":{
        "client":{"ja3":"900150983cd24fb0d6963f7d28e17f72","supported_ciphers":[
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256","TLS_EMPTY_RENEGOTIATION_INFO_SCSV"]},
        "server":{"subject":"CN=www.github.com,O=GitHub\\, Inc.,C=US","hash":{"sha1":"CCAA"},
        "x509":{"serial_number":"35335","not_before":"2017-03-23T00:00:00.000Z"}},
        "detailed":{"version":"TLS 1.0","client_hello":{"version":"3.3","extensions":{
        "types":["application_layer_protocol_negotiation"],
        "application_layer_protocol_negotiation":["h2","http/1.1"]}}}}}"#;
}
