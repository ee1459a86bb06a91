//! What rules say, and why.

use policy::{Policy, Rule, Severity, Verdict};
use serde_json::{Value, json};

use crate::lines::with;
use crate::sessions::{Judged, policy, rule};

#[test]
fn sections_are_alternatives_and_their_groups_hold_together() {
    let group =
        |field: &str, value: &str| json!({ "fieldName": field, "values": [{ "value": value }] });
    let section = |groups: &[Value]| json!({ "policyGroups": groups });
    let (old, tls13) = (group("TLS Version", "< 1.2"), group("TLS Version", "1.3"));
    let (classical, expired) = (
        group("TLS Key Exchange Class", "classical"),
        group("TLS Server Certificate Expiry", "< 0"),
    );
    let say = |sections: &[Value], name: &str| {
        let judged = Judged::capture(name, 0);
        let finding = rule(&json!(sections)).judge(&judged.subject()).unwrap();
        (finding.verdict, finding.reason)
    };
    let both = section(&[tls13.clone(), classical.clone()]);
    let (verdict, reason) = say(std::slice::from_ref(&both), "tls13");
    assert_eq!(verdict, Verdict::Fail);
    assert_eq!(reason, "TLS version is 1.3 and TLS key exchange class is classical");
    assert_eq!(say(&[both], "pq-hybrid").0, Verdict::Pass);
    let either = [section(std::slice::from_ref(&old)), section(std::slice::from_ref(&classical))];
    assert_eq!(say(&either, "tls13").0, Verdict::Fail);
    assert_eq!(say(&either, "pq-hybrid").0, Verdict::Pass);
    // What is unknown decides nothing, and is no pass.
    let open = [section(std::slice::from_ref(&old)), section(std::slice::from_ref(&expired))];
    let (verdict, reason) = say(&open, "tls13");
    assert_eq!(verdict, Verdict::Unknown);
    assert_eq!(reason, "the certificate is encrypted in TLS 1.3");
    // Unless another part decides it.
    assert_eq!(say(&[section(&[old, expired.clone()])], "tls13").0, Verdict::Pass);
    assert_eq!(say(&[section(&[expired]), section(&[tls13])], "tls13").0, Verdict::Fail);
}

#[test]
fn values_are_alternatives_or_hold_together_and_may_be_negated() {
    let say = |group: Value, name: &str| {
        let judged = Judged::capture(name, 0);
        let rule = rule(&json!([{ "policyGroups": [group] }]));
        let finding = rule.judge(&judged.subject()).unwrap();
        (finding.verdict, finding.reason)
    };
    let field = "TLS Server Certificate Expiry";
    let values = json!([{ "value": "> 30" }, { "value": "< 90" }]);
    let any = json!({ "fieldName": field, "values": values });
    let both = json!({ "fieldName": field, "booleanOperator": "AND", "values": values });
    assert_eq!(say(any, "tls12-ecdsa").0, Verdict::Fail);
    assert_eq!(say(both.clone(), "tls12-ecdsa").0, Verdict::Pass);
    assert_eq!(say(both, "tls13").0, Verdict::Unknown);
    let allowed = json!({
        "fieldName": "TLS Version", "negate": true,
        "values": [{ "value": "1.2" }, { "value": "1.3" }],
    });
    let (verdict, reason) = say(allowed.clone(), "tls10");
    assert_eq!((verdict, reason.as_str()), (Verdict::Fail, "TLS version is 1.0"));
    assert_eq!(say(allowed.clone(), "tls13").0, Verdict::Pass);
    assert_eq!(say(allowed, "alert-handshake-failure").0, Verdict::Unknown);
}

#[test]
fn a_certificate_is_judged_again_when_time_passes() {
    let ask = |now: &str| {
        let judged = Judged::capture("tls12-ecdsa", 0).at(now);
        judged.ask("TLS Server Certificate Expiry", &["<= 30"])
    };
    assert_eq!(ask("2125-11-30T00:00:00Z").0, Verdict::Pass);
    let said = ask("2125-12-10T00:00:00Z");
    assert_eq!((said.0, said.1.as_str()), (Verdict::Fail, "the certificate expires in 22 days"));
    assert_eq!(ask("2126-01-01T00:00:01Z").1, "the certificate expired less than a day ago");
}

