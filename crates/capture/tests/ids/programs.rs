//! The programs that read what was forged.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

/// What Suricata says of a capture.
pub(crate) struct Suricata(Vec<Value>);

impl Suricata {
    /// Has it read `capture` with the rules of these tests and its own of odd packets.
    pub(crate) fn reads(capture: &Path) -> Self {
        let folder = capture.parent().unwrap();
        let own = ["decoder-events", "http-events", "http2-events", "stream-events"];
        for name in ["suricata.yaml", "md5", "sha256"] {
            fs::copy(settings().join(name), folder.join(name)).unwrap();
        }
        let mut rules = fs::read_to_string(settings().join("mirror.rules")).unwrap();
        for name in own {
            let path = format!("/etc/suricata/rules/{name}.rules");
            // That packets are missing is the one rule of these that is switched off.
            rules.push_str(&fs::read_to_string(&path).expect(&path).replace("\n#alert", "\nalert"));
        }
        fs::write(folder.join("rules"), rules).unwrap();
        let output = Command::new("suricata")
            .args(["-k", "all", "--runmode", "single", "-c", "suricata.yaml", "-S", "rules", "-r"])
            .args([capture, "-l".as_ref(), ".".as_ref()])
            .current_dir(folder)
            .output()
            .unwrap();
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && !log.contains("error parsing"), "{log}");
        let lines = fs::read_to_string(folder.join("eve.json")).unwrap();
        Self(lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }

    /// The events of a kind.
    pub(crate) fn events(&self, kind: &str) -> Vec<&Value> {
        self.0.iter().filter(|event| event["event_type"] == kind).collect()
    }

    /// How often each rule alerted, by its message.
    pub(crate) fn alerts(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for alert in self.events("alert") {
            *counts.entry(alert["alert"]["signature"].as_str().unwrap()).or_default() += 1;
        }
        counts
    }

    /// The values of a field of the events of a kind, sorted.
    pub(crate) fn values(&self, kind: &str, pointer: &str) -> Vec<String> {
        let values = self.events(kind).into_iter().filter_map(|event| event.pointer(pointer));
        let mut texts: Vec<_> =
            values.map(|value| value.as_str().map_or(value.to_string(), Into::into)).collect();
        texts.sort();
        texts
    }
}

/// Its settings and rules, and hashes of `hello mirror, this is the body`.
fn settings() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ids/suricata")
}

/// The lines that tshark shows of a capture: those that `filter` lets through, with these fields.
pub(crate) fn tshark(capture: &Path, filter: &str, fields: &[&str]) -> Vec<String> {
    let checks = ["ip.check_checksum:TRUE", "tcp.check_checksum:TRUE"];
    let options = checks.iter().flat_map(|check| ["-o", check]);
    let output = Command::new("tshark")
        .args(["-n", "-T", "fields", "-E", "separator=|", "-Y", filter])
        .args(options)
        .args(fields.iter().flat_map(|field| ["-e", field]))
        .arg("-r")
        .arg(capture)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(Into::into).collect()
}

/// No packet is odd for tshark, and all checksums are right.
pub(crate) fn assert_clean(capture: &Path) {
    let odd = "tcp.analysis.flags || _ws.malformed || ip.checksum.status != 1 \
               || tcp.checksum.status != 1";
    let fields = ["frame.number", "_ws.col.Info"];
    assert_eq!(tshark(capture, odd, &fields), [""; 0]);
    assert!(!tshark(capture, "tcp", &["frame.number"]).is_empty());
}

/// The same of a capture in which connections differ by their VLAN, at which tshark does not look.
pub(crate) fn assert_clean_by_vlan(capture: &Path) {
    let mut vlans = tshark(capture, "tcp.flags.syn == 1", &["vlan.id"]);
    vlans.sort();
    vlans.dedup();
    assert!(vlans.len() > 1, "{vlans:?}");
    for vlan in vlans {
        let filter = if vlan.is_empty() { "!vlan".into() } else { format!("vlan.id == {vlan}") };
        let part = capture.with_file_name("vlan.pcapng");
        let arguments = [capture.as_os_str(), "-Y".as_ref(), filter.as_ref(), "-w".as_ref()];
        let output = Command::new("tshark").arg("-r").args(arguments).arg(&part).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_clean(&part);
    }
}

/// Runs `test` if the programs are there; or skips it, aloud, if `CI` is not set.
pub(crate) fn with_programs(name: &str, test: impl FnOnce()) {
    let is_there = |program: &&str| Command::new(program).arg("--version").output().is_ok();
    if let Some(missing) = ["suricata", "tshark"].iter().find(|program| !is_there(program)) {
        assert!(env::var_os("CI").is_none(), "{name} needs {missing}, which CI must have");
        println!("skipped: {name}: there is no {missing}");
        return;
    }
    test();
}
