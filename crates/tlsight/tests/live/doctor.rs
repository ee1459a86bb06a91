//! What `tlsight doctor` finds on this machine, with all capabilities and with some taken away.

use std::process::{Command, Stdio};

use cluster::Cluster;
use serde_json::Value;

use crate::network::skip;

#[test]
fn root_on_this_machine_can_do_every_job() {
    if !rustix::process::geteuid().is_root() {
        return skip("doctor", "not root");
    }
    let (status, report) = doctor(&[]);
    assert_eq!(status, Some(0), "{report:#}");
    for name in ["programs", "AF_PACKET", "NFQUEUE", "BTF", "kernel", "cgroups", "CAP_BPF"] {
        assert_eq!(check(&report, name)["status"], "ok", "{report:#}");
    }
    for job in report["jobs"].as_array().unwrap() {
        assert_eq!(job["status"], "ok");
    }
}

#[test]
fn each_capability_taken_away_costs_what_is_said() {
    if !rustix::process::geteuid().is_root() || !has_setpriv() {
        return skip("doctor-capabilities", "not root, or setpriv is not installed");
    }
    for (capability, name, status, trial) in [
        ("bpf", "CAP_BPF", 1, "programs"),
        ("perfmon", "CAP_PERFMON", 1, "programs"),
        ("net_admin", "CAP_NET_ADMIN", 1, "programs"),
        ("net_raw", "CAP_NET_RAW", 1, "AF_PACKET"),
        ("sys_ptrace", "CAP_SYS_PTRACE", 0, ""),
        ("dac_read_search", "CAP_DAC_READ_SEARCH", 0, ""),
    ] {
        let (found, report) = doctor(&[capability]);
        assert_eq!(found, Some(status), "{report:#}");
        let expected = if status == 1 { "missing" } else { "degraded" };
        assert_eq!(check(&report, name)["status"], expected, "{report:#}");
        for tried in ["programs", "AF_PACKET"] {
            let expected = if tried == trial { "missing" } else { "ok" };
            assert_eq!(check(&report, tried)["status"], expected, "without {capability}");
        }
        for check in report["checks"].as_array().unwrap() {
            let is_of_queue = check["name"] == "NFQUEUE" && capability.starts_with("net_");
            let is_named = check["name"] == name || check["name"] == trial || is_of_queue;
            let is_fine = check["status"] == "ok" || check["status"] == "unknown";
            assert!(is_named || is_fine, "without {capability}: {check:#}");
        }
    }
}

#[test]
fn rights_that_kubernetes_does_not_give_are_named() {
    let cluster = Cluster::start("doctor");
    let kubernetes = || {
        let output = Command::new(env!("CARGO_BIN_EXE_tlsight"))
            .args(["doctor", "--json", "--kubeconfig"])
            .arg(cluster.kubeconfig())
            .output()
            .unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).expect("the report is JSON");
        check(&report, "Kubernetes").clone()
    };
    assert_eq!(kubernetes()["status"], "ok");
    cluster.deny("watch nodes");
    let found = kubernetes();
    assert_eq!(found["status"], "degraded");
    assert_eq!(found["found"], "rights are not given: watch nodes");
    cluster.set_reachable(false);
    assert_eq!(kubernetes()["status"], "missing");
}

/// Runs the program without some capabilities; gives its status and what it found.
fn doctor(without: &[&str]) -> (Option<i32>, Value) {
    let mut command = Command::new("setpriv");
    if without.is_empty() {
        command = Command::new("env");
    } else {
        // What the administrator's capability stands for is to be missing too.
        let taken: Vec<_> = without.iter().map(|one| format!("-{one}")).collect();
        let taken = format!("{},-sys_admin", taken.join(","));
        command.args([format!("--bounding-set={taken}"), format!("--inh-caps={taken}")]);
    }
    let output = command
        .args([env!("CARGO_BIN_EXE_tlsight"), "doctor", "--json"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let report = serde_json::from_slice(&output.stdout).expect("the report is JSON");
    (output.status.code(), report)
}

fn check<'a>(report: &'a Value, name: &str) -> &'a Value {
    let checks = report["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).expect(name)
}

fn has_setpriv() -> bool {
    Command::new("setpriv").arg("--version").output().is_ok_and(|output| output.status.success())
}
