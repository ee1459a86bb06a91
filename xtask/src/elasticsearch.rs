//! `deploy/elasticsearch/tlsight-template.json`: the index template for the data stream of lines, as
//! `docs/event.schema.json` has its fields.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, ensure};
use lexopt::prelude::*;
use serde_json::{Map, Value, json};

use crate::{Outcome, workspace};

/// Writes the template, or with `--check` compares it with the file.
///
/// # Errors
/// If the arguments are wrong, or a file cannot be used.
pub(crate) fn run(mut arguments: lexopt::Parser) -> Result<Outcome> {
    let mut check = false;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("check") => check = true,
            other => return Err(other.unexpected().into()),
        }
    }
    let schema = fs::read_to_string(workspace::root().join(SCHEMA)).context(SCHEMA)?;
    let mut text = serde_json::to_string_pretty(&template(&serde_json::from_str(&schema)?)?)?;
    text.push('\n');
    let path = workspace::root().join(PATH);
    if !check {
        fs::create_dir_all(path.parent().context("it is in a folder")?)?;
        fs::write(&path, &text).with_context(|| format!("cannot write {PATH}"))?;
        println!("{PATH} written");
        return Ok(Outcome::Clean);
    }
    if fs::read_to_string(&path).is_ok_and(|committed| committed == text) {
        println!("{PATH} is up to date");
        return Ok(Outcome::Clean);
    }
    println!("{PATH} differs from {SCHEMA}: run `cargo xtask elasticsearch` and commit it");
    Ok(Outcome::Failed)
}

fn template(schema: &Value) -> Result<Value> {
    let mut fields = BTreeMap::new();
    let kinds = schema["oneOf"].as_array().context("the kinds of lines")?;
    // Totals of a run are never sent.
    let is_sent =
        |kind: &&Value| !kind["$ref"].as_str().unwrap_or_default().ends_with("/SummaryEvent");
    for kind in kinds.iter().filter(is_sent) {
        collect(schema, kind, "", &mut fields, 0)?;
    }
    // What the sink adds.
    for (name, mapping) in [
        ("ecs.version", keyword()),
        ("host.name", keyword()),
        ("data_stream.type", json!({"type": "constant_keyword"})),
        ("data_stream.dataset", json!({"type": "constant_keyword"})),
        ("data_stream.namespace", json!({"type": "constant_keyword"})),
    ] {
        fields.insert(name.to_owned(), mapping);
    }
    let mut properties = Map::new();
    for (name, mapping) in fields {
        insert(&mut properties, &name, mapping);
    }
    Ok(json!({
        "index_patterns": ["logs-tlsight.*-*"],
        "data_stream": {},
        // Above that of Elastic's own template for logs-*-*, which is 100.
        "priority": 200,
        "template": {
            "settings": {"index": {"mapping": {"total_fields": {"limit": 2000}}}},
            "mappings": {
                // What a later version adds is kept, and found when the template knows it.
                "dynamic": false,
                "date_detection": false,
                "properties": properties,
            },
        },
        "_meta": {"description": "Lines of tlsight, in the Elastic Common Schema"},
    }))
}

/// Adds the fields of a part of the schema by their names.
fn collect(
    schema: &Value,
    part: &Value,
    name: &str,
    fields: &mut BTreeMap<String, Value>,
    depth: usize,
) -> Result<()> {
    ensure!(depth < MAX_DEPTH, "{name}: the schema refers to itself");
    if is_never_there(name) {
        return Ok(());
    }
    let part = resolved(schema, part)?;
    if let Some(mapping) = special(name) {
        fields.insert(name.to_owned(), mapping);
        return Ok(());
    }
    if let Some(properties) = part.get("properties").and_then(Value::as_object) {
        for (key, value) in properties {
            let below = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
            collect(schema, value, &below, fields, depth + 1)?;
        }
        return Ok(());
    }
    if let Some(items) = part.get("items").or_else(|| part.get("prefixItems")?.get(0)) {
        return collect(schema, items, name, fields, depth + 1);
    }
    let mapping = mapping(part).with_context(|| format!("{name}: {part}"))?;
    if let Some(before) = fields.insert(name.to_owned(), mapping.clone()) {
        ensure!(before == mapping, "{name} is {before} in one kind of line, {mapping} in another");
    }
    Ok(())
}

/// What a reference points to, and what is not null of a choice.
fn resolved<'a>(schema: &'a Value, mut part: &'a Value) -> Result<&'a Value> {
    for _ in 0..MAX_DEPTH {
        if let Some(reference) = part.get("$ref").and_then(Value::as_str) {
            let pointer = reference.strip_prefix('#').context("a reference within the file")?;
            part = schema.pointer(pointer).with_context(|| format!("{reference} is not there"))?;
        } else if let Some(choices) = choices(part) {
            let other = choices.iter().find(|it| it.get("type") != Some(&json!("null")));
            part = other.context("a choice of nothing")?;
        } else {
            break;
        }
    }
    Ok(part)
}

/// What may be instead; not the formats that a text may have.
fn choices(part: &Value) -> Option<&Vec<Value>> {
    part.get("anyOf").filter(|_| part.get("type").is_none())?.as_array()
}

