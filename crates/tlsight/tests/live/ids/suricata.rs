//! Suricata on an interface of a namespace of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::network::in_namespace;
use crate::watcher::Watcher;

/// A Suricata that listens; the namespace of its own, if it has one, is gone when it is dropped.
pub(crate) struct Suricata {
    namespace: String,
    /// Whether the namespace is its own.
    is_own: bool,
    folder: PathBuf,
    running: Option<Watcher>,
}

/// What it said.
pub(crate) struct Events(Vec<Value>);

impl Suricata {
    /// Starts it at the other end of an interface [`TAP`] of the namespace `from`, and returns when it
    /// captures.
    pub(crate) fn start(from: &str, folder: &Path) -> Self {
        let mut suricata = Self {
            namespace: format!("{from}-ids"),
            is_own: true,
            folder: prepare(folder),
            running: None,
        };
        suricata.join(from);
        suricata.listen(EAR);
        suricata
    }

    /// Starts it on an interface [`TAP`] that somebody else has made in a namespace.
    pub(crate) fn start_in(namespace: &str, folder: &Path) -> Self {
        let namespace = namespace.to_owned();
        let mut suricata =
            Self { namespace, is_own: false, folder: prepare(folder), running: None };
        suricata.listen(TAP);
        suricata
    }

    fn listen(&mut self, interface: &str) {
        let mut command = in_namespace(&self.namespace, "suricata");
        command.args(ARGUMENTS).arg(format!("--af-packet={interface}"));
        command.current_dir(&self.folder);
        let log = self.folder.join("suricata.log");
        self.running = Some(Watcher::run(&mut command, "Suricata captures", |_| {
            fs::read_to_string(&log).is_ok_and(|log| log.contains("Engine started"))
        }));
    }

    /// Makes the namespace and the pair of interfaces, on which nothing else is sent.
    fn join(&self, from: &str) {
        let own = &self.namespace;
        ip(&format!("netns add {own}"));
        ip(&format!("-n {from} link add {TAP} type veth peer name {EAR} netns {own}"));
        for (namespace, interface) in [(from, TAP), (&**own, EAR)] {
            let setting = format!("net.ipv6.conf.{interface}.disable_ipv6=1");
            let set = in_namespace(namespace, "sysctl").args(["-q", "-w", &setting]).status();
            assert!(set.unwrap().success(), "{setting}");
            ip(&format!("-n {namespace} link set {interface} up"));
        }
    }

    /// The events so far of a kind.
    pub(crate) fn count(&self, kind: &str) -> usize {
        Events::read(&self.folder).of(kind).len()
    }

    /// Ends it, and takes all that it said.
    pub(crate) fn end(mut self) -> Events {
        let end = self.running.take().unwrap().interrupt();
        assert_eq!(end.status, Some(0), "{}", end.messages);
        Events::read(&self.folder)
    }
}

impl Drop for Suricata {
    fn drop(&mut self) {
        self.running = None;
        if self.is_own {
            Command::new("ip").args(["netns", "del", &self.namespace]).status().ok();
        }
    }
}

impl Events {
    /// Those of a capture in a file.
    pub(crate) fn of_file(capture: &Path) -> Self {
        let folder = prepare(capture.parent().unwrap());
        let output = Command::new("suricata")
            .args(ARGUMENTS)
            .args(["-r".as_ref(), capture])
            .current_dir(&folder)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Self::read(&folder)
    }

    /// Those in whole lines.
    fn read(folder: &Path) -> Self {
        let text = fs::read_to_string(folder.join("eve.json")).unwrap_or_default();
        Self(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }

    pub(crate) fn of(&self, kind: &str) -> Vec<&Value> {
        self.0.iter().filter(|event| event["event_type"] == kind).collect()
    }

    /// How often each rule alerted, by its message.
    pub(crate) fn alerts(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for alert in self.of("alert") {
            *counts.entry(alert["alert"]["signature"].as_str().unwrap()).or_default() += 1;
        }
        counts
    }

    /// How often each value of a field is in events of a kind.
    pub(crate) fn counts(&self, kind: &str, pointer: &str) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for value in self.of(kind).into_iter().filter_map(|event| event.pointer(pointer)) {
            let text = value.as_str().map_or_else(|| value.to_string(), Into::into);
            *counts.entry(text).or_default() += 1;
        }
        counts
    }
}

/// A folder with its settings and rules.
fn prepare(folder: &Path) -> PathBuf {
    let folder = folder.join("suricata");
    fs::create_dir(&folder).unwrap();
    let settings = Path::new(env!("CARGO_MANIFEST_DIR")).join("../capture/tests/ids/suricata");
    for name in ["suricata.yaml", "mirror.rules", "md5", "sha256"] {
        fs::copy(settings.join(name), folder.join(name)).unwrap();
    }
    folder
}

fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split_whitespace()).status();
    assert!(status.unwrap().success(), "ip {arguments}");
}

/// The interface on which packets for Suricata are sent.
pub(crate) const TAP: &str = "ids0";

/// Where they arrive.
const EAR: &str = "ids1";

const ARGUMENTS: [&str; 9] =
    ["-k", "all", "--runmode", "single", "-c", "suricata.yaml", "-S", "mirror.rules", "-l."];
