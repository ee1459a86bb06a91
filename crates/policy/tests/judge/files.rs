//! Policies as they come in files, and what is wrong with them.

use policy::{Policy, Rule, Severity, read_policies, write_stackrox};
use serde_json::{Value, json};

#[test]
fn a_file_holds_one_policy_or_a_list_of_them() {
    let one = own();
    for file in [one.clone(), json!([one]), json!({ "policies": [one] })] {
        let read = read_policies(file.to_string().as_bytes()).unwrap();
        assert_eq!(read.len(), 1);
        assert_eq!(serde_json::to_value(&read[0]).unwrap()["id"], "own.old");
    }
}

#[test]
fn a_policy_survives_its_json() {
    let read = read_policies(own().to_string().as_bytes()).unwrap().remove(0);
    let written = serde_json::to_value(&read).unwrap();
    assert_eq!(written, own());
}

#[test]
fn an_export_of_stackrox_is_taken_and_given_back() {
    let export = json!({ "policies": [stackrox()] });
    let read = read_policies(export.to_string().as_bytes()).unwrap();
    let policy = &read[0];
    assert_eq!(policy.severity, Severity::High);
    assert_eq!(policy.source, None);
    let exclusion = &policy.exclusions[0];
    assert_eq!(exclusion.entity.as_deref(), Some("legacy"));
    assert_eq!(exclusion.namespace.as_deref(), Some("shop"));
    Rule::compile(policy.clone()).unwrap();
    let back = write_stackrox(&read).unwrap();
    let (back, sent) = (&back["policies"][0], stackrox());
    for key in ["id", "name", "severity", "categories", "policySections", "policyVersion", "scope"]
    {
        assert_eq!(back[key], sent[key], "{key}");
    }
    assert_eq!(back["exclusions"][0]["deployment"]["name"], "legacy");
    let again = read_policies(json!({ "policies": [back] }).to_string().as_bytes()).unwrap();
    assert_eq!(again, read);
}

#[test]
fn an_expression_is_nothing_that_stackrox_has() {
    let policy: Policy = serde_json::from_value(
        json!({ "name": "a", "severity": "low", "expression": "port == 1" }),
    )
    .unwrap();
    assert!(write_stackrox(&[policy]).is_err());
}

#[test]
fn an_exclusion_of_stackrox_that_would_hold_for_more_is_refused() {
    let mut policy = stackrox();
    policy["exclusions"][0]["deployment"]["scope"]["cluster"] = "prod".into();
    let error = read_policies(policy.to_string().as_bytes()).unwrap_err().to_string();
    assert!(error.contains("'cluster' is not supported"), "{error}");
}

#[test]
fn an_error_says_where_and_what() {
    for (change, expected) in [
        (json!({ "colour": "red" }), "unknown field `colour`"),
        (json!({ "severity": "awful" }), "unknown variant `awful`"),
        (json!({ "name": " " }), "policy 'own.old', 'name': has no text"),
        (json!({ "policySections": [] }), "has neither policySections nor an expression"),
        (json!({ "expression": "true" }), "has both policySections and an expression"),
        (json!({ "policySections": [{ "policyGroups": [] }] }), "section 1: has no policyGroups"),
        (sections("TLS Versions", &["1.2"]), "no such criterion; is it 'TLS Version'?"),
        (sections("Image Tag", &["latest"]), "'Image Tag': no such criterion"),
        (sections("TLS Version", &[]), "section 1, group 1, 'TLS Version': has no values"),
        (
            sections("TLS Version", &["1.2", "< 9"]),
            "policy 'own.old', section 1, group 1, 'TLS Version', value '< 9': not a version",
        ),
        (sections("TLS Forward Secrecy", &["yes"]), "neither true nor false"),
        (sections("TLS Server Certificate Expiry", &["soon"]), "not a number of days"),
        (sections("TLS Cipher Suite", &["TLS_AES_512_GCM"]), "no cipher suite has that name"),
        (sections("TLS Key Exchange Group", &["x25518"]), "no group has that name"),
        (
            sections("TLS Key Exchange Class", &["quantum"]),
            "none of classical, hybrid_pq, pq, none",
        ),
        (sections("Label", &["pci"]), "not a label"),
        (sections("Process", &[""]), "has no value"),
        (sections("Process", &["x".repeat(257).as_str()]), "257 bytes, more than 256"),
        (sections("Process", &["x"; 257]), "257 values, more than 256"),
        (json!({ "exclusions": [{ "name": "a", "reason": "b" }] }), "has no namespace or entity"),
        (json!({ "exclusions": [{ "name": "a", "reason": "", "entity": "*" }] }), "has no reason"),
    ] {
        let mut policy = own();
        for (key, value) in change.as_object().unwrap() {
            policy[key] = value.clone();
        }
        let error = match read_policies(policy.to_string().as_bytes()) {
            Ok(mut read) => Rule::compile(read.remove(0)).unwrap_err(),
            Err(error) => error,
        };
        let text = error.to_string();
        assert!(text.contains(expected), "{text}");
        assert!(text.contains("own.old"), "{text}");
    }
}

