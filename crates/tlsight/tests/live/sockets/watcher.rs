//! A running `tlsight watch` without an interface.

use std::process::Command;
use std::{fs, path::PathBuf};

use serde_json::Value;

use super::cgroup::Cgroup;
use crate::watcher;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_tlsight");

/// A `tlsight watch --json` of the sockets of a cgroup.
pub(crate) struct Watcher(watcher::Watcher);

/// What a [`Watcher`] said until it ended.
pub(crate) struct End {
    pub(crate) status: Option<i32>,
    /// The sessions that nobody had taken.
    pub(crate) sessions: Vec<Value>,
    /// What was lost, of the totals.
    pub(crate) loss: Value,
    /// What was on standard error.
    pub(crate) messages: String,
}

impl Watcher {
    /// Starts to watch the sockets of a cgroup, and returns when its programs are attached.
    pub(crate) fn start(cgroup: &Cgroup, arguments: &[&str]) -> Self {
        Self::start_within(&["env"], cgroup, arguments)
    }

    /// The same by way of a program that runs another.
    pub(crate) fn start_within(wrapper: &[&str], cgroup: &Cgroup, arguments: &[&str]) -> Self {
        let mut command = Command::new(wrapper[0]);
        command
            .args(&wrapper[1..])
            .args([PROGRAM, "watch", "--json", "--summary", "--cgroup"])
            .arg(cgroup.path())
            .args(arguments);
        let is_attached = |pid| programs(pid).len() == 2;
        Self(watcher::Watcher::run(&mut command, "the programs are attached", is_attached))
    }

    /// Numbers of the programs that it has attached.
    pub(crate) fn programs(&self) -> Vec<u32> {
        programs(self.0.id())
    }

    /// The next session.
    pub(crate) fn next(&mut self) -> Value {
        loop {
            let line = self.0.next();
            if is_session(&line) {
                return line;
            }
        }
    }

    /// Kills it, so that it can do nothing more.
    pub(crate) fn kill(self) {
        self.0.kill();
    }

    /// Presses Ctrl-C and takes what is left.
    pub(crate) fn interrupt(self) -> End {
        End::of(self.0.interrupt())
    }

    /// Waits until it ends by itself, and takes what is left.
    pub(crate) fn end(self) -> End {
        End::of(self.0.end())
    }
}

impl End {
    fn of(end: watcher::End) -> Self {
        let lines: Vec<Value> =
            end.lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        let summary = &lines.last().expect("the totals")["tlsight"]["summary"];
        Self {
            status: end.status,
            loss: summary["loss"].clone(),
            sessions: lines.into_iter().filter(is_session).collect(),
            messages: end.messages,
        }
    }
}

fn programs(pid: u32) -> Vec<u32> {
    let folder = PathBuf::from(format!("/proc/{pid}/fdinfo"));
    let mut programs = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let text = fs::read_to_string(entry.path()).unwrap_or_default();
        let field = |name: &str| {
            text.lines().find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()))
        };
        if field("link_type:").as_deref() == Some("cgroup") {
            programs.extend(field("prog_id:").and_then(|id| id.parse::<u32>().ok()));
        }
    }
    programs
}

fn is_session(line: &Value) -> bool {
    line["event"]["dataset"] == "tls"
}
