//! Who is at the ends of an edge.

use policy::{Entity, EntityKind, NamedNetwork, Naming};
use serde_json::{Value, json};

use crate::captures::observation;
use crate::lines::with;

#[test]
fn a_workload_is_named_by_cluster_namespace_kind_and_name() {
    let mut line = with(
        "client",
        &json!({
            "orchestrator": { "cluster": { "name": "prod" } },
            "kubernetes": { "namespace": "shop", "pod": { "name": "web-1" }, "labels": { "app": "web" } },
            "container": { "id": "c0ffee", "image": { "name": "registry/web", "tag": ["1.2"] } },
            "process": { "name": "nginx", "executable": "/usr/sbin/nginx" },
        }),
    );
    line["tlsight"]["workload"] = json!({ "client": { "kind": "Deployment", "name": "web" } });
    let client = entities(&line).0;
    assert_eq!(client.id, "workload:prod/shop/Deployment/web");
    assert_eq!((client.kind, client.name.as_str()), (EntityKind::Workload, "web"));
    assert_eq!(client.namespace.as_deref(), Some("shop"));
    assert_eq!(client.executable.as_deref(), Some("/usr/sbin/nginx"));
    assert_eq!(client.image.as_deref(), Some("registry/web:1.2"));
    assert_eq!(client.labels["app"], "web");
}

#[test]
fn a_service_stands_for_what_is_behind_its_address() {
    let line = with(
        "server",
        &json!({ "kubernetes": { "namespace": "shop", "service": { "name": "db" } } }),
    );
    let server = entities(&line).1;
    assert_eq!(server.id, "workload:/shop/Service/db");
    assert_eq!(server.workload_kind.as_deref(), Some("Service"));
}

#[test]
fn a_container_is_named_by_its_name_or_the_start_of_its_id() {
    let id = "0123456789abcdef0123456789abcdef";
    let named = with("client", &json!({ "container": { "id": id, "name": "web" } }));
    assert_eq!(entities(&named).0.id, "container:box/web");
    let nameless = with("client", &json!({ "container": { "id": id } }));
    assert_eq!(entities(&nameless).0.id, "container:box/0123456789ab");
    let short = with("client", &json!({ "container": { "id": "é" } }));
    assert_eq!(entities(&short).0.id, "container:box/é");
}

#[test]
fn a_program_is_named_by_its_path_on_its_host() {
    let line = with(
        "client",
        &json!({ "process": { "name": "curl", "executable": "/usr/bin/curl", "pid": 7 } }),
    );
    let client = entities(&line).0;
    assert_eq!((client.id.as_str(), client.name.as_str()), ("process:box//usr/bin/curl", "curl"));
    assert_eq!(client.kind, EntityKind::Process);
    let nameless = with("client", &json!({ "process": { "name": "curl" } }));
    assert_eq!(entities(&nameless).0.id, "process:box/curl");
}

#[test]
fn a_node_is_a_host() {
    let line = with("server", &json!({ "kubernetes": { "node": { "name": "node-1" } } }));
    assert_eq!(entities(&line).1.id, "host:node-1");
}

#[test]
fn public_clients_are_one_and_public_servers_are_their_names() {
    let line = with("client", &json!({ "ip": "203.0.114.9" }));
    assert_eq!(entities(&line).0.id, "network:internet");
    let mut line = with("server", &json!({ "ip": "2606:4700::1" }));
    let server = entities(&line).1;
    assert_eq!((server.id.as_str(), server.ip), ("host:example.test", None));
    line["tls"]["client"].as_object_mut().unwrap().remove("server_name");
    line["server"].as_object_mut().unwrap().remove("domain");
    assert_eq!(entities(&line).1.id, "host:2606:4700::1");
}

#[test]
fn addresses_for_special_purposes_are_hosts_of_their_own() {
    for ip in [
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "127.0.0.1",
        "169.254.1.1",
        "100.64.0.1",
        "192.0.2.1",
        "0.0.0.0",
        "fd00::1",
        "::1",
        "fe80::1",
        "2001:db8::1",
        "::",
        "::ffff:10.0.0.1",
    ] {
        let line = with("client", &json!({ "ip": ip }));
        let client = entities(&line).0;
        assert_eq!(client.id, format!("host:{ip}"));
        assert_eq!(client.ip, Some(ip.parse().unwrap()));
    }
    for ip in ["100.128.0.1", "172.32.0.1", "2001:db9::1", "::ffff:1.1.1.1"] {
        let line = with("client", &json!({ "ip": ip }));
        assert_eq!(entities(&line).0.id, "network:internet", "{ip}");
    }
}

#[test]
fn the_first_range_with_an_address_names_it() {
    let range = |name: &str, base: &str, prefix| NamedNetwork {
        name: name.to_owned(),
        base: base.parse().unwrap(),
        prefix,
    };
    let naming = Naming {
        networks: vec![
            range("office", "10.1.0.0", 16),
            range("ours", "10.0.0.0", 8),
            range("six", "2001:db8::", 32),
            range("all", "::", 0),
        ],
        ..Naming::default()
    };
    for (ip, expected) in [
        ("10.1.9.9", "network:office"),
        ("10.2.0.1", "network:ours"),
        ("::ffff:10.2.0.1", "network:ours"),
        ("2001:db8::5", "network:six"),
        ("2606:4700::1", "network:all"),
        ("11.0.0.1", "network:internet"),
    ] {
        let seen = observation(&with("client", &json!({ "ip": ip })));
        assert_eq!(seen.entities(&naming).0.id, expected, "{ip}");
    }
    assert!(!range("none", "10.0.0.0", 32).contains("10.0.0.1".parse().unwrap()));
    assert!(range("too long", "10.0.0.0", 255).contains("10.0.0.0".parse().unwrap()));
}

#[test]
fn an_entity_survives_its_json() {
    let (client, server) = entities(&with("client", &json!({ "process": { "name": "curl" } })));
    for entity in [client, server] {
        let text = serde_json::to_string(&entity).unwrap();
        assert_eq!(serde_json::from_str::<Entity>(&text).unwrap(), entity);
    }
}

fn entities(line: &Value) -> (Entity, Entity) {
    let naming = Naming { host: Some("box".to_owned()), ..Naming::default() };
    observation(line).entities(&naming)
}
