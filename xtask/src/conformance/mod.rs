//! Compares tlsight with what other programs say about public captures.

mod arkime;
mod compare;
mod markdown;
mod names;
mod normal;
mod oracle;
mod packetbeat;
mod report;
mod run;
mod session;
mod suricata;
mod tshark;
mod verdict;
mod zeek;

use std::path::PathBuf;
use std::{env, fs};

use anyhow::{Context, Result};
use lexopt::prelude::*;

use self::oracle::Corpora;
use self::report::Summary;
use self::run::Runner;
use self::verdict::Verdicts;
use crate::{Outcome, workspace};

/// Compares, reports and, with `--check`, complains.
///
/// # Errors
/// If the arguments are wrong, or the program, the captures or the verdicts cannot be used.
pub(crate) fn run(arguments: lexopt::Parser) -> Result<Outcome> {
    let options = Options::parse(arguments)?;
    let Some(corpora) = Corpora::open(&options.corpora) else {
        println!(
            "conformance: skipped: there is no folder of captures at {}: pass --corpora DIR",
            options.corpora.display()
        );
        let in_ci = env::var_os("CI").is_some_and(|value| !value.is_empty());
        return Ok(if in_ci { Outcome::Failed } else { Outcome::Clean });
    };
    let runner = Runner { program: workspace::program()?, corpora: &corpora };
    let sessions = runner.all()?;
    let golden = runner.golden()?;
    let tally = oracle::compare(&corpora, &sessions, &golden)?;
    let path = workspace::root().join(VERDICTS);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {VERDICTS}"))?;
    let verdicts = Verdicts::parse(&text)?;
    let summary = Summary::new(&tally, &verdicts);
    if let Some(report) = &options.report {
        fs::write(report, summary.markdown())
            .with_context(|| format!("cannot write {}", report.display()))?;
    }
    let complaints = summary.complaints();
    complaints.iter().for_each(|complaint| println!("{complaint}"));
    print!("{}", summary.lines());
    println!(
        "{} captures, {} comparisons, {} not comparable, {} complaints",
        sessions.len(),
        tally.rows.len(),
        tally.incomparable.len(),
        complaints.len()
    );
    Ok(if options.check && !complaints.is_empty() { Outcome::Failed } else { Outcome::Clean })
}

struct Options {
    corpora: PathBuf,
    report: Option<PathBuf>,
    check: bool,
}

impl Options {
    fn parse(mut arguments: lexopt::Parser) -> Result<Self> {
        let corpora = workspace::root().join(CORPORA);
        let mut options = Self { corpora, report: None, check: false };
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("corpora") => options.corpora = arguments.value()?.into(),
                Long("report") => options.report = Some(arguments.value()?.into()),
                Long("check") => options.check = true,
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(options)
    }
}

/// Where the folder of captures lies beside a checkout.
const CORPORA: &str = "../shared/corpora";

const VERDICTS: &str = "xtask/conformance/verdicts.toml";
