//! What other programs expect to be sent.

use event::Timestamp;
use policy::Severity;
use serde_json::{Map, Value, json};

use super::notice::{End, Event, Notice};
use crate::clock::MINUTE;

/// A violation in plain JSON.
pub(crate) fn generic(notice: &Notice) -> Value {
    let mut value = serde_json::to_value(notice).unwrap_or_default();
    if let Some(object) = value.as_object_mut() {
        object.remove("notifiers");
        object.insert("product".to_owned(), json!("tlsight"));
        object.insert("version".to_owned(), json!(crate::VERSION));
    }
    value
}

/// A violation in the shape of StackRox's alerts, as its generic webhook sends them.
pub(crate) fn stackrox(notice: &Notice) -> Value {
    let attributes: Vec<_> = notice
        .posture_texts()
        .into_iter()
        .map(|(key, value)| json!({ "key": key, "value": value }))
        .collect();
    let (state, resolved_at) = match notice.event {
        Event::Active | Event::Test => ("ACTIVE", None),
        Event::Resolved => ("RESOLVED", Some(notice.time)),
    };
    let severity = format!("{}_SEVERITY", notice.severity.name().to_uppercase());
    let end = &notice.source;
    json!({ "alert": {
        "id": notice.id,
        "policy": {
            "id": notice.policy,
            "name": notice.policy_name,
            "description": notice.description,
            "rationale": notice.rationale,
            "remediation": notice.remediation,
            "categories": notice.categories,
            "lifecycleStages": ["RUNTIME"],
            "eventSource": "DEPLOYMENT_EVENT",
            "severity": severity,
        },
        "lifecycleStage": "RUNTIME",
        "clusterName": end.cluster,
        "namespace": end.namespace,
        "deployment": {
            "name": end.name,
            "type": end.workload_kind,
            "namespace": end.namespace,
            "clusterName": end.cluster,
        },
        "violations": [{
            "message": notice.message,
            "type": "NETWORK_FLOW",
            "networkFlowInfo": {
                "protocol": format!("L4_PROTOCOL_{}", notice.protocol.to_uppercase()),
                "source": flow_end(end, 0),
                "destination": flow_end(&notice.destination, notice.port),
            },
            "keyValueAttrs": { "attrs": attributes },
            "time": notice.last_seen,
        }],
        "time": notice.last_seen,
        "firstOccurred": notice.first_seen,
        "resolvedAt": resolved_at,
        "state": state,
    }})
}

fn flow_end(end: &End, port: u16) -> Value {
    let kind = match end.kind.as_str() {
        "workload" => "DEPLOYMENT",
        "network" if end.name == "internet" => "INTERNET",
        _ => "EXTERNAL_SOURCE",
    };
    json!({
        "name": end.name,
        "entityType": kind,
        "deploymentNamespace": end.namespace,
        "deploymentType": end.workload_kind,
        "port": port,
    })
}

/// Alerts as Alertmanager's API takes them. What is active is so until `now` and a while longer,
/// because it is told again until then.
pub(crate) fn alertmanager(notices: &[Notice], now: Timestamp) -> Value {
    notices
        .iter()
        .map(|notice| {
            let ends_at = match notice.event {
                Event::Active => now.plus_nanos(ALERT_LASTS),
                Event::Resolved => notice.time,
                Event::Test => now.plus_nanos(MINUTE),
            };
            let mut labels = Map::new();
            let mut label = |name: &str, value: Option<&str>| {
                if let Some(value) = value.filter(|value| !value.is_empty()) {
                    labels.insert(name.to_owned(), json!(value));
                }
            };
            label("alertname", Some(&notice.policy_name));
            label("policy", Some(&notice.policy));
            label("severity", Some(notice.severity.name()));
            label("source", Some(&notice.source.name));
            label("source_namespace", notice.source.namespace.as_deref());
            label("destination", Some(&notice.destination.name));
            label("destination_namespace", notice.destination.namespace.as_deref());
            label("port", Some(&notice.port.to_string()));
            // What makes it one alert of its own.
            label("violation", Some(&notice.id));
            json!({
                "labels": labels,
                "annotations": {
                    "summary": notice.headline(),
                    "description": notice.message,
                    "remediation": notice.remediation.clone().unwrap_or_default(),
                },
                "startsAt": notice.first_seen.min(ends_at),
                "endsAt": ends_at,
            })
        })
        .collect()
}

