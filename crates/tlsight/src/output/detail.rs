//! `--detail`: each session as a tree, with all that is known of it.

use event::{CertificateHash, EarlyData, Ech, NameList, Shared, Timestamp, TlsEvent, X509};

use super::handshake_detail;
use super::process_detail;
use super::sanitize::clean;
use super::style::{Palette, Tone};
use super::tree::Node;
use super::words;

/// Appends a session as a tree.
pub(crate) fn write(event: &TlsEvent, palette: Palette, out: &mut Vec<u8>) {
    let title = format!("{} -> {}", endpoint(&event.client), endpoint(&event.server));
    palette.paint(out, Tone::Strong, &title);
    if let Some(name) = &event.tls.client.server_name {
        palette.paint(out, Tone::Strong, &format!("  {}", clean(name)));
    }
    palette.paint(out, Tone::Dim, &format!("  {}", event.timestamp));
    out.push(b'\n');
    let states = event.tlsight.workload.as_deref();
    let client_state = states.and_then(|states| states.client.as_ref());
    let server_state = states.and_then(|states| states.server.as_ref());
    let mut root = Node::default();
    for section in [
        outcome(event),
        negotiated(event),
        key_exchange(event),
        server_certificate(event),
        client_certificate(event),
        resumption(event),
        privacy(event),
        fingerprints(event),
        timing(event),
        network(event),
        process_detail::process("client process", &event.client),
        process_detail::process("server process", &event.server),
        process_detail::workload("client workload", &event.client, client_state),
        process_detail::workload("server workload", &event.server, server_state),
    ] {
        if !section.is_empty() {
            root.push(section);
        }
    }
    handshake_detail::push_hellos(event, &mut root);
    root.draw_children(palette, out);
    out.push(b'\n');
}

/// Clean names with commas between.
pub(crate) fn list<T: AsRef<str>>(names: &[T]) -> String {
    names.iter().map(|name| clean(name.as_ref())).collect::<Vec<_>>().join(", ")
}

/// Clean names with commas between, of a list that may be absent.
pub(crate) fn names(names: Option<&NameList>) -> Option<String> {
    names.map(|names| list(names))
}

fn outcome(event: &TlsEvent) -> Node {
    let (text, tone) = match event.event.outcome {
        "success" => ("established", Tone::Good),
        "failure" => ("failed", Tone::Bad),
        _ => ("not seen to its end", Tone::Notice),
    };
    let mut node = Node::new("outcome").with(text, tone);
    let tlsight = &event.tlsight;
    for alert in event.tls.detailed.iter().flat_map(|detailed| &detailed.alerts) {
        let text = format!("{} from {}", clean(&alert.kind), clean(alert.source));
        let tone = if alert.severity == "fatal" { Tone::Bad } else { Tone::Plain };
        node.push(Node::new("alert").with(clean(&alert.severity), tone).with(text, tone));
    }
    for anomaly in &tlsight.anomalies {
        node.push(Node::new("anomaly").with(clean(anomaly), Tone::Bad));
    }
    for reason in &tlsight.partial {
        node.push(Node::new("partial").with(clean(reason), Tone::Notice));
    }
    if let Some(version) = tlsight.downgrade.sentinel {
        let text = format!("the server could have spoken better than {version}");
        node.push(Node::new("downgrade").with(text, Tone::Plain));
    }
    if tlsight.downgrade.fallback_scsv {
        node.push(Node::new("fallback").with("the client retries with less", Tone::Notice));
    }
    node
}

fn negotiated(event: &TlsEvent) -> Node {
    let tls = &event.tls;
    let version = words::version(tls).unwrap_or_else(|| "no answer".to_owned());
    let mut node = Node::new("negotiated").with(version, words::version_tone(tls));
    node.field("cipher", tls.cipher.as_deref().map(clean));
    node.field("protocol", tls.next_protocol.as_deref().map(clean));
    node.field("signature", event.tlsight.signature_algorithm.as_deref().map(clean));
    node.field("offered", names(tls.client.supported_ciphers.as_ref()));
    let renegotiations = event.tlsight.renegotiations;
    node.field("renegotiated", (renegotiations > 0).then(|| renegotiations.to_string()));
    node
}

fn key_exchange(event: &TlsEvent) -> Node {
    let exchange = &event.tlsight.key_exchange;
    let mut node = Node::new("key exchange");
    if let Some(group) = &exchange.group {
        node = node.with(clean(group), words::class_tone(exchange.class));
    }
    node = node.with(words::class(exchange.class), words::class_tone(exchange.class));
    let secrecy = exchange.forward_secret.map(|yes| if yes { "yes" } else { "no" });
    node.field("forward secret", secrecy.map(str::to_owned));
    node.field("size", exchange.dh_bits.map(|bits| format!("{bits} bits")));
    node.field("asked to retry", exchange.hello_retry.as_deref().map(clean));
    node.field("groups offered", names(exchange.offered_groups.as_ref()));
    node.field("shares offered", names(exchange.offered_key_shares.as_ref()));
    node
}