#[test]
fn a_policy_speaks_only_where_and_when_it_is_meant_to() {
    let mut line = with(
        "client",
        &json!({ "orchestrator": { "cluster": { "name": "prod" } },
                 "kubernetes": { "namespace": "shop", "labels": { "pci": "true" } } }),
    );
    line["tlsight"]["workload"] = json!({ "client": { "kind": "Deployment", "name": "web" } });
    let judged = Judged::line(&line);
    let sections = json!([{ "policyGroups": [
        { "fieldName": "TLS Version", "values": [{ "value": "1.3" }] }
    ] }]);
    let speaks = |change: fn(&mut Policy)| {
        let mut policy = policy(&sections);
        change(&mut policy);
        Rule::compile(policy).unwrap().judge(&judged.subject()).is_some()
    };
    assert!(speaks(|_| {}));
    assert!(!speaks(|policy| policy.disabled = true));
    assert!(!speaks(|policy| policy.from = Some("2200-01-01T00:00:00Z".parse().unwrap())));
    assert!(speaks(|policy| policy.from = Some("2000-01-01T00:00:00Z".parse().unwrap())));
    for (text, expected) in [
        (r#"{"namespace": "sh*"}"#, true),
        (r#"{"namespace": "pay"}"#, false),
        (r#"{"cluster": "prod", "namespace": "shop"}"#, true),
        (r#"{"cluster": "test", "namespace": "shop"}"#, false),
        (r#"{"label": {"key": "pci", "value": "true"}}"#, true),
        (r#"{"label": {"key": "pci", "value": "false"}}"#, false),
        (r#"{"label": {"key": "other", "value": "*"}}"#, false),
    ] {
        let mut policy = policy(&sections);
        policy.scope = vec![serde_json::from_str(text).unwrap()];
        let rule = Rule::compile(policy).unwrap();
        assert_eq!(rule.judge(&judged.subject()).is_some(), expected, "{text}");
    }
}

#[test]
fn an_exclusion_holds_for_its_ends_until_it_expires() {
    let judged = Judged::capture("tls13", 0);
    let excluded = |exclusion: Value| {
        let mut policy = policy(&json!([{ "policyGroups": [
            { "fieldName": "TLS Version", "values": [{ "value": "1.3" }] }
        ] }]));
        policy.exclusions = vec![serde_json::from_value(exclusion).unwrap()];
        let rule = Rule::compile(policy).unwrap();
        assert_eq!(rule.judge(&judged.subject()).unwrap().verdict, Verdict::Fail);
        rule.exclusion(&judged.subject()).is_some()
    };
    let own = json!({ "name": "a", "reason": "b", "entity": "host:192.0.2.*" });
    assert!(excluded(own.clone()));
    assert!(!excluded(json!({ "name": "a", "reason": "b", "entity": "host:10.*" })));
    let mut ended = own.clone();
    ended["expiration"] = "2000-01-01T00:00:00Z".into();
    assert!(!excluded(ended));
    let mut lasting = own;
    lasting["expiration"] = "2200-01-01T00:00:00Z".into();
    assert!(excluded(lasting));
}

#[test]
fn a_severity_rises_with_time() {
    let mut policy = policy(&json!([]));
    policy.severity_from = serde_json::from_value(json!([
        { "from": "2030-01-01T00:00:00Z", "severity": "high" },
        { "from": "2027-01-01T00:00:00Z", "severity": "medium" },
    ]))
    .unwrap();
    let at = |now: &str| policy.severity_at(now.parse().unwrap());
    assert_eq!(at("2026-12-31T23:59:59Z"), Severity::Low);
    assert_eq!(at("2027-01-01T00:00:00Z"), Severity::Medium);
    assert_eq!(at("2035-01-01T00:00:00Z"), Severity::High);
}
