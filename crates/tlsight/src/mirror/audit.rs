//! What was mirrored, of whom, when and by whose order: one line of JSON each.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result};
use event::Timestamp;
use forge::{ConnectionId, Ending, MissingCause, Opened, Record, RecordKind, Side};
use probe::{BudgetChange, Matches, Net};
use serde_json::{Value, json};

use super::pods::PodPattern;
use super::report::Report;
use super::rules::Wanted;
use crate::cli::MirrorArgs;
use crate::message;
use crate::watch::wall_clock;

/// Writes audit lines: to standard error, and of connections as well to a file.
pub(crate) struct Audit {
    file: Option<BufWriter<File>>,
    flows: HashMap<ConnectionId, Flow>,
}

struct Flow {
    opened: Opened,
    at: Timestamp,
    /// Bytes by who sent them.
    client: u64,
    server: u64,
    /// Bytes that are missing, by cause.
    missing: [u64; CAUSES.len()],
}

impl Audit {
    pub(crate) fn open(path: Option<&Path>) -> Result<Self> {
        let file = path.map(|path| {
            let file = OpenOptions::new().create(true).append(true).open(path);
            file.with_context(|| format!("cannot write {}", path.display()))
        });
        Ok(Self { file: file.transpose()?.map(BufWriter::new), flows: HashMap::new() })
    }

    pub(crate) fn start(&mut self, wanted: &Wanted, args: &MirrorArgs) {
        let by = rustix::process::getuid().as_raw();
        let line = json!({
            "@timestamp": time(wall_clock()),
            "event": { "action": "mirror-start" },
            "user": { "id": by.to_string() },
            "process": { "pid": std::process::id() },
            "mirror": {
                "interface": args.interface,
                "output": args.output.as_ref().map(|target| format!("{target:?}")),
                "file": args.write.as_ref().map(|path| path.display().to_string()),
                "redacts": !args.packets.no_redact,
                "budget": args.budget.map(|budget| budget.share),
                "rules": described(wanted),
            },
        });
        self.tell(&line);
        self.flush();
    }

    /// Tells that other rules are in effect.
    pub(crate) fn change(&mut self, wanted: &Wanted) {
        self.tell(&json!({
            "@timestamp": time(wall_clock()),
            "event": { "action": "mirror-change" },
            "mirror": { "rules": described(wanted) },
        }));
        self.flush();
    }

    /// Tells that rules allow these pods, which have come or gone.
    pub(crate) fn change_pods(&mut self, pods: &[String]) {
        self.tell(&json!({
            "@timestamp": time(wall_clock()),
            "event": { "action": "mirror-change", "reason": "pods" },
            "mirror": { "pods": pods },
        }));
        self.flush();
    }

    /// Tells that rules were to change and did not.
    pub(crate) fn refuse(&mut self, reason: &str) {
        self.tell(&json!({
            "@timestamp": time(wall_clock()),
            "event": { "action": "mirror-change", "outcome": "failure", "reason": reason },
        }));
        self.flush();
    }

    /// Tells that a process costs more than its budget, or that its pause is over.
    pub(crate) fn exceed(&mut self, change: &BudgetChange) {
        let action = if change.is_covered { "mirror-resume" } else { "mirror-pause" };
        self.tell(&json!({
            "@timestamp": time(wall_clock()),
            "event": { "action": action, "reason": "budget" },
            "process": { "pid": change.pid },
            "mirror": { "cost": change.share },
        }));
        self.flush();
    }

    pub(crate) fn stop(&mut self, report: &Report) {
        let parts: serde_json::Map<String, Value> =
            report.parts().iter().map(|(name, bytes)| ((*name).to_owned(), json!(bytes))).collect();
        let processes: Vec<Value> = report
            .processes
            .iter()
            .map(|process| {
                let account = &process.account;
                json!({
                    "pid": process.pid, "allowed": process.is_allowed, "seen": account.seen,
                    "delivered": account.delivered, "ring_dropped": account.ring_full,
                    "fault": account.fault, "unmapped": account.unmapped,
                    "filtered": account.filtered, "duplicate": account.duplicate,
                    "pending": account.pending,
                })
            })
            .collect();
        let uncovered: Vec<Value> = report
            .uncovered
            .iter()
            .map(|process| {
                json!({
                    "pid": process.pid, "path": process.path, "reason": process.reason.to_string(),
                })
            })
            .collect();
        let line = json!({
            "@timestamp": time(wall_clock()),
            "event": { "action": "mirror-stop" },
            "mirror": {
                "seen": report.account.seen, "parts": parts, "balanced": report.is_balanced(),
                "connections": report.counts.streams.connections,
                "overwritten": report.overwritten, "processes": processes,
                "uncovered": uncovered,
            },
        });
        self.tell(&line);
        self.flush();
    }