fn server_certificate(event: &TlsEvent) -> Node {
    let (state, tone) = words::certificate_state(event);
    let certificate = &event.tlsight.certificate;
    let mut node = Node::new("certificate").with(state, tone);
    let server = &event.tls.server;
    match &server.x509 {
        Some(x509) => push_certificate(&mut node, x509),
        None => {
            node.field("subject", server.subject.as_deref().map(clean));
            node.field("issuer", server.issuer.as_deref().map(clean));
        }
    }
    push_hashes(&mut node, server.hash.as_ref());
    let covers = certificate.sni_match.map(|yes| if yes { "yes" } else { "no" });
    node.field("covers the name", covers.map(str::to_owned));
    node.field("self-signed", certificate.self_signed.filter(|yes| *yes).map(|_| "yes".to_owned()));
    let staple = event.tlsight.ocsp_staple.map(|yes| if yes { "yes" } else { "no" });
    node.field("OCSP staple", staple.map(str::to_owned));
    node.field("SCTs", event.tlsight.sct.map(|count| count.to_string()));
    let chain = event.tls.detailed.iter().flat_map(|detailed| &detailed.server_certificate_chain);
    push_chain(&mut node, chain);
    node
}

fn client_certificate(event: &TlsEvent) -> Node {
    let mut node = Node::new("client certificate");
    let detailed = event.tls.detailed.as_ref();
    if let Some(x509) = &event.tls.client.x509 {
        node = node.with("visible", Tone::Plain);
        push_certificate(&mut node, x509);
        push_hashes(&mut node, event.tls.client.hash.as_ref());
        push_chain(&mut node, detailed.iter().flat_map(|d| &d.client_certificate_chain));
    } else if detailed.is_some_and(|detailed| detailed.client_certificate_requested) {
        node = node.with("requested", Tone::Plain);
    }
    let authorities = &event.tlsight.requested_authorities;
    node.field("from", (!authorities.is_empty()).then(|| list(authorities)));
    node
}

fn push_chain<'a>(node: &mut Node, chain: impl Iterator<Item = &'a Shared<X509>>) {
    for x509 in chain {
        let subject = clean(&x509.subject.distinguished_name);
        let mut link = Node::new("issued by").with(subject, Tone::Plain);
        push_certificate(&mut link, x509);
        node.push(link);
    }
}

fn push_certificate(node: &mut Node, x509: &X509) {
    node.field("subject", Some(clean(&x509.subject.distinguished_name)));
    node.field("issuer", Some(clean(&x509.issuer.distinguished_name)));
    let date = |time: Option<Timestamp>| time.map_or_else(|| "?".to_owned(), |t| t.to_string());
    node.field("valid", Some(format!("{} to {}", date(x509.not_before), date(x509.not_after))));
    let names = &x509.alternative_names;
    node.field("names", (!names.is_empty()).then(|| list(names)));
    let mut key = clean(&x509.public_key_algorithm);
    if let Some(curve) = &x509.public_key_curve {
        key = format!("{key} {}", clean(curve));
    }
    if let Some(bits) = x509.public_key_size {
        key = format!("{key}, {bits} bits");
    }
    node.field("key", Some(key));
    node.field("signed with", Some(clean(&x509.signature_algorithm)));
    node.field("serial", Some(clean(&x509.serial_number)));
    node.field("key usage", Some(list(&x509.key_usage)));
    node.field("extended usage", Some(list(&x509.extended_key_usage)));
    node.field("authority", x509.is_ca.filter(|yes| *yes).map(|_| "yes".to_owned()));
}

fn push_hashes(node: &mut Node, hash: Option<&Shared<CertificateHash>>) {
    if let Some(hash) = hash {
        node.field("MD5", hash.md5.as_deref().map(clean));
        node.field("SHA-1", hash.sha1.as_deref().map(clean));
        node.field("SHA-256", hash.sha256.as_deref().map(clean));
    }
}

