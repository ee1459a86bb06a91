//! What each criterion finds, and what is said of it.

use policy::{Subject, Verdict};
use serde_json::json;

use crate::lines::{edge, with};
use crate::sessions::{Judged, group};

#[test]
fn a_criterion_is_decided_by_what_was_seen() {
    use Verdict::{Fail, Pass, Unknown};
    for (field, value, name, verdict, reason) in [
        ("TLS Version", "< 1.2", "tls10", Fail, "TLS version 1.0 is below 1.2"),
        ("TLS Version", "< 1.2", "dtls10", Fail, "TLS version DTLS 1.0 is below 1.2"),
        ("TLS Version", "<= 3.0", "ssl30", Fail, "TLS version SSL 3.0 is at most SSL 3.0"),
        ("TLS Version", "1.3", "tls13", Fail, "TLS version is 1.3"),
        ("TLS Version", ">1.2", "tls12-ecdsa", Pass, "TLS version is 1.2"),
        ("TLS Version", "< 1.2", "alert-handshake-failure", Unknown, "no handshake was completed"),
        (
            "TLS Cipher Suite",
            "*_3DES_*",
            "ssl30",
            Fail,
            "TLS cipher suite is TLS_RSA_WITH_3DES_EDE_CBC_SHA",
        ),
        (
            "TLS Cipher Suite",
            "TLS_AES_256_GCM_SHA384",
            "ssl30",
            Pass,
            "TLS cipher suite is TLS_RSA_WITH_3DES_EDE_CBC_SHA",
        ),
        ("TLS Cipher Encryption", "RC4", "tls12-rc4", Fail, "TLS cipher encryption is RC4"),
        ("TLS Cipher Mode", "CBC", "tls12-rsa", Fail, "TLS cipher mode is CBC"),
        ("TLS Cipher Mode", "none", "tls12-null", Fail, "TLS cipher mode is none"),
        (
            "TLS Key Exchange Method",
            "rsa",
            "tls12-static-rsa",
            Fail,
            "TLS key exchange method is rsa",
        ),
        ("TLS Key Exchange Method", "dhe", "tls13-ffdhe", Fail, "TLS key exchange method is dhe"),
        (
            "TLS Key Exchange Method",
            "ecdhe_psk",
            "tls13-external-psk",
            Fail,
            "TLS key exchange method is ecdhe_psk",
        ),
        (
            "TLS Key Exchange Method",
            "hybrid_kem",
            "pq-hybrid",
            Fail,
            "TLS key exchange method is hybrid_kem",
        ),
        ("TLS Key Exchange Method", "kem", "pq-mlkem-only", Fail, "TLS key exchange method is kem"),
        (
            "TLS Authentication",
            "anonymous",
            "tls12-anonymous",
            Fail,
            "TLS authentication is anonymous",
        ),
        ("TLS Authentication", "psk", "tls13-external-psk", Fail, "TLS authentication is psk"),
        ("TLS Key Exchange Group", "x25519", "tls13", Fail, "TLS key exchange group is x25519"),
        (
            "TLS Key Exchange Group",
            "none",
            "tls12-static-rsa",
            Fail,
            "there is no key exchange with a group",
        ),
        (
            "TLS Key Exchange Group",
            "x25519",
            "tls12-static-rsa",
            Pass,
            "there is no key exchange with a group",
        ),
        (
            "TLS Key Exchange Group",
            "explicit",
            "tls10-dhe-1024",
            Fail,
            "TLS key exchange group is explicit",
        ),
        (
            "TLS Key Exchange Class",
            "hybrid_pq",
            "pq-hybrid",
            Fail,
            "TLS key exchange class is hybrid_pq",
        ),
        ("TLS Forward Secrecy", "false", "tls12-static-rsa", Fail, "there is no forward secrecy"),
        ("TLS Forward Secrecy", "false", "tls13", Pass, "there is forward secrecy"),
        (
            "TLS Post-Quantum Key Exchange",
            "false",
            "tls13",
            Fail,
            "the key exchange is not post-quantum",
        ),
        (
            "TLS Post-Quantum Offered",
            "true",
            "pq-not-accepted",
            Fail,
            "the client offers post-quantum groups",
        ),
        (
            "TLS Post-Quantum Offered",
            "true",
            "server-only",
            Unknown,
            "the groups that the client offered are not known",
        ),
        (
            "TLS Diffie-Hellman Size",
            "< 2048",
            "tls10-dhe-1024",
            Fail,
            "Diffie-Hellman size 1024 bits is below 2048",
        ),
        (
            "TLS Diffie-Hellman Size",
            "< 2048",
            "tls13-ffdhe",
            Pass,
            "Diffie-Hellman size is 2048 bits",
        ),
        (
            "TLS Diffie-Hellman Size",
            "< 2048",
            "tls13",
            Pass,
            "there is no Diffie-Hellman over a finite field",
        ),
        (
            "TLS Signature Algorithm",
            "*sha1*",
            "tls10",
            Fail,
            "TLS signature algorithm is rsa_pkcs1_md5_sha1",
        ),
        (
            "TLS Signature Algorithm",
            "*sha1*",
            "tls13",
            Unknown,
            "the signature of the handshake is encrypted in TLS 1.3",
        ),
        (
            "TLS Server Certificate State",
            "encrypted",
            "tls13",
            Fail,
            "server certificate state is encrypted",
        ),
        (
            "TLS Server Certificate Expiry",
            "< 0",
            "tls12-expired",
            Fail,
            "the certificate expired 2516 days ago",
        ),
        (
            "TLS Server Certificate Expiry",
            "< 0",
            "tls13",
            Unknown,
            "the certificate is encrypted in TLS 1.3",
        ),
        (
            "TLS Server Certificate Expiry",
            "< 0",
            "tls13-external-psk",
            Unknown,
            "no certificate is sent when a session is resumed",
        ),
        (
            "TLS Server Certificate Expiry",
            "< 0",
            "tls12-anonymous",
            Unknown,
            "no certificate was seen",
        ),
        (
            "TLS Server Certificate Lifetime",
            "> 398",
            "tls12-ecdsa",
            Fail,
            "server certificate lifetime 36524 days is above 398",
        ),
        (
            "TLS Server Certificate Key Type",
            "RSA",
            "tls12-rsa",
            Fail,
            "server certificate key type is RSA",
        ),
        (
            "TLS Server Certificate Key Size",
            "< 3072",
            "tls12-rsa",
            Fail,
            "server certificate key size 2048 bits is below 3072",
        ),
        (
            "TLS Server Certificate Signature",
            "SHA256-*",
            "tls12-rsa",
            Fail,
            "server certificate signature is SHA256-RSA",
        ),
        (
            "TLS Server Certificate Self-Signed",
            "true",
            "tls12-self-signed",
            Fail,
            "the certificate is self-signed",
        ),
        (
            "TLS Server Certificate Name Match",
            "false",
            "tls12-self-signed",
            Fail,
            "the certificate does not cover the server name",
        ),
        ("TLS Server Name", "*.TEST", "tls13", Fail, "server name is example.test"),
        ("TLS Server Name", "none", "tls12-no-sni", Fail, "the client asked for no name"),
        ("TLS Resumption", "true", "tls12-session-id", Pass, "no earlier session is resumed"),
        ("TLS Early Data", "none", "tls13", Fail, "early data is none"),
        (
            "TLS Hello Retry",
            "true",
            "pq-hello-retry",
            Fail,
            "the server asks for another key share",
        ),
        (
            "TLS Handshake Outcome",
            "failure",
            "alert-unknown-ca",
            Fail,
            "handshake outcome is failure",
        ),
        ("TLS Alert", "unknown_ca", "alert-unknown-ca", Fail, "TLS alert is unknown_ca"),
        ("TLS Alert", "none", "tls13", Fail, "no alert was sent in clear"),
        ("STARTTLS Protocol", "smtp", "starttls-smtp", Fail, "STARTTLS protocol is smtp"),
        ("STARTTLS Protocol", "smtp", "tls13", Pass, "there was no upgrade to TLS"),
        ("Carrier", "quic", "quic-v2", Fail, "carrier is quic"),
        ("Evidence", "socket", "tls13", Pass, "evidence is wire"),
        ("Unencrypted Flow", "true", "tls12-null", Fail, "the session is not encrypted"),
        ("Unencrypted Flow", "true", "tls13", Pass, "the session is encrypted"),
        ("ALPN", "none", "tls12-ecdsa", Fail, "no protocol was agreed on"),
        ("ALPN", "h2", "tls13", Unknown, "the chosen protocol is encrypted in TLS 1.3"),
        ("JA4", "t13*", "tls13", Fail, ""),
        ("JA3S", "x", "client-only", Unknown, "the server's hello was not seen"),
        (
            "Process",
            "curl",
            "tls13",
            Unknown,
            "the process is not known: it was not seen at its socket",
        ),
        ("Namespace", "shop", "tls13", Unknown, "what the cluster says of it is not known"),
        ("Label", "pci=true", "tls13", Unknown, "label pci is not told"),
        ("Entity", "host:192.0.2.1", "tls13", Fail, "entity is host:192.0.2.1"),
        ("Destination Port", "443", "tls13", Fail, "destination port is 443"),
        ("Destination Port", "> 1024", "dtls10", Fail, "destination port 4433 is above 1024"),
        ("Scope", "internal", "tls13", Fail, "scope is internal"),
        ("Direction", "egress", "tls13", Unknown, "the record does not tell the direction"),
        ("Anomaly", "*", "tls13", Pass, "Anomaly: none"),
        ("Partial", "client_only", "client-only", Fail, "partial is client_only"),
        ("Baseline Drift", "new_posture", "tls13", Unknown, "this edge is locked to no baseline"),
    ] {
        let said = Judged::capture(name, 0).ask(field, &[value]);
        assert_eq!(said.0, verdict, "{field} {value} of {name}: {}", said.1);
        assert!(reason.is_empty() || said.1 == reason, "{field} {value} of {name}: {}", said.1);
    }
}

