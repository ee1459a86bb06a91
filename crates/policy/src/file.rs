//! Files of policies: our own, and what StackRox exports and imports.

use serde_json::{Map, Value};

use crate::document::Policy;
use crate::policy_error::{Flaw, Place, PolicyError};

/// Reads the policies of a file: one object, a list of them, or `{"policies": [...]}`, which is what
/// StackRox exports as well.
///
/// Keys of StackRox that say nothing about TLS are left out; any other unknown key is refused.
///
/// # Errors
/// It is no such file, or larger than one that people write.
pub fn read_policies(text: &[u8]) -> Result<Vec<Policy>, PolicyError> {
    if text.len() > MAX_FILE_LEN {
        return Err(Flaw::TooLong { len: text.len(), limit: MAX_FILE_LEN }.at(Place::default()));
    }
    let list = list(serde_json::from_slice(text)?)?;
    if list.len() > MAX_POLICIES {
        let (what, len) = ("policies", list.len());
        return Err(Flaw::TooMany { what, len, limit: MAX_POLICIES }.at(Place::default()));
    }
    let mut policies: Vec<Policy> = Vec::with_capacity(list.len());
    for (number, value) in (1_usize..).zip(list) {
        let name = name(&value).unwrap_or_else(|| format!("number {number}"));
        let policy = read(value).map_err(|error| error.of(&name))?;
        let is_twice = policies.iter().any(|it| !it.id.is_empty() && it.id == policy.id);
        if is_twice {
            return Err(Flaw::Twice.at(Place::default()).of(&name));
        }
        policies.push(policy);
    }
    Ok(policies)
}

/// Writes policies as StackRox imports them.
///
/// # Errors
/// A policy is an expression, which StackRox has not.
pub fn write_stackrox(policies: &[Policy]) -> Result<Value, PolicyError> {
    let list = policies.iter().map(to_stackrox).collect::<Result<Vec<Value>, PolicyError>>()?;
    Ok(Value::Object(Map::from_iter([(POLICIES.to_owned(), Value::Array(list))])))
}

fn list(mut value: Value) -> Result<Vec<Value>, PolicyError> {
    if let Some(object) = value.as_object_mut()
        && let Some(list) = object.remove(POLICIES)
    {
        if let Some(other) = object.keys().next() {
            return Err(Flaw::Unsupported(other.clone()).at(Place::default()));
        }
        if !list.is_array() {
            return Err(Flaw::Empty("list of policies").of_field(POLICIES));
        }
        value = list;
    }
    if let Value::Array(list) = value { Ok(list) } else { Ok(vec![value]) }
}

fn read(value: Value) -> Result<Policy, PolicyError> {
    let Value::Object(mut object) = value else {
        return Ok(serde_json::from_value(value)?);
    };
    let is_stackrox = object
        .get("severity")
        .and_then(Value::as_str)
        .is_some_and(|severity| severity.ends_with(SEVERITY_SUFFIX));
    if is_stackrox {
        from_stackrox(&mut object)?;
    }
    Ok(serde_json::from_value(Value::Object(object))?)
}

fn from_stackrox(object: &mut Map<String, Value>) -> Result<(), PolicyError> {
    object.retain(|key, value| !IGNORED.contains(&key.as_str()) && !is_empty(value));
    if let Some(Value::String(severity)) = object.get_mut("severity") {
        *severity = severity.trim_end_matches(SEVERITY_SUFFIX).to_ascii_lowercase();
    }
    let is_origin = |value: &Value| {
        value.as_str().is_some_and(|text| matches!(text, "IMPERATIVE" | "DECLARATIVE"))
    };
    if object.get("source").is_some_and(is_origin) {
        object.remove("source");
    }
    if let Some(Value::Array(exclusions)) = object.get_mut("exclusions") {
        for exclusion in exclusions {
            read_exclusion(exclusion)?;
        }
    }
    Ok(())
}