fn resumption(event: &TlsEvent) -> Node {
    let resumption = &event.tlsight.resumption;
    let mut node = Node::new("resumption");
    if resumption.offered {
        let answer = if resumption.accepted { "accepted" } else { "not taken" };
        let method = resumption.method.map_or("offered", event::ResumptionMethod::name);
        node = node.with(method, Tone::Plain).with(answer, Tone::Plain);
    }
    node.field(
        "early data",
        match event.tlsight.early_data {
            EarlyData::None => None,
            EarlyData::Offered => Some("offered".to_owned()),
            EarlyData::Accepted => Some("accepted".to_owned()),
            EarlyData::Rejected => Some("rejected".to_owned()),
        },
    );
    let lifetime = event.tlsight.ticket_lifetime_hint;
    node.field("new ticket", lifetime.map(|seconds| format!("valid for {seconds} s")));
    node
}

fn privacy(event: &TlsEvent) -> Node {
    let text = match event.tlsight.ech {
        Ech::None => return Node::default(),
        Ech::Grease => "GREASE",
        Ech::Offered => "offered, or GREASE",
        Ech::Accepted => "accepted",
        Ech::Rejected => "rejected",
    };
    let node = Node::new("encrypted hello").with(text, Tone::Plain);
    if event.tlsight.server_name_is_outer {
        node.with("the name above is the outer one", Tone::Notice)
    } else {
        node
    }
}

fn fingerprints(event: &TlsEvent) -> Node {
    let mut node = Node::new("fingerprints");
    node.field("JA4", event.tlsight.ja4.as_deref().map(clean));
    node.field("JA3", event.tls.client.ja3.as_deref().map(clean));
    node.field("JA3S", event.tls.server.ja3s.as_deref().map(clean));
    node
}

fn timing(event: &TlsEvent) -> Node {
    let timing = &event.tlsight.timing;
    let mut node = Node::new("timing");
    for (label, micros) in [
        ("TCP round trip", timing.syn_rtt_us),
        ("client hello", timing.client_hello_us),
        ("server hello", timing.server_hello_us),
        ("certificate", timing.certificate_us),
        ("finished", timing.finished_us),
    ] {
        node.field(
            label,
            micros.map(|micros| format!("{}.{:03} ms", micros / 1000, micros % 1000)),
        );
    }
    node
}

fn network(event: &TlsEvent) -> Node {
    let carrier = match (event.tlsight.carrier, &event.tlsight.quic_version) {
        (event::Carrier::Tcp, _) => "TCP".to_owned(),
        (event::Carrier::Dtls, _) => "UDP, DTLS".to_owned(),
        (event::Carrier::Quic, None) => "UDP, QUIC".to_owned(),
        (event::Carrier::Quic, Some(version)) => format!("UDP, QUIC {}", clean(version)),
    };
    let mut node = Node::new("network").with(carrier, Tone::Plain);
    node.field("inside", event.tlsight.starttls.map(clean));
    node.field("VLAN", event.network.vlan.map(|vlan| vlan.id.to_string()));
    node.field("community id", Some(event.network.community_id.to_text().to_string()));
    node
}

fn endpoint(party: &event::Party) -> String {
    let ip = party.ip.as_str();
    if ip.contains(':') { format!("[{ip}]:{}", party.port) } else { format!("{ip}:{}", party.port) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::sample;

    fn text(event: &TlsEvent) -> String {
        let mut out = Vec::new();
        write(event, Palette::Mono, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_tree_shows_what_was_agreed_and_what_was_offered() {
        let tree = text(&sample::tls13());
        for part in [
            "192.0.2.17:51234 -> 198.51.100.7:443  www.example.com  2026-11-21T13:30:00.123456Z\n",
            "├─ key exchange  X25519MLKEM768  hybrid post-quantum\n",
            "│  ├─ groups offered  GREASE (0x1a1a), X25519MLKEM768, x25519\n",
            "server hello  12.345 ms",
            "└─ server hello",
        ] {
            assert!(tree.contains(part), "{part} in\n{tree}");
        }
    }

    #[test]
    fn a_certificate_and_its_chain_are_shown() {
        let mut event = sample::tls12();
        let leaf = event.tls.server.x509.clone();
        let mut detailed = sample::tls13().tls.detailed.unwrap();
        detailed.server_certificate_chain = leaf.into_iter().collect();
        event.tls.detailed = Some(detailed);
        let tree = text(&event);
        for part in ["├─ key ", "RSA, 2048 bits", "issued by", "SHA-1"] {
            assert!(tree.contains(part), "{part} in\n{tree}");
        }
    }

    #[test]
    fn hostile_text_is_escaped_wherever_it_comes_from() {
        let mut event = sample::tls13();
        event.tls.client.server_name = Some("\x1b[2J".into());
        event.tls.next_protocol = Some("\x1b[2J".into());
        event.tlsight.requested_authorities = vec!["\x1b[2J".to_owned()];
        let tree = text(&event);
        assert!(!tree.contains('\x1b'));
        assert_eq!(tree.matches("\\u{1b}[2J").count(), 3, "{tree}");
    }
}
