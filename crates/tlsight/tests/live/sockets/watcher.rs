//! A running `tlsight watch` without an interface.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::{fs, path::PathBuf};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::cgroup::Cgroup;
use crate::network::{PATIENCE, wait_until};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_tlsight");

/// A `tlsight watch --json` whose lines are read as they come; killed if it is dropped.
pub(crate) struct Watcher {
    child: Child,
    lines: Receiver<String>,
    messages: Option<JoinHandle<String>>,
}

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
        let mut child = Command::new(PROGRAM)
            .args(["watch", "--json", "--summary", "--cgroup"])
            .arg(cgroup.path())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                if sender.send(line.unwrap()).is_err() {
                    break;
                }
            }
        });
        let messages = thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            text
        });
        let mut watcher = Self { child, lines, messages: Some(messages) };
        wait_until("the programs are attached", || {
            assert_eq!(watcher.child.try_wait().unwrap(), None, "tlsight ended");
            watcher.programs().len() == 2
        });
        watcher
    }

    /// Numbers of the programs that it has attached.
    pub(crate) fn programs(&self) -> Vec<u32> {
        let folder = PathBuf::from(format!("/proc/{}/fdinfo", self.child.id()));
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

    /// The next session.
    pub(crate) fn next(&mut self) -> Value {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).expect("a line comes in time");
            let line: Value = serde_json::from_str(&line).expect("a line is JSON");
            if is_session(&line) {
                return line;
            }
        }
    }

    /// Kills it, so that it can do nothing more.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Presses Ctrl-C and takes what is left.
    pub(crate) fn interrupt(self) -> End {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        self.end()
    }

    /// Waits until it ends by itself, and takes what is left.
    pub(crate) fn end(mut self) -> End {
        wait_until("tlsight ends", || self.child.try_wait().unwrap().is_some());
        let lines: Vec<Value> =
            self.lines.iter().map(|line| serde_json::from_str(&line).unwrap()).collect();
        let summary = &lines.last().expect("the totals")["tlsight"]["summary"];
        End {
            status: self.child.wait().unwrap().code(),
            loss: summary["loss"].clone(),
            sessions: lines.into_iter().filter(is_session).collect(),
            messages: self.messages.take().unwrap().join().unwrap(),
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn is_session(line: &Value) -> bool {
    line["event"]["dataset"] == "tls"
}
