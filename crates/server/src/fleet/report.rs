//! What an agent says of itself, as it is kept.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use event::Timestamp;
use fleet::limits::MOST_LABEL_LEN;
use fleet::v1;
use serde::{Deserialize, Serialize};
use store::EnrolmentToken;

/// What an agent said of itself last, and what was seen of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Report {
    pub(crate) host: String,
    pub(crate) version: String,
    pub(crate) capability: String,
    pub(crate) missing: Vec<String>,
    /// Labels of its own settings.
    pub(crate) labels: BTreeMap<String, String>,
    /// From where it connected last.
    pub(crate) address: String,
    /// How far its clock is ahead of that of the server, in milliseconds.
    pub(crate) clock_ahead_ms: i64,
    /// When its process began, by its clock.
    pub(crate) started: Option<Timestamp>,
    pub(crate) spooled_batches: u64,
    pub(crate) spooled_bytes: u64,
    /// When the oldest batch that waits was made, by its clock.
    pub(crate) spooled_since: Option<Timestamp>,
    pub(crate) sessions: u64,
    /// Since its process began.
    pub(crate) losses: BTreeMap<String, u64>,
    /// When a count of these grew last, and which ones did.
    pub(crate) lost: Option<Timestamp>,
    pub(crate) lost_causes: Vec<String>,
    pub(crate) cpu_milliseconds: u64,
    /// Of a core, between the last two reports.
    pub(crate) cpu_permille: Option<u32>,
    pub(crate) resident_bytes: u64,
    pub(crate) settings_revision: u64,
    pub(crate) settings_error: String,
    /// Hexadecimal digits.
    pub(crate) policies_digest: String,
    pub(crate) policies_error: String,
    /// Batches that made no sense.
    pub(crate) malformed: u64,
    pub(crate) malformed_last: String,
    /// Lines in good batches that made no sense.
    pub(crate) rejected_lines: u64,
}

impl Report {
    /// Takes note of how an agent introduces itself.
    pub(crate) fn hello(&mut self, hello: v1::Hello, address: String, now: Timestamp) {
        self.host = shortened(&hello.host, MAX_TEXT);
        self.version = shortened(&hello.version, MAX_TEXT);
        self.capability = shortened(&hello.capability, MAX_TEXT);
        let missing = hello.missing.iter().take(MAX_MISSING);
        self.missing = missing.map(|text| shortened(text, MAX_SENTENCE)).collect();
        self.labels = hello
            .labels
            .into_iter()
            .take(EnrolmentToken::MAX_LABELS)
            .map(|(key, value)| {
                (shortened(&key, MOST_LABEL_LEN), shortened(&value, MOST_LABEL_LEN))
            })
            .collect();
        self.address = address;
        self.clock(hello.clock, now);
        self.settings_revision = hello.settings_revision;
        self.policies_digest = HEXLOWER.encode(hello.policies_digest.get(..32).unwrap_or_default());
    }

    /// Takes note of how an agent says that it does.
    pub(crate) fn status(&mut self, status: v1::Status, now: Timestamp, before: Option<Timestamp>) {
        self.clock(status.clock, now);
        let started = Timestamp::from_nanos(status.started);
        let is_same_process = self.started == Some(started);
        self.started = Some(started);
        self.spooled_batches = status.spooled_batches;
        self.spooled_bytes = status.spooled_bytes;
        let since = Timestamp::from_nanos(status.spooled_since);
        self.spooled_since =
            (status.spooled_batches > 0 && status.spooled_since > 0).then_some(since);
        self.sessions = status.sessions;
        self.losses(status.losses, is_same_process, now);
        let spent = status.cpu_milliseconds.checked_sub(self.cpu_milliseconds);
        let passed = before.map(|before| now.nanos_since(before) / MILLISECOND);
        self.cpu_permille = match (spent, passed) {
            (Some(spent), Some(passed)) if is_same_process && passed > 0 => {
                u32::try_from(spent.saturating_mul(1000) / passed).ok()
            }
            _ => None,
        };
        self.cpu_milliseconds = status.cpu_milliseconds;
        self.resident_bytes = status.resident_bytes;
        self.settings_revision = status.settings_revision;
        self.settings_error = shortened(&status.settings_error, MAX_SENTENCE);
        self.policies_digest =
            HEXLOWER.encode(status.policies_digest.get(..32).unwrap_or_default());
        self.policies_error = shortened(&status.policies_error, MAX_SENTENCE);
    }