/// `{name, deployment: {name, scope: {namespace}}, expiration}` in the form of ours.
fn read_exclusion(value: &mut Value) -> Result<(), PolicyError> {
    let Value::Object(exclusion) = value else { return Ok(()) };
    exclusion.retain(|_, value| !is_empty(value));
    if let Some(Value::Object(mut deployment)) = exclusion.remove("deployment") {
        if let Some(name) = deployment.remove("name").filter(|it| !is_empty(it)) {
            exclusion.insert("entity".to_owned(), name);
        }
        if let Some(Value::Object(mut scope)) = deployment.remove("scope") {
            let namespace = scope.remove("namespace").filter(|it| !is_empty(it));
            if let Some(namespace) = namespace {
                exclusion.insert("namespace".to_owned(), namespace);
            }
            // Without them the exclusion would hold for more than it is meant for.
            refuse(&scope, "exclusions.deployment.scope")?;
        }
        refuse(&deployment, "exclusions.deployment")?;
    }
    if !exclusion.contains_key("reason") {
        let name = exclusion.get("name").cloned();
        let name = name.unwrap_or_else(|| Value::String("imported".to_owned()));
        exclusion.entry("name").or_insert_with(|| name.clone());
        exclusion.insert("reason".to_owned(), name);
    }
    Ok(())
}

fn refuse(rest: &Map<String, Value>, field: &str) -> Result<(), PolicyError> {
    let other = rest.iter().find(|(_, value)| !is_empty(value));
    other.map_or(Ok(()), |(key, _)| Err(Flaw::Unsupported(key.clone()).of_field(field)))
}

fn to_stackrox(policy: &Policy) -> Result<Value, PolicyError> {
    if policy.expression.is_some() {
        let flaw = Flaw::Unsupported("expression".to_owned());
        return Err(flaw.of_field("expression").of(&policy.id));
    }
    let Value::Object(mut object) = serde_json::to_value(policy)? else {
        return Err(Flaw::Empty("members").at(Place::default()).of(&policy.id));
    };
    for key in ["pack", "source", "from", "severityFrom"] {
        object.remove(key);
    }
    let severity = policy.severity.name().to_ascii_uppercase();
    object.insert("severity".to_owned(), format!("{severity}{SEVERITY_SUFFIX}").into());
    let exclusions: Vec<Value> = policy
        .exclusions
        .iter()
        .map(|it| {
            serde_json::json!({
                "name": it.name,
                "deployment": { "name": it.entity.as_deref().unwrap_or_default(),
                                "scope": { "namespace": it.namespace.as_deref().unwrap_or_default() } },
                "expiration": it.expiration,
            })
        })
        .collect();
    object.insert("exclusions".to_owned(), Value::Array(exclusions));
    for (key, value) in [
        ("lifecycleStages", serde_json::json!(["RUNTIME"])),
        ("eventSource", "DEPLOYMENT_EVENT".into()),
        ("enforcementActions", serde_json::json!([])),
        ("policyVersion", "1.1".into()),
    ] {
        object.insert(key.to_owned(), value);
    }
    Ok(Value::Object(object))
}

fn name(value: &Value) -> Option<String> {
    let text = |key| value.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    text("id").or_else(|| text("name")).map(ToOwned::to_owned)
}

/// Whether a value is what protobuf's JSON writes for a field that is not set.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(object) => object.values().all(is_empty),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

const POLICIES: &str = "policies";

const SEVERITY_SUFFIX: &str = "_SEVERITY";

/// Keys of StackRox that say when and by whom a policy is looked at there, or how it is shown
/// (proto/storage/policy.proto).
const IGNORED: &[&str] = &[
    "lifecycleStages",
    "eventSource",
    "enforcementActions",
    "SORTName",
    "SORTLifecycleStage",
    "SORTEnforcement",
    "lastUpdated",
    "policyVersion",
    "mitreAttackVectors",
    "criteriaLocked",
    "mitreVectorsLocked",
    "isDefault",
    "evaluationFilter",
];

/// All policies that StackRox comes with take a quarter of this.
const MAX_FILE_LEN: usize = 4 << 20;

/// StackRox comes with some ninety.
const MAX_POLICIES: usize = 1000;
