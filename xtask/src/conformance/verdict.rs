//! Hand-kept judgements about disagreements (`xtask/conformance/verdicts.toml`).

use anyhow::{Context, Result};
use serde::Deserialize;

use super::compare::Row;

/// Who is right where two programs disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Side {
    /// tlsight is: the other program is wrong.
    Tlsight,
    /// Both are: the two mean different things by the field.
    Both,
    /// The other program is: a known defect here.
    Oracle,
}

impl Side {
    /// Whether the disagreement is no defect of tlsight.
    pub(super) fn justifies(self) -> bool {
        self != Self::Oracle
    }

    /// How the report says it.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Tlsight => "tlsight is right",
            Self::Both => "both are right",
            Self::Oracle => "tlsight is wrong",
        }
    }
}

/// One judgement, about one field in some captures.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Verdict {
    /// The captures.
    pub(super) captures: Vec<String>,
    /// The fields, by the oracle's names.
    pub(super) fields: Vec<String>,
    /// The oracle.
    pub(super) oracle: String,
    /// The session, if the captures' other sessions are not meant.
    pub(super) session: Option<String>,
    /// Who is right.
    pub(super) right: Side,
    /// Why: the bytes that show it.
    pub(super) why: String,
}

/// All judgements.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Verdicts {
    #[serde(default)]
    verdict: Vec<Verdict>,
}

impl Verdicts {
    /// Reads the file's text.
    ///
    /// # Errors
    /// If it is malformed.
    pub(super) fn parse(text: &str) -> Result<Self> {
        toml::from_str(text).context("verdicts.toml")
    }

    /// The judgement about a disagreement.
    pub(super) fn about(&self, row: &Row) -> Option<&Verdict> {
        self.verdict.iter().find(|verdict| {
            let session = verdict.session.as_ref().is_none_or(|session| *session == row.session);
            session
                && verdict.oracle == row.oracle
                && verdict.captures.contains(&row.capture)
                && verdict.fields.contains(&row.field)
        })
    }

    /// Every capture and field of a judgement that no disagreement needs.
    pub(super) fn stale(&self, rows: &[Row]) -> Vec<String> {
        let mut stale = Vec::new();
        for verdict in &self.verdict {
            for capture in &verdict.captures {
                for field in &verdict.fields {
                    let needed = rows.iter().filter(|row| !row.agrees()).any(|row| {
                        row.capture == *capture
                            && row.field == *field
                            && self.about(row).is_some_and(|other| std::ptr::eq(other, verdict))
                    });
                    if !needed {
                        stale.push(format!("{}: {capture}: {field}", verdict.oracle));
                    }
                }
            }
        }
        stale
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_about_its_capture_field_and_session() {
        let verdicts = Verdicts::parse(TEXT).unwrap();
        let verdict = verdicts.about(&row("a.pcap", "curve", "1 > 2")).unwrap();
        assert_eq!(verdict.right, Side::Tlsight);
        assert!(verdicts.about(&row("a.pcap", "curve", "1 > 3")).is_none());
        assert!(verdicts.about(&row("b.pcap", "curve", "1 > 2")).is_none());
        assert!(verdicts.about(&row("a.pcap", "cipher", "1 > 2")).is_none());
    }

    #[test]
    fn a_verdict_without_its_disagreement_is_stale() {
        let verdicts = Verdicts::parse(TEXT).unwrap();
        assert_eq!(verdicts.stale(&[]), ["Zeek ssl.log: a.pcap: curve"]);
        assert!(verdicts.stale(&[row("a.pcap", "curve", "1 > 2")]).is_empty());
        let agreeing = Row { ours: Some("x".to_owned()), ..row("a.pcap", "curve", "1 > 2") };
        assert_eq!(verdicts.stale(&[agreeing]).len(), 1);
    }

    #[test]
    fn a_misspelt_verdict_is_refused() {
        assert!(Verdicts::parse(&TEXT.replace("right", "wrong")).is_err());
        assert!(Verdicts::parse(&TEXT.replace("\"tlsight\"", "\"nobody\"")).is_err());
    }

    const TEXT: &str = r#"
        [[verdict]]
        oracle = "Zeek ssl.log"
        captures = ["a.pcap"]
        fields = ["curve"]
        session = "1 > 2"
        right = "tlsight"
        why = "bytes"
    "#;

    fn row(capture: &str, field: &str, session: &str) -> Row {
        Row {
            oracle: "Zeek ssl.log",
            capture: capture.to_owned(),
            session: session.to_owned(),
            field: field.to_owned(),
            theirs: Some("x".to_owned()),
            ours: Some("y".to_owned()),
        }
    }
}
