//! Policies as expressions.

use policy::{Criterion, Policy, Rule, Verdict};
use serde_json::json;

use crate::lines::with;
use crate::sessions::Judged;

#[test]
fn an_expression_says_what_is_wrong() {
    use Verdict::{Fail, Pass, Unknown};
    for (expression, name, verdict) in [
        ("tls_version < 1.2", "tls10", Fail),
        ("tls_version < 1.2", "ssl30", Fail),
        ("tls_version < 1.2", "tls13", Pass),
        ("tls_version < 1.2", "alert-handshake-failure", Unknown),
        ("tls_version == 1.3 && tls_key_exchange_class == 'classical'", "tls13", Fail),
        ("!tls_forward_secrecy", "tls12-static-rsa", Fail),
        ("tls_cipher_suite.startsWith('TLS_RSA_')", "tls12-static-rsa", Fail),
        ("tls_cipher_suite in ['TLS_AES_128_GCM_SHA256']", "tls12-static-rsa", Pass),
        ("tls_key_exchange_group == 'none'", "tls12-static-rsa", Fail),
        ("tls_server_certificate_expiry <= 30", "tls12-expired", Fail),
        ("tls_server_certificate_expiry <= 30", "tls13", Unknown),
        ("destination_port == 443 || destination_port > 8000", "tls13", Fail),
        ("partial.exists(mark, mark == 'client_only')", "client-only", Fail),
        ("partial.exists(mark, mark == 'client_only')", "tls13", Pass),
        ("size(anomaly) > 0", "tls13", Pass),
    ] {
        let (found, reason) = judge(expression, &Judged::capture(name, 0));
        assert_eq!(found, verdict, "{expression} of {name}: {reason}");
        assert!(!reason.is_empty(), "{expression} of {name}");
    }
}

#[test]
fn what_is_unknown_decides_nothing_unless_the_rest_does() {
    use Verdict::{Fail, Pass, Unknown};
    let hidden = Judged::capture("tls13", 0);
    for (expression, verdict) in [
        ("tls_server_certificate_expiry < 0 && tls_version == 1.3", Unknown),
        ("tls_version == 1.3 && tls_server_certificate_expiry < 0", Unknown),
        ("tls_server_certificate_expiry < 0 && tls_version == 1.2", Pass),
        ("tls_version == 1.2 && tls_server_certificate_expiry < 0", Pass),
        ("tls_server_certificate_expiry < 0 || tls_version == 1.3", Fail),
        ("tls_version == 1.3 || tls_server_certificate_expiry < 0", Fail),
        ("tls_server_certificate_expiry < 0 || tls_version == 1.2", Unknown),
        ("!(tls_server_certificate_expiry < 0)", Unknown),
        ("tls_server_certificate_expiry == tls_server_certificate_expiry", Unknown),
        ("tls_server_certificate_expiry < 0 ? true : true", Unknown),
        ("[tls_server_certificate_expiry].size() == 1", Unknown),
        ("source_label['pci'] == 'true'", Unknown),
    ] {
        let (found, reason) = judge(expression, &hidden);
        assert_eq!(found, verdict, "{expression}: {reason}");
    }
    let reason = judge("tls_server_certificate_expiry < 0", &hidden).1;
    assert_eq!(reason, "the certificate is encrypted in TLS 1.3");
}

#[test]
fn labels_and_lists_are_values() {
    let line = with("client", &json!({ "kubernetes": { "labels": { "pci": "true" } } }));
    let judged = Judged::line(&line);
    assert_eq!(judge("source_label['pci'] == 'true'", &judged).0, Verdict::Fail);
    assert_eq!(judge("source_label['pci'] == 'false'", &judged).0, Verdict::Pass);
    assert_eq!(judge("'host:192.0.2.1' in either_entity", &judged).0, Verdict::Fail);
}

#[test]
fn every_criterion_is_a_variable() {
    for criterion in Criterion::all() {
        let variable = &criterion.variable;
        let expression = if criterion.is_list {
            format!("size({variable}) > 0")
        } else {
            format!("{variable} == {variable}")
        };
        Rule::compile(policy(&expression)).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn an_expression_that_makes_no_sense_is_refused_when_it_is_written() {
    for (expression, expected) in [
        ("", "'expression': "),
        ("tls_version <", "'expression': "),
        ("tls_versions < 1.2", "there is no variable 'tls_versions'"),
        ("tls_version", "neither true nor false"),
        ("tls_cipher_suite < 5", "'expression': "),
        ("frobnicate(tls_version)", "'expression': "),
        ("tls_version.major == 1", "'expression': "),
        ("tls_forward_secrecy && 7", "'expression': "),
        ("partial.all(a, anomaly.all(b, either_entity.all(c, true)))", "3 loops, more than 2"),
        ("Message{a: 1} == 2", "'expression': "),
    ] {
        let error = Rule::compile(policy(expression)).unwrap_err().to_string();
        assert!(error.contains(expected), "{expression}: {error}");
    }
}

/// The stack of a test's thread is as large as that of a server's workers.
#[test]
fn an_expression_that_nobody_writes_is_refused_and_breaks_nothing() {
    let deep = |open: &str, close: &str, times: usize| {
        format!("{}true{}", open.repeat(times), close.repeat(times))
    };
    for expression in [
        "x".repeat(3000),
        deep("[", "]", 900),
        deep("{1: ", "}", 300),
        deep("size(", ")", 300),
        deep("true ? ", " : true", 140),
        "1 + ".repeat(500) + "1 == 1",
        "'a'".to_owned() + &".size()".repeat(280) + " == 1",
        "tls_cipher_suite".to_owned() + &"[0]".repeat(500),
        format!("[{}].size() > 0", "1,".repeat(1000)),
        "(".repeat(2000),
        "\"".to_owned() + &"(".repeat(2000) + "\"",
    ] {
        let start = expression.chars().take(20).collect::<String>();
        assert!(Rule::compile(policy(&expression)).is_err(), "{start}");
    }
    // The largest that are taken.
    for expression in [
        deep("(", ")", 900),
        deep("!", "", 2000),
        "true && ".repeat(200) + "true",
        "1+".repeat(22) + "1 > 1",
        deep("true ? (", ") : true", 20),
        "partial.exists(a, anomaly.exists(b, a == b))".to_owned(),
    ] {
        let start = expression.chars().take(20).collect::<String>();
        let rule =
            Rule::compile(policy(&expression)).unwrap_or_else(|error| panic!("{start}: {error}"));
        let found = rule.finding(&Judged::capture("tls13", 0).subject());
        assert_ne!(found.verdict, Verdict::Unknown, "{start}: {}", found.reason);
    }
}

fn judge(expression: &str, judged: &Judged) -> (Verdict, String) {
    let rule = Rule::compile(policy(expression)).unwrap_or_else(|error| panic!("{error}"));
    let found = rule.judge(&judged.subject()).unwrap();
    (found.verdict, found.reason)
}

fn policy(expression: &str) -> Policy {
    let policy = json!({ "name": "test", "severity": "low", "expression": expression });
    serde_json::from_value(policy).unwrap()
}
