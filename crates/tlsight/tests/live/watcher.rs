//! A running `tlsight watch`.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::network::{PATIENCE, in_namespace, wait_until};

/// A `tlsight watch` whose lines are read as they come; killed if it is dropped.
pub(crate) struct Watcher {
    child: Child,
    lines: Receiver<String>,
    messages: Option<JoinHandle<String>>,
}

/// What a [`Watcher`] said until it ended.
pub(crate) struct End {
    pub(crate) status: Option<i32>,
    /// The lines that nobody had taken.
    pub(crate) lines: Vec<String>,
    /// What was on standard error.
    pub(crate) messages: String,
}

impl Watcher {
    /// Starts to watch an interface of a namespace, and returns when packets are captured.
    pub(crate) fn start(namespace: &str, interface: &str, arguments: &[&str]) -> Self {
        let mut command = in_namespace(namespace, env!("CARGO_BIN_EXE_tlsight"));
        command.args(["watch", "-i", interface]).args(arguments);
        Self::run(&mut command, "tlsight captures", |pid| {
            let sockets = fs::read_to_string(format!("/proc/{pid}/net/packet"));
            sockets.unwrap_or_default().lines().any(is_running)
        })
    }

    /// Runs a command, and returns when `is_ready` says so of its process.
    pub(crate) fn run(
        command: &mut Command,
        what: &str,
        mut is_ready: impl FnMut(u32) -> bool,
    ) -> Self {
        let mut child = command
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
        wait_until(what, || {
            assert_eq!(watcher.child.try_wait().unwrap(), None, "tlsight ended");
            is_ready(watcher.child.id())
        });
        watcher
    }

    /// Number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line, as JSON.
    pub(crate) fn next(&mut self) -> Value {
        let line = self.lines.recv_timeout(PATIENCE).expect("a line comes in time");
        serde_json::from_str(&line).expect("a line is JSON")
    }

    /// Waits for a line with `text`.
    pub(crate) fn wait_for_line(&self, text: &str) {
        while !self.lines.recv_timeout(PATIENCE).expect("a line comes in time").contains(text) {}
    }

    /// Kills it, so that it can do nothing more.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to read its settings anew.
    pub(crate) fn hang_up(&self) {
        kill_process(Pid::from_child(&self.child), Signal::HUP).unwrap();
    }

    /// Presses Ctrl-C and takes what is left.
    pub(crate) fn interrupt(self) -> End {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        self.end()
    }

    /// Waits until it ends by itself, and takes what is left.
    pub(crate) fn end(mut self) -> End {
        let deadline = Instant::now() + LONGEST_END;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "tlsight ends: not within {LONGEST_END:?}");
            thread::sleep(Duration::from_millis(10));
        }
        End {
            status: self.child.wait().unwrap().code(),
            lines: self.lines.iter().collect(),
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

/// With each probe that a mirror takes away the kernel waits for all processors, and for mirrors of other tests
/// that do the same.
const LONGEST_END: Duration = Duration::from_secs(180);

/// Whether a line of `/proc/net/packet` is a socket that receives: its sixth field says so.
fn is_running(line: &str) -> bool {
    line.split_whitespace().nth(5) == Some("1")
}
