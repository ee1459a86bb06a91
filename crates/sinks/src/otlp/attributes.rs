//! Names of OpenTelemetry's semantic conventions for what lines say.

use serde_json::Value as Json;

use crate::otlp::wire::{AnyValue, ArrayValue, KeyValue, Value};

/// The attributes of a line: of those that it says something of, in the order of the table.
pub(super) fn of(line: &Json) -> Vec<KeyValue> {
    let found = TABLE.iter().filter_map(|(name, places)| {
        let value = places.iter().find_map(|place| value(line.pointer(place)?))?;
        Some(KeyValue::new(*name, value))
    });
    let user = line.pointer("/process/user/id").and_then(Json::as_str);
    let user = user.and_then(|id| id.parse::<i64>().ok());
    let user = user
        .map(|id| KeyValue::new("process.real_user.id", AnyValue { value: Some(Value::Int(id)) }));
    found.chain(user).collect()
}

fn value(json: &Json) -> Option<AnyValue> {
    let value = match json {
        Json::String(text) => Value::String(text.clone()),
        Json::Bool(flag) => Value::Bool(*flag),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Value::Int(whole),
            None => Value::Double(number.as_f64()?),
        },
        Json::Array(items) => {
            Value::Array(ArrayValue { values: items.iter().filter_map(value).collect() })
        }
        Json::Null | Json::Object(_) => return None,
    };
    Some(AnyValue { value: Some(value) })
}