/// A message for Slack and what speaks like it.
pub(crate) fn slack(notice: &Notice) -> Value {
    let fix = notice.remediation.as_deref().unwrap_or_default();
    // In its markup these three begin links, mentions and entities.
    let plain = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut text = format!("*{}*\n{}", plain(&notice.headline()), plain(&notice.message));
    if !fix.is_empty() {
        text.push_str(&format!("\n_{}_", plain(fix)));
    }
    json!({ "text": text })
}

/// A violation for people, as mail has it.
pub(crate) fn mail(notice: &Notice) -> String {
    let mut text = format!("{}\n\n{}\n", notice.headline(), notice.message);
    for (name, value) in [
        ("Policy", Some(notice.policy_name.clone())),
        ("Why", notice.rationale.clone()),
        ("What to do", notice.remediation.clone()),
        ("From", Some(notice.source.id.clone())),
        ("To", Some(format!("{} port {}", notice.destination.id, notice.port))),
        ("Server names", Some(notice.server_names.join(", "))),
        ("First seen", Some(notice.first_seen.to_string())),
        ("Last seen", Some(notice.last_seen.to_string())),
        ("Sessions", Some(notice.sessions.to_string())),
    ] {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            text.push_str(&format!("\n{name}: {value}"));
        }
    }
    for (name, value) in notice.posture_texts() {
        text.push_str(&format!("\n{name}: {value}"));
    }
    text.push('\n');
    text
}

/// A message of syslog (RFC 5424) from facility `local0`.
pub(crate) fn syslog(notice: &Notice, host: &str, message: &str) -> String {
    let severity = match (notice.event, notice.severity) {
        (Event::Resolved | Event::Test, _) => 6,
        (Event::Active, Severity::Critical) => 2,
        (Event::Active, Severity::High) => 3,
        (Event::Active, Severity::Medium) => 4,
        (Event::Active, Severity::Low) => 5,
    };
    let priority = LOCAL0 * 8 + severity;
    let host: String = host.chars().filter(char::is_ascii_graphic).take(255).collect();
    let host = if host.is_empty() { "-" } else { &host };
    // The byte order mark says that the message is UTF-8 (section 6.4).
    format!("<{priority}>1 {} {host} tlsight - violation - \u{feff}{message}", notice.time)
}

/// A violation in ArcSight's Common Event Format.
pub(crate) fn cef(notice: &Notice) -> String {
    let header = |text: &str| one_line(text).replace('\\', "\\\\").replace('|', "\\|");
    let value = |text: &str| one_line(text).replace('\\', "\\\\").replace('=', "\\=");
    let severity = match (notice.event, notice.severity) {
        (Event::Resolved | Event::Test, _) => 0,
        (Event::Active, Severity::Low) => 3,
        (Event::Active, Severity::Medium) => 5,
        (Event::Active, Severity::High) => 8,
        (Event::Active, Severity::Critical) => 10,
    };
    let outcome = match notice.event {
        Event::Active => "active",
        Event::Resolved => "resolved",
        Event::Test => "test",
    };
    let millis = |time: Timestamp| time.as_nanos().div_euclid(1_000_000);
    format!(
        "CEF:0|tlsight|tlsight|{}|{}|{}|{severity}|externalId={} outcome={outcome} shost={} dhost={} \
         dpt={} proto={} start={} end={} cnt={} msg={}",
        crate::VERSION,
        header(&notice.policy),
        header(&notice.policy_name),
        notice.id,
        value(&notice.source.name),
        value(&notice.destination.name),
        notice.port,
        notice.protocol.to_uppercase(),
        millis(notice.first_seen),
        millis(notice.last_seen),
        notice.sessions,
        value(&notice.message),
    )
}

/// Without what ends a line or the message.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Facility of syslog for local use.
const LOCAL0: u8 = 16;

/// An alert that is not told again by then is over: three times the interval in which it is.
pub(crate) const ALERT_LASTS: i64 = 3 * RESEND_EVERY;

/// Alertmanager forgets what it is not told for five minutes.
pub(crate) const RESEND_EVERY: i64 = 4 * MINUTE;