#[test]
fn ends_are_told_apart() {
    let line = with("client", &json!({ "process": { "name": "curl", "executable": "/bin/curl" } }));
    let judged = Judged::line(&line);
    let said = |field| judged.ask(field, &["curl"]).0;
    assert_eq!(said("Process"), Verdict::Fail);
    assert_eq!(said("Source Process"), Verdict::Fail);
    assert_eq!(said("Destination Process"), Verdict::Unknown);
    // The other end may be one: nobody looked at its socket.
    assert_eq!(judged.ask("Process", &["wget"]).0, Verdict::Unknown);
    assert_eq!(judged.ask("Source Process", &["wget"]).0, Verdict::Pass);
    assert_eq!(judged.ask("Source Namespace", &["shop"]).0, Verdict::Pass);
}

#[test]
fn records_of_edges_leave_open_what_only_sessions_tell() {
    let judged = Judged::line(&edge());
    for (field, value) in [
        ("TLS Early Data", "accepted"),
        ("TLS Hello Retry", "true"),
        ("TLS Post-Quantum Offered", "false"),
        ("TLS Alert", "none"),
        ("JA3", "x"),
        ("JA4", "x"),
        ("Anomaly", "*"),
        ("Partial", "*"),
        ("ALPN", "none"),
    ] {
        assert_eq!(judged.ask(field, &[value]).0, Verdict::Unknown, "{field}");
    }
    assert_eq!(judged.ask("TLS Version", &["1.3"]).0, Verdict::Fail);
    let bare = Subject { session: None, ..judged.subject() };
    let rule = group("Scope", &["internal"]);
    assert_eq!(rule.judge(&bare).unwrap().verdict, Verdict::Fail);
}
