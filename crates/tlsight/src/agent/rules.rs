//! The policies of the server, by which sessions are judged here.

use event::{Timestamp, TlsEvent, ToJson as _};
use policy::{Naming, Observation, Rule, Subject, Verdict, read_policies};

/// Policies, compiled.
#[derive(Debug, Default)]
pub(super) struct Rules(Vec<Rule>);

impl Rules {
    /// Reads documents as `tlsight policy` does.
    ///
    /// # Errors
    /// One of them makes no sense, and which.
    pub(super) fn read(documents: &[String]) -> Result<Self, String> {
        let mut rules = Vec::new();
        for (number, document) in (1_usize..).zip(documents) {
            let failed = |error: policy::PolicyError| format!("document {number}: {error}");
            for policy in read_policies(document.as_bytes()).map_err(failed)? {
                if rules.len() >= MOST_RULES {
                    return Err(format!("more than {MOST_RULES} policies"));
                }
                if !policy.disabled {
                    rules.push(Rule::compile(policy).map_err(failed)?);
                }
            }
        }
        Ok(Self(rules))
    }

    /// Whether a session breaks one of them.
    pub(super) fn are_broken_by(&self, event: &TlsEvent, now: Timestamp) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let mut line = Vec::new();
        event.write_json(&mut line);
        // The server reads what agents write, and would not read this either.
        let Ok(seen) = Observation::parse(&line) else { return false };
        let (source, destination) = seen.entities(&Naming::default());
        let subject = Subject {
            posture: &seen.posture,
            source: &source,
            destination: &destination,
            port: seen.server.port,
            transport: seen.transport,
            server_name: seen.server_name.as_deref(),
            session: Some(&seen),
            baseline: None,
            now,
        };
        self.0.iter().any(|rule| {
            rule.verdict(&subject) == Some(Verdict::Fail) && rule.exclusion(&subject).is_none()
        })
    }
}

/// The packs of the program are some hundred; each is asked for each new sort of session.
const MOST_RULES: usize = 2000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::sample;

    #[test]
    fn a_policy_is_broken_by_what_it_describes() {
        let rules = Rules::read(&[OLD_VERSIONS.to_owned()]).unwrap();
        let mut event = sample::tls12();
        assert!(!rules.are_broken_by(&event, sample::START));
        event.tls.version = Some("1.0");
        assert!(rules.are_broken_by(&event, sample::START));
        assert!(!Rules::default().are_broken_by(&event, sample::START));
    }

    #[test]
    fn documents_that_make_no_sense_are_refused_by_their_number() {
        let documents = [OLD_VERSIONS.to_owned(), "{\"name\": 1}".to_owned()];
        let error = Rules::read(&documents).unwrap_err();
        assert!(error.starts_with("document 2: "), "{error}");
    }

    const OLD_VERSIONS: &str = r#"{
        "id": "old", "name": "Old versions", "severity": "high",
        "policySections": [{ "policyGroups": [
            { "fieldName": "TLS Version", "values": [{ "value": "< 1.2" }] }
        ] }]
    }"#;
}