    /// Takes note of a record; tells of its connection when that ends.
    pub(crate) fn note(&mut self, record: &Record<'_>) {
        if self.file.is_none() {
            return;
        }
        match &record.kind {
            RecordKind::Opened(opened) => {
                let flow = Flow {
                    opened: (**opened).clone(),
                    at: record.at,
                    client: 0,
                    server: 0,
                    missing: [0; CAUSES.len()],
                };
                self.flows.insert(record.connection, flow);
            }
            RecordKind::Data { sender, bytes, .. } => {
                self.count(record.connection, *sender, bytes.len() as u64, None);
            }
            RecordKind::Missing { sender, len, cause, .. } => {
                self.count(record.connection, *sender, *len, Some(*cause));
            }
            RecordKind::Closed(ending) => {
                if let Some(flow) = self.flows.remove(&record.connection) {
                    let line = flow.line(record.at, *ending);
                    self.write(&line);
                }
            }
        }
    }

    pub(crate) fn flush(&mut self) {
        if let Some(file) = &mut self.file
            && let Err(error) = file.flush()
        {
            message::error(&format!("audit lines are lost: {error}"));
        }
    }

    fn count(&mut self, id: ConnectionId, sender: Side, len: u64, cause: Option<MissingCause>) {
        let Some(flow) = self.flows.get_mut(&id) else { return };
        match sender {
            Side::Client => flow.client += len,
            Side::Server => flow.server += len,
        }
        for ((known, _), missing) in CAUSES.iter().zip(&mut flow.missing) {
            if Some(*known) == cause {
                *missing += len;
            }
        }
    }

    fn tell(&mut self, line: &Value) {
        message::error(&line.to_string());
        self.write(line);
    }

    fn write(&mut self, line: &Value) {
        if let Some(file) = &mut self.file
            && let Err(error) = writeln!(file, "{line}")
        {
            message::error(&format!("audit lines are lost: {error}"));
        }
    }
}

impl Flow {
    fn line(&self, at: Timestamp, ending: Ending) -> Value {
        let missing: serde_json::Map<String, Value> = CAUSES
            .iter()
            .zip(self.missing)
            .filter(|(_, bytes)| *bytes > 0)
            .map(|((_, name), bytes)| ((*name).to_owned(), json!(bytes)))
            .collect();
        let lost: u64 = self.missing.iter().sum();
        let origin = self.opened.origin.as_ref();
        json!({
            "@timestamp": time(at),
            "event": { "action": "mirror-connection", "start": time(self.at), "end": time(at) },
            "client": { "ip": self.opened.client.ip(), "port": self.opened.client.port(), "bytes": self.client },
            "server": { "ip": self.opened.server.ip(), "port": self.opened.server.port(), "bytes": self.server },
            "process": origin.map(|origin| json!({ "pid": origin.pid, "name": origin.command })),
            "container": origin.and_then(|origin| origin.container.as_ref()).map(|id| json!({ "id": id })),
            "mirror": {
                "seen": self.client + self.server, "delivered": self.client + self.server - lost,
                "missing": missing, "late": self.opened.is_late,
                "ending": format!("{ending:?}").to_lowercase(),
            },
        })
    }
}

fn described(wanted: &Wanted) -> Value {
    let matches = |matches: &Matches, pods: &[PodPattern]| {
        json!({
            "pid": matches.pids,
            "exe": matches.executables,
            "cgroup": matches.cgroups,
            "pod": pods.iter().map(PodPattern::to_string).collect::<Vec<_>>(),
            "port": matches.ports,
            "net": matches.nets.iter().map(Net::to_string).collect::<Vec<_>>(),
            "local": matches.local.as_ref().map(|local| &local.addresses),
        })
    };
    let Wanted { rules, pods } = wanted;
    json!({
        "all": rules.is_open,
        "allow": matches(&rules.allow, &pods.allow),
        "deny": matches(&rules.deny, &pods.deny),
    })
}

fn time(at: Timestamp) -> String {
    at.to_rfc3339().to_string()
}

const CAUSES: [(MissingCause, &str); 5] = [
    (MissingCause::RingFull, "ring_dropped"),
    (MissingCause::Fault, "fault"),
    (MissingCause::Overload, "overload"),
    (MissingCause::Redacted, "redacted"),
    (MissingCause::Undecryptable, "undecryptable"),
];
