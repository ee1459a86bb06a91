//! The agreement, counted: what `--check` complains about, and the tables of the report.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::compare::{Row, Tally};
use super::verdict::Verdicts;
use super::{markdown, oracle};

/// What came out, counted.
pub(super) struct Summary<'a> {
    tally: &'a Tally,
    verdicts: &'a Verdicts,
}

#[derive(Clone, Copy, Default)]
struct Score {
    compared: usize,
    agreed: usize,
    justified: usize,
}

impl Score {
    fn raw(self) -> f64 {
        percent(self.agreed, self.compared)
    }

    fn judged(self) -> f64 {
        percent(self.agreed + self.justified, self.compared)
    }
}

impl<'a> Summary<'a> {
    pub(super) fn new(tally: &'a Tally, verdicts: &'a Verdicts) -> Self {
        Self { tally, verdicts }
    }

    /// What makes `--check` fail.
    pub(super) fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        for row in self.tally.rows.iter().filter(|row| !row.agrees()) {
            if self.verdicts.about(row).is_none() {
                complaints.push(format!(
                    "no verdict: {}: {} {}: {}: theirs {}, ours {}",
                    row.oracle,
                    row.capture,
                    row.session,
                    row.field,
                    shown(&row.theirs),
                    shown(&row.ours)
                ));
            }
        }
        for stale in self.verdicts.stale(&self.tally.rows) {
            complaints.push(format!("stale verdict: {stale}: there is no such disagreement"));
        }
        for name in oracle::NAMES {
            let score = self.score(|row| row.oracle == *name);
            if score.compared == 0 {
                complaints.push(format!("{name}: nothing was compared"));
            } else if score.judged() < LEAST_PERCENT {
                complaints.push(format!(
                    "{name}: {:.2} % agreement after verdicts, at least {LEAST_PERCENT} % is asked for",
                    score.judged()
                ));
            }
        }
        complaints
    }

    /// One line for each oracle.
    pub(super) fn lines(&self) -> String {
        oracle::NAMES.iter().fold(String::new(), |mut text, name| {
            let score = self.score(|row| row.oracle == *name);
            writeln!(
                text,
                "{name:15} {:6} compared {:6} agreed {:7.2} % raw {:7.2} % after verdicts",
                score.compared,
                score.agreed,
                score.raw(),
                score.judged()
            )
            .ok();
            text
        })
    }

    /// The report as Markdown.
    pub(super) fn markdown(&self) -> String {
        let mut text = String::from(markdown::HEAD);
        writeln!(text, "\n{}", COLUMNS.replace("field", "program")).ok();
        for name in oracle::NAMES {
            row(&mut text, &format!("**{name}**"), self.score(|row| row.oracle == *name));
        }
        for name in oracle::NAMES {
            writeln!(text, "\n## {name}\n\n{COLUMNS}").ok();
            let mut fields: BTreeMap<&str, Score> = BTreeMap::new();
            for row in self.tally.rows.iter().filter(|row| row.oracle == *name) {
                self.add(fields.entry(&row.field).or_default(), row);
            }
            for (field, score) in fields {
                row(&mut text, &cell(field), score);
            }
            text.push_str(&markdown::disagreements(&self.tally.rows, self.verdicts, name));
            text.push_str(&markdown::incomparable(&self.tally.incomparable, name));
        }
        text
    }

    fn score(&self, wanted: impl Fn(&Row) -> bool) -> Score {
        let mut score = Score::default();
        for row in self.tally.rows.iter().filter(|row| wanted(row)) {
            self.add(&mut score, row);
        }
        score
    }

    fn add(&self, score: &mut Score, row: &Row) {
        score.compared += 1;
        if row.agrees() {
            score.agreed += 1;
        } else if self.verdicts.about(row).is_some_and(|verdict| verdict.right.justifies()) {
            score.justified += 1;
        }
    }
}

fn row(text: &mut String, name: &str, score: Score) {
    writeln!(
        text,
        "| {name} | {} | {} | {:.2} % | {} | {:.2} % |",
        score.compared,
        score.agreed,
        score.raw(),
        score.justified,
        score.judged()
    )
    .ok();
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
fn percent(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { 100.0 * part as f64 / whole as f64 }
}

fn shown(value: &Option<String>) -> &str {
    value.as_deref().unwrap_or("(absent)")
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// Least agreement of each oracle, in percent, after verdicts.
const LEAST_PERCENT: f64 = 99.0;

const COLUMNS: &str = "\
| field | compared | agreed | raw | justified | after verdicts |
|---|---|---|---|---|---|";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_justified_difference_counts_after_verdicts_only() {
        let tally = Tally { rows: vec![difference(), agreement()], ..Tally::default() };
        let verdicts = Verdicts::parse(&verdict("tlsight")).unwrap();
        let summary = Summary::new(&tally, &verdicts);
        let text = summary.markdown();
        assert!(text.contains("| **tshark** | 2 | 1 | 50.00 % | 1 | 100.00 % |"), "{text}");
        assert!(text.contains("**tlsight is right.** bytes"), "{text}");
        assert!(!summary.complaints().iter().any(|line| line.contains("tshark")));
    }

    #[test]
    fn a_known_defect_does_not_count_as_agreement() {
        let tally = Tally { rows: vec![difference(), agreement()], ..Tally::default() };
        let verdicts = Verdicts::parse(&verdict("oracle")).unwrap();
        let complaints = Summary::new(&tally, &verdicts).complaints();
        assert!(
            complaints.iter().any(|line| line.starts_with("tshark: 50.00 %")),
            "{complaints:?}"
        );
        assert!(!complaints.iter().any(|line| line.starts_with("no verdict")));
    }

    #[test]
    fn a_difference_without_a_verdict_is_a_complaint() {
        let tally = Tally { rows: vec![difference()], ..Tally::default() };
        let verdicts = Verdicts::default();
        let complaints = Summary::new(&tally, &verdicts).complaints();
        assert!(complaints[0].starts_with("no verdict: tshark: a.pcap"), "{complaints:?}");
    }

    fn difference() -> Row {
        Row {
            oracle: "tshark",
            capture: "a.pcap".to_owned(),
            session: String::new(),
            field: "alerts".to_owned(),
            theirs: Some("1".to_owned()),
            ours: None,
        }
    }

    fn agreement() -> Row {
        Row { ours: Some("1".to_owned()), ..difference() }
    }

    fn verdict(right: &str) -> String {
        format!(
            "[[verdict]]\noracle = \"tshark\"\ncaptures = [\"a.pcap\"]\nfields = [\"alerts\"]\n\
             right = \"{right}\"\nwhy = \"bytes\"\n"
        )
    }
}
