use proptest::prelude::*;

use super::*;

#[test]
fn a_pod_is_cut_down_to_what_is_kept() {
    let json = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web-0","namespace":"shop",
        "uid":"u-1","resourceVersion":"7","labels":{"app.kubernetes.io/name":"web","secret":"x"},
        "annotations":{"kubernetes.io/config.hash":"abc"},
        "ownerReferences":[{"apiVersion":"v1","kind":"Other","name":"o","uid":"o"},
          {"apiVersion":"apps/v1","kind":"StatefulSet","name":"web","uid":"s","controller":true}]},
        "spec":{"nodeName":"n1","containers":[{"name":"c","image":"i"}]},
        "status":{"phase":"Running","podIP":"10.1.2.3","podIPs":[{"ip":"10.1.2.3"},{"ip":"fd00::3"}]}}"#;
    let pod = Object::parse(json, true, &[Label::new("app.kubernetes.io/name")]).unwrap();
    assert_eq!((&*pod.name, &*pod.uid, pod.namespace.as_deref()), ("web-0", "u-1", Some("shop")));
    let expected: Vec<IpAddr> = vec!["10.1.2.3".parse().unwrap(), "fd00::3".parse().unwrap()];
    assert_eq!(pod.addresses, expected);
    let parts = pod.pod.unwrap();
    let owner = parts.controller.unwrap();
    assert_eq!((&*owner.kind, &*owner.group, &*owner.name), ("StatefulSet", "apps", "web"));
    assert_eq!((parts.node.as_deref(), parts.ip.as_deref()), (Some("n1"), Some("10.1.2.3")));
    assert_eq!(parts.config_hash.as_deref(), Some("abc"));
    let labels: Vec<_> = parts.labels.iter().map(|(key, value)| (&**key, &**value)).collect();
    assert_eq!(labels, [("app_kubernetes_io/name", "web")]);
}

#[test]
fn an_address_that_is_not_the_pods_alone_is_not_its_own() {
    for (spec, status) in [
        (r#""hostNetwork":true"#, r#""phase":"Running""#),
        ("", r#""phase":"Succeeded""#),
        ("", r#""phase":"Failed""#),
    ] {
        let json = format!(
            r#"{{"metadata":{{"name":"p","uid":"u"}},"spec":{{{spec}}},
                "status":{{{status},"podIP":"10.0.0.1"}}}}"#
        );
        let pod = Object::parse(&json, true, &[]).unwrap();
        assert_eq!((pod.addresses.len(), pod.pod.unwrap().ip.as_deref()), (0, Some("10.0.0.1")));
    }
}

#[test]
fn services_and_nodes_have_their_addresses() {
    let service = r#"{"metadata":{"name":"api","namespace":"shop","uid":"s"},
        "spec":{"clusterIP":"10.96.0.1","clusterIPs":["10.96.0.1","fd00::1","None"],
        "externalIPs":["192.0.2.9"]},
        "status":{"loadBalancer":{"ingress":[{"ip":"198.51.100.7"},{"hostname":"x"}]}}}"#;
    let service = Object::parse(service, false, &[]).unwrap();
    let shown: Vec<_> = service.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["10.96.0.1", "fd00::1", "192.0.2.9", "198.51.100.7"]);
    let node = r#"{"metadata":{"name":"n1","uid":"n"},"status":{"addresses":[
        {"type":"InternalIP","address":"192.0.2.1"},{"type":"Hostname","address":"n1"}]}}"#;
    let node = Object::parse(node, false, &[]).unwrap();
    assert_eq!(node.addresses, ["192.0.2.1".parse::<IpAddr>().unwrap()]);
}

#[test]
fn what_kubernetes_would_not_have_taken_is_malformed() {
    let long = "x".repeat(254);
    for (name, uid) in
        [("", "u"), ("a/../b", "u"), ("A", "u"), (&*long, "u"), ("a", ""), ("a", "/")]
    {
        let json = format!(r#"{{"metadata":{{"name":"{name}","uid":"{uid}"}}}}"#);
        assert_eq!(Object::parse(&json, true, &[]), Err(Malformed), "{json}");
    }
    for json in ["", "{}", "[]", "null", r#"{"metadata":{"name":7,"uid":"u"}}"#, &"[".repeat(9999)]
    {
        assert_eq!(Object::parse(json, true, &[]), Err(Malformed), "{json:.20}");
    }
}

#[test]
fn hostile_owners_and_labels_are_left_out() {
    let many = r#"{"apiVersion":"v1","kind":"K","name":"n","uid":"u"},"#.repeat(MAX_OWNERS);
    for owners in [
        format!(r#"{many}{{"apiVersion":"v1","kind":"K","name":"n","uid":"u","controller":true}}"#),
        r#"{"apiVersion":"v1","kind":"K/K","name":"n","uid":"u","controller":true}"#.to_owned(),
        r#"{"apiVersion":"../v1","kind":"K","name":"../n","uid":"u","controller":true}"#.to_owned(),
    ] {
        let json = format!(
            r#"{{"metadata":{{"name":"p","uid":"u","ownerReferences":[{owners}],
                "labels":{{"a":"{}"}}}}}}"#,
            "x".repeat(64)
        );
        let parts = Object::parse(&json, true, &[Label::new("a")]).unwrap().pod.unwrap();
        assert_eq!((parts.controller, parts.labels.len()), (None, 0), "{owners:.90}");
    }
}

proptest! {
    #[test]
    fn any_text_is_an_object_or_malformed(text in "[\\[\\]{}\":,a-z0-9 ]{0,80}") {
        prop_assert_eq!(Object::parse(&text, true, &[]), Err(Malformed));
    }
}