#[test]
fn a_file_that_nobody_writes_is_refused() {
    let many = vec![json!({ "name": "a", "severity": "low" }); 1001];
    let error = read_policies(json!(many).to_string().as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "1001 policies, more than 1000");
    assert!(read_policies(&vec![b' '; (4 << 20) + 1]).is_err());
    let error = read_policies(json!([own(), own()]).to_string().as_bytes()).unwrap_err();
    assert!(error.to_string().contains("another policy with this id"), "{error}");
    let error = read_policies(br#"{"policies": [], "more": 1}"#).unwrap_err();
    assert!(error.to_string().contains("'more' is not supported"), "{error}");
    assert!(read_policies("[".repeat(100_000).as_bytes()).is_err());
}

#[test]
fn no_prefix_of_a_file_is_one() {
    let text = own().to_string();
    for len in 0..text.len() {
        assert!(read_policies(&text.as_bytes()[..len]).is_err(), "prefix of {len} bytes");
    }
}

fn sections(field: &str, values: &[&str]) -> Value {
    let values: Vec<Value> = values.iter().map(|value| json!({ "value": value })).collect();
    json!({ "policySections": [{ "policyGroups": [{ "fieldName": field, "values": values }] }] })
}

fn own() -> Value {
    json!({
        "id": "own.old", "name": "Old", "description": "Old versions", "rationale": "They are weak.",
        "remediation": "Update.", "disabled": false, "severity": "high", "categories": ["Protocol"],
        "policySections": [{ "sectionName": "Old", "policyGroups": [
            { "fieldName": "TLS Version", "booleanOperator": "OR", "negate": false,
              "values": [{ "value": "< 1.2" }] },
            { "fieldName": "Namespace", "booleanOperator": "AND", "negate": true,
              "values": [{ "value": "test" }] },
        ] }],
        "scope": [{ "cluster": "prod", "label": { "key": "pci", "value": "true" } }],
        "exclusions": [{ "name": "printer", "entity": "host:10.0.0.9", "reason": "cannot",
                         "expiration": "2027-01-01T00:00:00.000000Z" }],
        "notifiers": ["n1"],
    })
}

fn stackrox() -> Value {
    json!({
        "id": "2db9a279-2aec-4618-a85d-7f1bdf4911b1", "name": "Old TLS", "description": "Old",
        "rationale": "", "remediation": "", "disabled": false, "categories": ["Zero Trust"],
        "lifecycleStages": ["RUNTIME"], "eventSource": "DEPLOYMENT_EVENT",
        "exclusions": [{ "name": "legacy", "deployment": { "name": "legacy", "scope": {
            "cluster": "", "namespace": "shop", "label": null } }, "image": null, "expiration": null }],
        "scope": [{ "cluster": "prod", "namespace": "shop" }],
        "severity": "HIGH_SEVERITY", "enforcementActions": [], "notifiers": [],
        "lastUpdated": "2026-01-01T00:00:00Z", "SORTName": "", "SORTLifecycleStage": "",
        "SORTEnforcement": false, "policyVersion": "1.1",
        "policySections": [{ "sectionName": "Section 1", "policyGroups": [
            { "fieldName": "TLS Version", "booleanOperator": "OR", "negate": false,
              "values": [{ "value": "< 1.2" }] },
        ] }],
        "mitreAttackVectors": [], "criteriaLocked": false, "mitreVectorsLocked": false,
        "isDefault": false, "source": "IMPERATIVE",
    })
}