fn mapping(part: &Value) -> Option<Value> {
    if part.get("oneOf").is_some() {
        // The names of an enumeration.
        return Some(keyword());
    }
    let formats = part["anyOf"].as_array().into_iter().flatten();
    if formats.into_iter().any(|it| it["format"] == "ipv4") {
        return Some(json!({"type": "ip"}));
    }
    let kind = match &part["type"] {
        Value::Array(kinds) => kinds.iter().find(|it| **it != "null")?.as_str()?,
        kind => kind.as_str()?,
    };
    match kind {
        "string" if part["format"] == "date-time" => Some(json!({"type": "date"})),
        "string" => Some(keyword()),
        "integer" => Some(json!({"type": "long"})),
        "number" => Some(json!({"type": "double"})),
        "boolean" => Some(json!({"type": "boolean"})),
        // Names that nobody knows in advance.
        "object" => Some(json!({"type": "flattened"})),
        _ => None,
    }
}

/// What only `client` and `server` have, though all four ends are described at once.
fn is_never_there(name: &str) -> bool {
    let below = name.strip_prefix("source.").or_else(|| name.strip_prefix("destination."));
    below.is_some_and(|it| ["process", "container", "orchestrator", "kubernetes"].contains(&it))
}

/// Fields whose type the schema does not tell.
fn special(name: &str) -> Option<Value> {
    match name {
        "message" => Some(json!({"type": "match_only_text"})),
        // A number, by name, in ECS.
        "network.vlan.id" | "tls.client.x509.version_number" | "tls.server.x509.version_number" => {
            Some(keyword())
        }
        // With a precision that `date` has not.
        "@timestamp" => Some(json!({"type": "date_nanos"})),
        // Causes are a closed set, and numbers to add up.
        "tlsight.loss" => Some(json!({"type": "object", "dynamic": true})),
        // Packetbeat's objects of hellos and chains, some hundred names: found by any of them, as words.
        "tls.detailed" => Some(json!({"type": "flattened", "ignore_above": 1024})),
        // Whole certificates are kept, and not searched for.
        "tls.client.certificate_chain" | "tls.server.certificate_chain" => {
            Some(json!({"type": "keyword", "index": false, "doc_values": false}))
        }
        "kubernetes.pod.ip" | "client.kubernetes.pod.ip" | "server.kubernetes.pod.ip" => {
            Some(json!({"type": "ip"}))
        }
        "process.command_line" | "client.process.command_line" | "server.process.command_line" => {
            Some(json!({"type": "wildcard"}))
        }
        _ => None,
    }
}

fn keyword() -> Value {
    json!({"type": "keyword", "ignore_above": 1024})
}

fn insert(properties: &mut Map<String, Value>, name: &str, mapping: Value) {
    let Some((first, rest)) = name.split_once('.') else {
        properties.insert(name.to_owned(), mapping);
        return;
    };
    let object = properties.entry(first).or_insert_with(|| json!({"properties": {}}));
    if let Some(below) = object.get_mut("properties").and_then(Value::as_object_mut) {
        insert(below, rest, mapping);
    }
}

const SCHEMA: &str = "docs/event.schema.json";

const PATH: &str = "deploy/elasticsearch/tlsight-template.json";

/// Deeper than any line.
const MAX_DEPTH: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_follow_from_the_schema() {
        let schema = json!({
            "oneOf": [{"$ref": "#/$defs/Line"}],
            "$defs": {
                "Line": {"type": "object", "properties": {
                    "@timestamp": {"$ref": "#/$defs/Time"},
                    "a": {"anyOf": [{"$ref": "#/$defs/Inner"}, {"type": "null"}]},
                    "n": {"type": ["integer", "null"]},
                    "l": {"type": "array", "items": {"type": "string"}},
                }},
                "Inner": {"type": "object", "properties": {
                    "on": {"type": "boolean"},
                    "at": {"$ref": "#/$defs/Time"},
                    "kind": {"oneOf": [{"type": "string", "const": "x"}]},
                    "ip": {"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]},
                    "map": {"type": "object", "additionalProperties": {"type": "integer"}},
                }},
                "Time": {"type": "string", "format": "date-time"},
            },
        });
        let template = template(&schema).unwrap();
        let kind = |name: &str| {
            let path = name.replace('.', "/properties/");
            let pointer = format!("/template/mappings/properties/{path}/type");
            template.pointer(&pointer).unwrap().as_str().unwrap().to_owned()
        };
        for (name, expected) in [
            ("@timestamp", "date_nanos"),
            ("a.on", "boolean"),
            ("a.at", "date"),
            ("a.kind", "keyword"),
            ("a.ip", "ip"),
            ("a.map", "flattened"),
            ("n", "long"),
            ("l", "keyword"),
            ("host.name", "keyword"),
        ] {
            assert_eq!(kind(name), expected, "{name}");
        }
    }

    #[test]
    fn a_field_has_the_same_type_in_all_lines() {
        let line = |kind: &str| json!({"type": "object", "properties": {"x": {"type": kind}}});
        let schema = json!({"oneOf": [line("string"), line("integer")]});
        assert!(template(&schema).is_err());
    }
}
