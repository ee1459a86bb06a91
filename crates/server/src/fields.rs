//! What the fields of an event mean, from its schema.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::view::session::Field;

/// All fields of an event, by their paths with dots.
pub(crate) fn all() -> BTreeMap<String, Field> {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let root = generator.subschema_for::<event::TlsEvent>();
    let definitions = Value::Object(generator.take_definitions(true));
    let mut fields = BTreeMap::new();
    let mut waiting = vec![(root.to_value(), String::new(), 0)];
    while let Some((node, path, depth)) = waiting.pop() {
        let node = resolved(&definitions, &node);
        if depth > MAX_DEPTH || fields.len() > MAX_FIELDS {
            continue;
        }
        if let Some(items) = node.get("items") {
            waiting.push((items.clone(), path.clone(), depth + 1));
        }
        let properties = node.get("properties").and_then(Value::as_object);
        for (name, child) in properties.into_iter().flatten() {
            let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let target = resolved(&definitions, child);
            let description = text(child, "description").or_else(|| text(target, "description"));
            let kind = kind(target);
            fields.insert(
                inner.clone(),
                Field { description: description.unwrap_or_default(), kind },
            );
            waiting.push((child.clone(), inner, depth + 1));
        }
    }
    fields
}

/// The schema that a reference is of, or the node itself.
fn resolved<'a>(definitions: &'a Value, node: &'a Value) -> &'a Value {
    let any_of = node.get("anyOf").and_then(Value::as_array);
    let inner = any_of.and_then(|list| list.iter().find(|one| one.get("$ref").is_some()));
    let reference = inner.unwrap_or(node).get("$ref").and_then(Value::as_str);
    let name = reference.and_then(|reference| reference.rsplit('/').next());
    name.and_then(|name| definitions.get(name)).unwrap_or(node)
}

fn text(node: &Value, key: &str) -> Option<String> {
    node.get(key).and_then(Value::as_str).map(ToOwned::to_owned)
}

fn kind(node: &Value) -> String {
    let of = match node.get("type") {
        Some(Value::String(kind)) => Some(kind.clone()),
        Some(Value::Array(kinds)) => kinds
            .iter()
            .filter_map(Value::as_str)
            .find(|kind| *kind != "null")
            .map(ToOwned::to_owned),
        _ => None,
    };
    let is_text = node.get("enum").is_some() || node.get("oneOf").is_some();
    of.unwrap_or_else(|| if is_text { "string" } else { "object" }.to_owned())
}

/// Deeper than any field of an event.
const MAX_DEPTH: usize = 12;

/// Several times those that there are.
const MAX_FIELDS: usize = 5000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_says_what_it_means() {
        let fields = all();
        for (path, kind) in [
            ("tls.version", "string"),
            ("tlsight.key_exchange.class", "string"),
            ("source.ip", "string"),
            ("tls.server.x509.alternative_names", "array"),
            ("tlsight.timing.client_hello_us", "integer"),
            ("tls.resumed", "boolean"),
        ] {
            let field = fields.get(path).unwrap_or_else(|| panic!("{path} in {:?}", fields.keys()));
            assert_eq!(field.kind, kind, "{path}");
            assert!(!field.description.is_empty(), "{path}");
        }
    }
}