    fn losses(&mut self, told: BTreeMap<String, u64>, is_same_process: bool, now: Timestamp) {
        let told: BTreeMap<String, u64> = told
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .take(MAX_CAUSES)
            .map(|(cause, count)| (shortened(&cause, MAX_CAUSE), count))
            .collect();
        let before =
            |cause: &str| self.losses.get(cause).copied().filter(|_| is_same_process).unwrap_or(0);
        let grown: Vec<String> = told
            .iter()
            .filter(|(cause, count)| **count > before(cause))
            .map(|(cause, _)| cause.clone())
            .collect();
        if !grown.is_empty() {
            self.lost = Some(now);
            self.lost_causes = grown;
        }
        self.losses = told;
    }

    fn clock(&mut self, clock: i64, now: Timestamp) {
        self.clock_ahead_ms = clock.saturating_sub(now.as_nanos()) / MILLISECOND.cast_signed();
    }
}

/// The begin of a text that somebody else wrote, without control characters.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    let end = text.floor_char_boundary(most);
    text.get(..end).unwrap_or_default().chars().filter(|c| !c.is_control()).collect()
}

const MILLISECOND: u64 = 1_000_000;

/// Of a name.
const MAX_TEXT: usize = 253;

/// Of an explanation.
const MAX_SENTENCE: usize = 500;

/// Of the name of a cause of loss.
const MAX_CAUSE: usize = 64;

/// tlsight knows some forty causes of loss.
const MAX_CAUSES: usize = 128;

/// What an agent may lack is about a dozen things.
const MAX_MISSING: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    fn status(started: i64, gaps: u64) -> v1::Status {
        let losses = BTreeMap::from([("gaps".to_owned(), gaps)]);
        v1::Status { clock: 5, started, losses, cpu_milliseconds: gaps, ..v1::Status::default() }
    }

    #[test]
    fn a_loss_is_noted_when_its_count_grows_and_when_a_new_process_has_one() {
        let (mut report, at) = (Report::default(), Timestamp::from_nanos);
        report.status(status(1, 7), at(10), None);
        assert_eq!(report.lost, Some(at(10)));
        report.status(status(1, 7), at(20), Some(at(10)));
        assert_eq!(report.lost, Some(at(10)));
        report.status(status(1, 8), at(30), Some(at(20)));
        assert_eq!(report.lost, Some(at(30)));
        report.status(status(2, 3), at(40), Some(at(30)));
        assert_eq!((report.lost, report.losses["gaps"]), (Some(at(40)), 3));
    }

    #[test]
    fn what_an_agent_says_is_bounded() {
        let mut report = Report::default();
        let long = "\"".repeat(2000);
        let hello = v1::Hello {
            host: long.clone(),
            missing: vec![long.clone(); 1000],
            labels: (0..1000).map(|n| (format!("{n}{long}"), long.clone())).collect(),
            policies_digest: vec![1; 1000],
            ..v1::Hello::default()
        };
        report.hello(hello, String::new(), Timestamp::from_nanos(0));
        let losses = (0..10_000).map(|n| (format!("{n}{long}"), 1)).collect();
        let status = v1::Status { losses, settings_error: long, ..v1::Status::default() };
        report.status(status, Timestamp::from_nanos(0), None);
        let text = serde_json::to_vec(&report).unwrap();
        assert!(text.len() < store::EnrolledAgent::MAX_REPORT_LEN, "{}", text.len());
    }
}
