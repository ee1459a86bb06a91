//! Processes, as they were when they first sent.

use std::sync::Arc;

use event::{Container, ParentProcess, Process, User};
use hashbrown::HashMap;

use crate::clock::Clock;
use crate::container::container_of;
use crate::proc;
use crate::record::{ProcessKey, ProcessRecord};
use crate::redact::CommandLines;

/// What is known of a process.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) process: Arc<Process>,
    pub(crate) container: Option<Container>,
    pub(crate) cgroup_path: Option<Arc<str>>,
    used: u64,
}

/// The processes that have sent.
#[derive(Debug)]
pub(crate) struct Processes {
    known: HashMap<ProcessKey, Known>,
    command_lines: CommandLines,
    uses: u64,
    command_lines_unknown: u64,
}

impl Processes {
    pub(crate) fn new(command_lines: CommandLines) -> Self {
        Self { known: HashMap::new(), command_lines, uses: 0, command_lines_unknown: 0 }
    }

    /// Changes what becomes of command lines; those that are known are only ever made stricter.
    #[cfg(target_os = "linux")]
    pub(crate) fn set_command_lines(&mut self, command_lines: CommandLines) {
        self.command_lines = command_lines;
        for known in self.known.values_mut() {
            let Some(line) = known.process.command_line.as_deref() else { continue };
            let stricter = self.command_lines.join(line.split(' '));
            let process = Process { command_line: stricter, ..(*known.process).clone() };
            known.process = Arc::new(process);
        }
    }

    /// Takes note of a process.
    pub(crate) fn insert(&mut self, record: &ProcessRecord<'_>, clock: Clock) {
        if self.known.len() >= MAX_PROCESSES {
            self.forget_half();
        }
        let cgroup_path = path(record.cgroup_path);
        let container = cgroup_path.as_deref().and_then(container_of);
        let process = Process {
            pid: record.key.pid,
            name: text(record.name),
            executable: path(record.executable),
            command_line: self.command_line(record),
            start: Some(clock.at(record.key.start)),
            user: Some(User { id: record.uid.to_string() }),
            parent: (record.parent.pid > 0).then(|| ParentProcess {
                pid: record.parent.pid,
                name: text(record.parent_name),
                executable: path(record.parent_executable),
                start: Some(clock.at(record.parent.start)),
            }),
        };
        let known = Known {
            process: Arc::new(process),
            container,
            cgroup_path: cgroup_path.map(Arc::from),
            used: self.uses,
        };
        self.known.insert(record.key, known);
    }

    /// What is known of a process.
    pub(crate) fn get(&mut self, key: &ProcessKey) -> Option<&Known> {
        self.uses += 1;
        let known = self.known.get_mut(key)?;
        known.used = self.uses;
        Some(known)
    }

    /// Processes whose command line could not be read.
    pub(crate) const fn command_lines_unknown(&self) -> u64 {
        self.command_lines_unknown
    }

    fn command_line(&mut self, record: &ProcessRecord<'_>) -> Option<String> {
        if self.command_lines == CommandLines::Omitted {
            return None;
        }
        let mut bytes = record.arguments.to_vec();
        // A process that has overwritten its arguments has done so beyond their end, as the kernel
        // knows: then all up to the first NUL is a title (proc(5), `/proc/PID/cmdline`).
        let is_title = bytes.last().is_some_and(|last| *last != 0) && !record.title.is_empty();
        if is_title {
            bytes.extend(record.title);
            bytes.truncate(bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len()));
        }
        if bytes.is_empty() {
            let told = proc::arguments(record.key);
            self.command_lines_unknown += u64::from(told.is_none());
            bytes = told.unwrap_or_default();
        }
        while bytes.last() == Some(&0) {
            bytes.pop();
        }
        if bytes.is_empty() {
            return None;
        }
        let line = String::from_utf8_lossy(&bytes);
        self.command_lines.join(line.split('\0'))
    }

    fn forget_half(&mut self) {
        let mut uses: Vec<u64> = self.known.values().map(|known| known.used).collect();
        let middle = uses.len() / 2;
        let (_, median, _) = uses.select_nth_unstable(middle);
        let median = *median;
        self.known.retain(|_, known| known.used > median);
    }
}

fn text(bytes: &[u8]) -> Option<String> {
    (!bytes.is_empty()).then(|| String::from_utf8_lossy(bytes).into_owned())
}

/// A path from its components, of which the last comes first, each ended by a NUL.
fn path(names: &[u8]) -> Option<String> {
    let mut path = String::new();
    for name in names.split(|byte| *byte == 0).rev().filter(|name| !name.is_empty()) {
        path.push('/');
        path.push_str(&String::from_utf8_lossy(name));
    }
    (!path.is_empty()).then_some(path)
}

/// Eight times what the kernel's side remembers to have told, at about a kilobyte each.
const MAX_PROCESSES: usize = 1 << 16;
