//! Chores and house rules: `cargo xtask <task>`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool")]
#![expect(clippy::wildcard_enum_match_arm, reason = "what is not an argument is unexpected")]

mod bench;
mod conformance;
mod elasticsearch;
mod layers;
mod licences;
mod manifests;
mod policies;
mod protocol;
mod registries;
mod schema;
mod workspace;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use lexopt::prelude::*;

fn main() -> ExitCode {
    match run() {
        Ok(Outcome::Clean) => ExitCode::SUCCESS,
        Ok(Outcome::Failed) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// How a task ended that could be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Nothing to complain about.
    Clean,
    /// The task printed what is wrong.
    Failed,
}

fn run() -> Result<Outcome> {
    let mut parser = lexopt::Parser::from_env();
    let Some(task) = parser.next()? else {
        print!("{USAGE}");
        return Ok(Outcome::Failed);
    };
    match task {
        Value(name) => match name.to_str().context("the task's name is not UTF-8")? {
            "bench" => bench::run(parser),
            "layers" => layers::run(parser),
            "licences" => licences::run(parser),
            "conformance" => conformance::run(parser),
            "elasticsearch" => elasticsearch::run(parser),
            "manifests" => manifests::run(parser),
            "policies" => policies::run(parser),
            "protocol" => protocol::run(parser),
            "registries" => registries::run(parser),
            "schema" => schema::run(parser),
            other => bail!("no task {other:?}\n{USAGE}"),
        },
        Long("help") | Short('h') => {
            print!("{USAGE}");
            Ok(Outcome::Clean)
        }
        other => Err(other.unexpected().into()),
    }
}

const USAGE: &str = "\
Usage: cargo xtask <task>

  layers         reject arrows between crates that point up, and breaches of the house rules
  licences       compare the licences of all packages with the list in deny.toml
  bench          measure the parsers, whole programs beside their peers, live capture, and what it
                 costs a host to be observed or mirrored
                 [parsers] [files] [decrypt] [live] [host] [mirror] [--perf DIR] [--work DIR]
                 [--runs N] [--turns N] [--connections N] [--bulk-bytes SIZE] [--tlsight PROGRAM]
                 [--observer NAME] [--add-turns]
  conformance    compare tlsight with the expected outputs of a folder of captures
                 [--corpora DIR] [--report FILE] [--check]
  manifests      write deploy/kubernetes/base from the Helm chart, or lint the chart and see whether it
                 is up to date [--check]; needs helm
  elasticsearch  write deploy/elasticsearch/tlsight-template.json, or see whether it is up to date
                 [--check]
  policies       write docs/policies.md, or see whether it is up to date [--check]
  protocol       write crates/fleet/src/v1.rs, or see whether it is up to date [--check]
  registries     write the tables of crates/tls/src/registry/generated, or see whether they are
                 up to date [--check]
  schema         write docs/event.schema.json, or see whether it is up to date [--check]
";