/// Names, and where in a line the value is; the first of these that is there counts. Names that are
/// not of the conventions (version 1.37) begin with `tlsight.`.
const TABLE: &[(&str, &[&str])] = &[
    ("tls.protocol.name", &["/tls/version_protocol"]),
    ("tls.protocol.version", &["/tls/version"]),
    ("tls.cipher", &["/tls/cipher"]),
    ("tls.curve", &["/tls/curve"]),
    ("tls.established", &["/tls/established"]),
    ("tls.resumed", &["/tls/resumed"]),
    ("tls.next_protocol", &["/tls/next_protocol"]),
    ("tls.client.ja3", &["/tls/client/ja3"]),
    ("tls.client.supported_ciphers", &["/tls/client/supported_ciphers"]),
    ("tls.client.subject", &["/tls/client/subject"]),
    ("tls.client.issuer", &["/tls/client/issuer"]),
    ("tls.client.not_before", &["/tls/client/not_before"]),
    ("tls.client.not_after", &["/tls/client/not_after"]),
    ("tls.client.hash.md5", &["/tls/client/hash/md5"]),
    ("tls.client.hash.sha1", &["/tls/client/hash/sha1"]),
    ("tls.client.hash.sha256", &["/tls/client/hash/sha256"]),
    ("tls.client.certificate_chain", &["/tls/client/certificate_chain"]),
    ("tls.server.ja3s", &["/tls/server/ja3s"]),
    ("tls.server.subject", &["/tls/server/subject"]),
    ("tls.server.issuer", &["/tls/server/issuer"]),
    ("tls.server.not_before", &["/tls/server/not_before"]),
    ("tls.server.not_after", &["/tls/server/not_after"]),
    ("tls.server.hash.md5", &["/tls/server/hash/md5"]),
    ("tls.server.hash.sha1", &["/tls/server/hash/sha1"]),
    ("tls.server.hash.sha256", &["/tls/server/hash/sha256"]),
    ("tls.server.certificate_chain", &["/tls/server/certificate_chain"]),
    ("server.address", &["/server/domain", "/tls/client/server_name", "/server/ip"]),
    ("server.port", &["/server/port"]),
    ("client.address", &["/client/ip"]),
    ("client.port", &["/client/port"]),
    ("source.address", &["/source/ip", "/source/address"]),
    ("source.port", &["/source/port"]),
    ("destination.address", &["/destination/ip", "/destination/address"]),
    ("destination.port", &["/destination/port"]),
    ("network.transport", &["/network/transport"]),
    ("network.type", &["/network/type"]),
    ("process.pid", &["/process/pid"]),
    ("process.executable.name", &["/process/name"]),
    ("process.executable.path", &["/process/executable"]),
    ("process.command_line", &["/process/command_line"]),
    ("process.creation.time", &["/process/start"]),
    ("process.parent_pid", &["/process/parent/pid"]),
    ("container.id", &["/container/id"]),
    ("container.name", &["/container/name"]),
    ("container.runtime", &["/container/runtime"]),
    ("container.image.name", &["/container/image/name"]),
    ("container.image.tags", &["/container/image/tag"]),
    ("k8s.cluster.name", &["/orchestrator/cluster/name"]),
    ("k8s.namespace.name", &["/kubernetes/namespace"]),
    ("k8s.node.name", &["/kubernetes/node/name"]),
    ("k8s.pod.name", &["/kubernetes/pod/name"]),
    ("k8s.pod.uid", &["/kubernetes/pod/uid"]),
    ("k8s.deployment.name", &["/kubernetes/deployment/name"]),
    ("k8s.replicaset.name", &["/kubernetes/replicaset/name"]),
    ("k8s.statefulset.name", &["/kubernetes/statefulset/name"]),
    ("k8s.daemonset.name", &["/kubernetes/daemonset/name"]),
    ("k8s.job.name", &["/kubernetes/job/name"]),
    ("k8s.cronjob.name", &["/kubernetes/cronjob/name"]),
    ("security_rule.name", &["/rule/name"]),
    ("security_rule.description", &["/rule/description"]),
    ("tlsight.rule.id", &["/rule/id"]),
    ("tlsight.outcome", &["/event/outcome"]),
    ("tlsight.action", &["/event/action"]),
    ("tlsight.message", &["/message"]),
    ("tlsight.server_name", &["/tls/client/server_name"]),
    ("tlsight.ja4", &["/tlsight/ja4"]),
    ("tlsight.key_exchange.class", &["/tlsight/key_exchange/class"]),
    ("tlsight.key_exchange.group", &["/tlsight/key_exchange/group"]),
    ("tlsight.key_exchange.forward_secret", &["/tlsight/key_exchange/forward_secret"]),
    ("tlsight.certificate.state", &["/tlsight/certificate/state"]),
    ("tlsight.certificate.days_left", &["/tlsight/certificate/days_left"]),
    ("tlsight.carrier", &["/tlsight/carrier"]),
    ("tlsight.starttls", &["/tlsight/starttls"]),
    ("tlsight.partial", &["/tlsight/partial"]),
    ("tlsight.anomalies", &["/tlsight/anomalies"]),
    ("tlsight.edge.sessions", &["/tlsight/edge/sessions"]),
    ("tlsight.violation.id", &["/tlsight/violation/id"]),
    ("tlsight.violation.severity", &["/tlsight/violation/severity"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_there_once_and_places_are_pointers() {
        let mut names: Vec<_> = TABLE.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), TABLE.len());
        for (name, places) in TABLE {
            assert!(
                !places.is_empty() && places.iter().all(|place| place.starts_with('/')),
                "{name}"
            );
        }
    }

    #[test]
    fn a_server_is_called_by_its_name_where_it_has_one() {
        let address = |line: &str| {
            let line: Json = serde_json::from_str(line).unwrap();
            of(&line).into_iter().find(|it| it.key == "server.address")?.value?.value
        };
        let text = |text: &str| Some(Value::String(text.to_owned()));
        assert_eq!(address(r#"{"server":{"ip":"192.0.2.1","domain":"a.test"}}"#), text("a.test"));
        assert_eq!(address(r#"{"server":{"ip":"192.0.2.1"}}"#), text("192.0.2.1"));
        assert_eq!(address(r#"{"server":{"ip":{}}}"#), None);
    }
}
