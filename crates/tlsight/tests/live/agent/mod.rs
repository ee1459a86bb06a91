//! `tlsight agent`, with curl and nginx in a cgroup of their own.

mod fleet;
mod interface;
mod kubernetes;
mod outputs;
pub(crate) mod place;
mod running;

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::network::wait_until;
use place::with_place;

#[test]
fn each_session_of_curl_and_nginx_is_told_with_both_processes() {
    with_place("agent-processes", &[], |place| {
        let file = place.folder().join("sessions.ndjson");
        let agent = place.agent(&["--output", file.to_str().unwrap()]);
        let pids: Vec<u32> = (0..5).map(|_| place.curl()).collect();
        wait_until("five sessions are told", || place::sessions(&[&file]).len() >= pids.len());
        let sessions = place::sessions(&[&file]);
        let told: Vec<u64> = sessions
            .iter()
            .map(|session| session["client"]["process"]["pid"].as_u64().unwrap())
            .collect();
        assert_eq!(told, pids.iter().map(|pid| u64::from(*pid)).collect::<Vec<_>>());
        for session in &sessions {
            assert_eq!(session["process"]["name"], "curl");
            assert_eq!(session["server"]["process"]["name"], "nginx", "{session:#}");
            assert_eq!(session["tlsight"]["evidence"], "socket");
            assert_eq!(session["tls"]["established"], true);
        }
        assert_eq!(agent.sum_of("tlsight_sessions_total"), 5.0);
        wait_until("the losses of the lines are those of the metrics", || {
            place::losses(&[&file]) == agent.sums_of("tlsight_losses_total", "cause")
        });
        assert!(agent.sum_of("tlsight_ring_size_bytes") >= 4096.0);
        assert!(agent.sum_of("tlsight_resident_memory_bytes") > 1e6);
        assert!(agent.get("/metrics").contains("tlsight_lag_seconds_count{stage=\"capture\"}"));
        assert!(agent.get("/healthz").contains("\"status\":\"ok\""));
        assert!(agent.get("/").starts_with("HTTP/1.1 404"));
        let end = agent.end();
        assert_eq!((end.status, &*end.messages), (Some(0), ""));
    });
}

#[test]
fn alike_sessions_are_one_line_in_an_interval() {
    with_place("agent-edges", &[], |place| {
        let file = place.folder().join("edges.ndjson");
        let agent = place.agent(&["--output", file.to_str().unwrap(), "--group", "1h"]);
        for _ in 0..4 {
            place.curl();
        }
        wait_until("four sessions are counted", || agent.sum_of("tlsight_sessions_total") >= 4.0);
        assert_eq!(agent.sum_of("tlsight_edges"), 1.0);
        agent.end();
        let lines = place::lines(&file);
        let edges: Vec<&Value> =
            lines.iter().filter(|line| line["event"]["dataset"] == "tlsight.edge").collect();
        assert_eq!((edges.len(), place::sessions(&[&file]).len()), (1, 0));
        assert_eq!(edges[0]["tlsight"]["edge"]["sessions"], 4);
        assert_eq!(edges[0]["destination"]["port"], 443);
        assert_eq!(edges[0]["client"]["process"]["name"], "curl");
        assert_eq!(edges[0]["server"]["process"]["name"], "nginx");
        assert!(edges[0]["event"]["start"].as_str() < edges[0]["event"]["end"].as_str());
    });
}

#[test]
fn a_running_agent_has_only_the_privileges_it_needs() {
    with_place("agent-privileges", &[], |place| {
        let agent = place.agent(&[]);
        for task in fs::read_dir(format!("/proc/{}/task", agent.id())).unwrap() {
            let status = fs::read_to_string(task.unwrap().path().join("status")).unwrap();
            let bits = |name: &str| {
                let value = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
                u64::from_str_radix(value.trim(), 16).unwrap()
            };
            let (bpf, ptrace, read) = (1 << 39, 1 << 19, 1 << 2);
            for set in ["CapEff:", "CapPrm:", "CapBnd:"] {
                assert_eq!(bits(set) & !(bpf | ptrace | read), 0, "{status}");
            }
            assert_eq!((bits("CapInh:"), bits("CapAmb:"), bits("NoNewPrivs:")), (0, 0, 1));
        }
        agent.end();
    });
}

#[test]
fn a_capability_that_is_missing_is_named_at_the_start() {
    with_place("agent-missing", &["setpriv"], |place| {
        let taken = "-sys_ptrace,-dac_read_search";
        let wrapper = ["setpriv", "--bounding-set", taken, "--inh-caps", taken];
        let agent = place.agent_within(&wrapper, &[]);
        let end = agent.end();
        assert_eq!(end.status, Some(0));
        for name in ["CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"] {
            assert!(end.messages.contains(&format!("{name} is missing: ")), "{}", end.messages);
        }
    });
}

#[test]
fn settings_are_read_anew_and_wrong_ones_change_nothing() {
    with_place("agent-reload", &[], |place| {
        let (file, settings) = (place.folder().join("lines"), place.folder().join("tlsight.toml"));
        fs::write(&settings, "include_detailed_fields = true\n").unwrap();
        let agent = place.agent(&[
            "--output",
            file.to_str().unwrap(),
            "--config",
            settings.to_str().unwrap(),
        ]);
        let mut expected = 0;
        let mut next_is_detailed = || {
            place.curl();
            expected += 1;
            wait_until("a session is told", || place::sessions(&[&file]).len() >= expected);
            place::sessions(&[&file]).pop().unwrap()["tls"]["detailed"].is_object()
        };
        assert!(next_is_detailed());
        fs::write(&settings, "include_detailed_field = false\n").unwrap();
        agent.hang_up("refused", 1.0);
        assert!(next_is_detailed(), "wrong settings change nothing");
        fs::write(&settings, "include_detailed_fields = false\n[agent]\nmetrics = \"1\"\n")
            .unwrap();
        agent.hang_up("ok", 1.0);
        assert!(!next_is_detailed());
        let end = agent.end();
        for part in [
            "the settings stay as they were",
            "include_detailed_field`",
            "the settings were read anew",
        ] {
            assert!(end.messages.contains(part), "{part} in {}", end.messages);
        }
    });
}

#[test]
fn a_killed_agent_leaves_no_program_attached() {
    with_place("agent-killed", &["bpftool"], |place| {
        let attached = || {
            let cgroup = place.cgroup().to_str().unwrap().to_owned();
            let output =
                Command::new("bpftool").args(["cgroup", "show", &cgroup]).output().unwrap();
            String::from_utf8_lossy(&output.stdout).matches("cgroup_inet_").count()
        };
        let agent = place.agent(&[]);
        assert_eq!(attached(), 2);
        place.curl();
        agent.kill();
        assert_eq!(attached(), 0);
        place.curl();
    });
}
