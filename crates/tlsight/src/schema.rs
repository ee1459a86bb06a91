//! `tlsight schema`: what a line of NDJSON may be.

use std::io::{self, Write as _};

use anyhow::Result;
use event::{EdgeEvent, LossEvent, SummaryEvent, TlsEvent, ViolationEvent};
use schemars::Schema;
use schemars::generate::SchemaSettings;
use serde_json::json;

/// Prints the schema.
///
/// # Errors
/// Standard output cannot be written to.
pub(crate) fn run() -> Result<()> {
    let mut text = serde_json::to_string_pretty(&schema())?;
    text.push('\n');
    io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

/// The schema, with its keys in order, so that it is the same text each time.
fn schema() -> Schema {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let lines = [
        generator.subschema_for::<TlsEvent>(),
        generator.subschema_for::<LossEvent>(),
        generator.subschema_for::<SummaryEvent>(),
        generator.subschema_for::<EdgeEvent>(),
        generator.subschema_for::<ViolationEvent>(),
    ];
    let definitions = generator.take_definitions(true);
    schemars::json_schema!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line of tlsight's NDJSON",
        "oneOf": json!(lines),
        "$defs": definitions,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::sample;

    #[test]
    fn each_kind_of_line_is_valid_and_nothing_else() {
        let validator = jsonschema::validator_for(schema().as_value()).unwrap();
        let loss = LossEvent::new(sample::START, [("gaps", 1)].into());
        let summary = SummaryEvent::new(sample::START, event::Totals::default());
        let session = sample::tls12();
        let counts = event::EdgeCounts::of(&session);
        let edge =
            EdgeEvent::new(sample::START, 60, event::Edge::of(&session, Some(false)), &counts);
        let sessions = [json(&sample::tls13()), json(&session)];
        for line in sessions.into_iter().chain([json(&loss), json(&summary), json(&edge)]) {
            let errors: Vec<_> = validator.iter_errors(&line).map(|e| e.to_string()).collect();
            assert!(errors.is_empty(), "{errors:?}");
            let mut cut = line.clone();
            cut.as_object_mut().unwrap().remove("event");
            assert!(!validator.is_valid(&cut));
        }
    }

    #[test]
    fn the_schema_is_the_same_each_time() {
        let text = || serde_json::to_string(&schema()).unwrap();
        assert_eq!(text(), text());
    }

    fn json(line: &impl event::ToJson) -> serde_json::Value {
        let mut text = Vec::new();
        line.write_json(&mut text);
        serde_json::from_slice(&text).unwrap()
    }
}
