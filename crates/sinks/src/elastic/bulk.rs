//! The bulk request and its answer.

use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::line::Line;
use crate::receiver::{Outcome, told};

/// The body: for each line what is to be done, and the document.
pub(super) fn request(lines: &[Line], index: &str) -> Vec<u8> {
    let mut body = Vec::new();
    for line in lines {
        let action = json!({"create": {"_id": id(line)}});
        body.extend_from_slice(action.to_string().as_bytes());
        body.push(b'\n');
        body.extend_from_slice(document(line, index).to_string().as_bytes());
        body.push(b'\n');
    }
    body
}

/// Follows from the line and its host, so that a line that comes again is known.
fn id(line: &Line) -> String {
    let mut digest = Sha256::new();
    digest.update(line.host.as_bytes());
    digest.update([0]);
    digest.update(line.text.as_bytes());
    let digest = digest.finalize();
    BASE64URL_NOPAD.encode(digest.get(..ID_BYTES).unwrap_or_default())
}

/// The line, with what a data stream needs and who told it.
fn document(line: &Line, index: &str) -> Value {
    let mut document = line.value.clone();
    let Some(object) = document.as_object_mut() else { return document };
    object.insert("ecs".to_owned(), json!({"version": ECS_VERSION}));
    if !line.host.is_empty() {
        object.insert("host".to_owned(), json!({"name": &*line.host}));
    }
    // TYPE-DATASET-NAMESPACE, none of which has a hyphen in it.
    if let [kind, dataset, namespace] = *index.split('-').collect::<Vec<_>>() {
        let names = json!({"type": kind, "dataset": dataset, "namespace": namespace});
        object.insert("data_stream".to_owned(), names);
    }
    document
}

/// What an answer says of so many lines; none if it does not speak of each.
pub(super) fn outcome(answer: &[u8], lines: usize) -> Option<Outcome> {
    let answer: Answer = serde_json::from_slice(answer).ok()?;
    if answer.items.len() != lines {
        return None;
    }
    let mut outcome = Outcome::default();
    for (place, Item { create }) in answer.items.into_iter().enumerate() {
        match create.status {
            // 409: the line is there since the last time.
            200..=299 | 409 => continue,
            429 | 500..=599 => outcome.again.push(place),
            _ => outcome.rejected = outcome.rejected.saturating_add(1),
        }
        if outcome.why.is_none() {
            let Error { kind, reason } = create.error.unwrap_or_default();
            let said = told(format!("{kind}: {reason}").as_bytes());
            outcome.why = Some(format!("status {}: {said}", create.status));
        }
    }
    Some(outcome)
}

#[derive(Deserialize)]
struct Answer {
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    create: Created,
}

#[derive(Deserialize)]
struct Created {
    status: u16,
    error: Option<Error>,
}

#[derive(Default, Deserialize)]
struct Error {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    reason: String,
}

/// More than enough that no two lines of a data stream have the same.
const ID_BYTES: usize = 18;

/// The version whose fields are used.
const ECS_VERSION: &str = "8.17.0";

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::elastic::ElasticSettings;

    fn line(host: &str, name: &str) -> Line {
        let value = json!({"event": {"dataset": "tls"}, "tls": {"client": {"server_name": name}}});
        Line::read(&Arc::from(host), value.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn a_repeat_has_the_same_id_and_others_have_not() {
        let (first, again) = (id(&line("a", "x")), id(&line("a", "x")));
        assert_eq!(first, again);
        assert_eq!(first.len(), 24);
        assert_ne!(first, id(&line("a", "y")));
        assert_ne!(first, id(&line("b", "x")));
    }

    #[test]
    fn each_line_has_its_own_fate() {
        let answer = br#"{"errors":true,"items":[{"create":{"status":201}},{"create":{"status":409,
            "error":{"type":"version_conflict_engine_exception","reason":"exists"}}},{"create":{"status":429,
            "error":{"type":"es_rejected_execution_exception","reason":"full"}}},{"create":{"status":400,
            "error":{"type":"document_parsing_exception","reason":"no\nnumber"}}},{"create":{"status":503}}]}"#;
        let outcome = outcome(answer, 5).unwrap();
        assert_eq!((outcome.rejected, outcome.again), (1, vec![2, 4]));
        let why = "status 429: es_rejected_execution_exception: full";
        assert_eq!(outcome.why.as_deref(), Some(why));
        assert_eq!(super::outcome(answer, 4), None);
        assert_eq!(super::outcome(b"<html>", 0), None);
    }

    proptest! {
        #[test]
        fn whatever_a_line_says_it_is_two_lines_of_the_request(name in any::<String>(), host in any::<String>()) {
            let lines = [line(&host, &name), line(&host, "second")];
            let body = request(&lines, ElasticSettings::USUAL_INDEX);
            let parts: Vec<_> = body.strip_suffix(b"\n").unwrap().split(|it| *it == b'\n').collect();
            prop_assert_eq!(parts.len(), 4);
            let document: Value = serde_json::from_slice(parts[1]).unwrap();
            prop_assert_eq!(document.pointer("/tls/client/server_name").unwrap(), &json!(name));
            let stream = document.pointer("/data_stream/dataset").unwrap();
            prop_assert_eq!(stream, "tlsight.sessions");
            let action: Value = serde_json::from_slice(parts[0]).unwrap();
            prop_assert_eq!(action.pointer("/create/_id").unwrap(), &json!(id(&lines[0])));
        }
    }
}
