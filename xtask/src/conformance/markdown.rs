//! The report's text: its introduction, the disagreements, and what cannot be compared.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::compare::{Incomparable, Row};
use super::verdict::Verdicts;

/// The introduction, which ends before the table of all programs.
pub(super) const HEAD: &str = include_str!("../../conformance/introduction.md");

/// Every disagreement with one oracle, under the verdict about it.
pub(super) fn disagreements(rows: &[Row], verdicts: &Verdicts, oracle: &str) -> String {
    let mut groups: Vec<((&str, &str), Vec<&Row>)> = Vec::new();
    for row in rows.iter().filter(|row| row.oracle == oracle && !row.agrees()) {
        let verdict = verdicts.about(row);
        let key = verdict.map_or(("no verdict", ""), |v| (v.right.text(), v.why.trim()));
        match groups.iter_mut().find(|(other, _)| *other == key) {
            Some((_, rows)) => rows.push(row),
            None => groups.push((key, vec![row])),
        }
    }
    if groups.is_empty() {
        return "\nNo disagreement.\n".to_owned();
    }
    let mut text = String::from("\n### Disagreements\n");
    for ((who, why), rows) in groups {
        writeln!(text, "\n**{who}.** {why}\n").ok();
        for row in rows {
            let comma = if row.session.is_empty() { "" } else { ", " };
            let (theirs, ours) = differing(row.theirs.as_deref(), row.ours.as_deref());
            writeln!(
                text,
                "- `{}`{comma}{}, {}: theirs {theirs}, ours {ours}",
                row.capture, row.session, row.field
            )
            .ok();
        }
    }
    text
}

/// What cannot be compared with one oracle, by reason.
pub(super) fn incomparable(items: &[Incomparable], oracle: &str) -> String {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for item in items.iter().filter(|item| item.oracle == oracle) {
        reasons.entry(&item.reason).or_default().push(&item.place);
    }
    if reasons.is_empty() {
        return String::new();
    }
    let mut text = String::from("\n### Not comparable\n");
    for (reason, mut places) in reasons {
        places.sort_unstable();
        places.dedup();
        let count = places.len();
        writeln!(text, "\n<details><summary>{reason} ({count})</summary>\n").ok();
        for place in places {
            writeln!(text, "- {place}").ok();
        }
        text.push_str("\n</details>\n");
    }
    text
}

/// Two values as code; of lists of one length only the items that differ.
fn differing(theirs: Option<&str>, ours: Option<&str>) -> (String, String) {
    let split = |value: &str| value.split(", ").map(str::to_owned).collect::<Vec<_>>();
    let (Some(left), Some(right)) = (theirs.map(split), ours.map(split)) else {
        return (code(theirs), code(ours));
    };
    if left.len() != right.len() || left.len() == 1 {
        return (code(theirs), code(ours));
    }
    let differ = left.iter().zip(&right).filter(|(left, right)| left != right);
    let (left, right): (Vec<String>, Vec<String>) =
        differ.map(|(left, right)| (left.clone(), right.clone())).unzip();
    (code(Some(&left.join(", "))), code(Some(&right.join(", "))))
}

fn code(value: Option<&str>) -> String {
    match value {
        Some("") => "an empty text".to_owned(),
        Some(text) => format!("`{}`", text.replace('`', "'").replace('\n', " ")),
        None => "nothing".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disagreements_of_one_cause_stand_together() {
        let rows = [row("a", "x, y, z", Some("x, w, z")), row("b", "1", None)];
        let text = disagreements(&rows, &Verdicts::parse(VERDICTS).unwrap(), "tshark");
        let list = "\n**both are right.** bytes\n\n\
            - `a`, ciphers: theirs `y`, ours `w`\n- `b`, ciphers: theirs `1`, ours nothing\n";
        assert!(text.ends_with(list), "{text}");
        assert_eq!(disagreements(&rows, &Verdicts::default(), "Arkime"), "\nNo disagreement.\n");
    }

    #[test]
    fn what_cannot_be_compared_stands_under_its_reason() {
        let item = |place: &str| Incomparable {
            oracle: "tshark",
            reason: "it is secret".to_owned(),
            place: place.to_owned(),
        };
        let text = incomparable(&[item("b"), item("a"), item("b")], "tshark");
        assert!(text.contains("<summary>it is secret (2)</summary>\n\n- a\n- b\n"), "{text}");
        assert_eq!(incomparable(&[item("a")], "Arkime"), "");
    }

    const VERDICTS: &str = r#"
        [[verdict]]
        oracle = "tshark"
        captures = ["a", "b"]
        fields = ["ciphers"]
        right = "both"
        why = "bytes"
    "#;

    fn row(capture: &str, theirs: &str, ours: Option<&str>) -> Row {
        Row {
            oracle: "tshark",
            capture: capture.to_owned(),
            session: String::new(),
            field: "ciphers".to_owned(),
            theirs: Some(theirs.to_owned()),
            ours: ours.map(str::to_owned),
        }
    }
}
