//! `tlsight doctor`: what this machine can do, and how to get what is missing.

mod check;
mod machine;
#[cfg(test)]
mod tests;
mod trials;
mod ways;

use std::io::{self, Write as _};
use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use crate::Outcome;
use crate::cli::DoctorArgs;
use crate::config::{Config, Layer};
use crate::output::clean;
use check::{Check, Status};
use machine::Machine;
use trials::Trials;

/// Looks at the machine and says what it found.
///
/// # Errors
/// Settings that make no sense, or a standard output that cannot be written to.
pub(crate) fn run(args: &DoctorArgs) -> Result<Outcome> {
    if args.secrets {
        io::stdout().write_all(ways::report(args.json)?.as_bytes())?;
        return Ok(Outcome::Done);
    }
    let layer = Layer { kubernetes: args.kubernetes.settings(), ..Layer::default() };
    let trials = Trials::make(&Config::resolve(layer, None)?.kubernetes);
    let report = Report::new(&Machine::read(Path::new("/")), &trials);
    let text = if args.json {
        format!("{}\n", serde_json::to_string_pretty(&report)?)
    } else {
        report.in_words()
    };
    io::stdout().write_all(text.as_bytes())?;
    let all_work = report.jobs.iter().all(|job| job.status == Status::Ok);
    Ok(if all_work { Outcome::Done } else { Outcome::Incomplete })
}

/// What was found.
#[derive(Clone, Debug, Serialize)]
struct Report {
    jobs: Vec<Job>,
    checks: Vec<Check>,
}

/// What the program is there for.
#[derive(Clone, Copy, Debug, Serialize)]
struct Job {
    name: &'static str,
    /// As it was tried.
    status: Status,
}

impl Report {
    fn new(machine: &Machine, trials: &Trials) -> Self {
        let tried = |result: &Result<(), String>| match result {
            Ok(()) => Status::Ok,
            Err(_) => Status::Missing,
        };
        let jobs = vec![
            Job { name: "read captures", status: Status::Ok },
            Job { name: "capture at the sockets", status: tried(&trials.programs) },
            Job { name: "capture from interfaces", status: tried(&trials.packets) },
        ];
        Self { jobs, checks: check::all(machine, trials) }
    }

    fn in_words(&self) -> String {
        let mut text = String::new();
        let names = self.checks.iter().map(|check| check.name.len());
        let columns = names.max().unwrap_or(0);
        for Check { name, status, found, cost, remedy } in &self.checks {
            let status = status.name();
            text.push_str(&format!("{status:8}  {name:columns$}  {}\n", clean(found)));
            for (sign, more) in [("costs", cost), ("to do", remedy)] {
                if let Some(more) = more {
                    let more = clean(more).replace("\\\\", "\\");
                    text.push_str(&format!("{:8}  {:columns$}  {sign}: {more}\n", "", ""));
                }
            }
        }
        text.push('\n');
        for job in &self.jobs {
            text.push_str(&format!("{:8}  {}\n", job.status.name(), job.name));
        }
        text
    }
}
