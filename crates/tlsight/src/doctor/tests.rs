use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use super::trials::{KubernetesTrial, QueueTrial};
use super::*;

#[test]
fn a_machine_with_everything_is_ok() {
    let report = Report::new(&MadeUp::new("all").read(), &trials(true));
    for check in &report.checks {
        assert_eq!((check.status, &check.cost), (Status::Ok, &None), "{check:?}");
    }
    let text = report.in_words();
    assert!(text.contains("ok        BTF"), "{text}");
    assert!(text.ends_with("ok        capture from interfaces\n"), "{text}");
}

#[test]
fn an_old_kernel_and_one_without_types_capture_at_no_socket() {
    let made_up = MadeUp::new("old");
    made_up.write("proc/sys/kernel/osrelease", "5.10.0-28-amd64\n");
    made_up.write("proc/self/limits", LIMITS_OF_OLD);
    made_up.remove("sys/kernel/btf/vmlinux");
    let report = Report::new(&made_up.read(), &trials(true));
    assert_status(&report, "kernel", Status::Missing, "5.10.0-28-amd64");
    assert_status(
        &report,
        "mirror",
        Status::Degraded,
        "Linux before 6.3 does not tell on which socket a thread sends",
    );
    assert_status(&report, "BTF", Status::Missing, "no /sys/kernel/btf/vmlinux");
    assert_status(&report, "locked memory", Status::Degraded, "64 KiB");
    assert_status(&report, "open files", Status::Degraded, "at most 128");
}

#[test]
fn cgroups_are_found_beside_version_1_and_in_containers() {
    let made_up = MadeUp::new("cgroups");
    made_up.write("proc/self/mountinfo", HYBRID);
    assert_status(
        &Report::new(&made_up.read(), &trials(true)),
        "cgroups",
        Status::Ok,
        "version 2 at /sys/fs/cgroup/unified, beside version 1",
    );
    made_up.write("sys/fs/cgroup/unified/cgroup.events", "populated 1\n");
    assert_status(
        &Report::new(&made_up.read(), &trials(true)),
        "cgroups",
        Status::Degraded,
        "/sys/fs/cgroup/unified is not the root, but the cgroup of a container",
    );
    made_up.write("proc/self/mountinfo", "31 23 0:27 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n");
    let report = Report::new(&made_up.read(), &trials(true));
    assert_status(&report, "cgroups", Status::Missing, "no hierarchy of version 2 is mounted");
}

#[test]
fn a_proc_that_does_not_tell_of_all_processes_is_named() {
    let made_up = MadeUp::new("processes");
    let status = |found| {
        let report = Report::new(&made_up.read(), &trials(true));
        assert_status(&report, "processes", Status::Degraded, found);
    };
    made_up.remove("proc/1/stat");
    status("/proc hides processes of others (hidepid)");
    made_up.number_processes("pid:[4026532178]");
    status("/proc numbers processes as a container does, not as the host");
    made_up.remove("proc/self/stat");
    status("/proc is not mounted, or cannot be read");
}

#[test]
fn each_capability_that_is_not_held_is_named_with_its_cost() {
    let made_up = MadeUp::new("capabilities");
    for (held, name, status) in [
        (!(1 << 39), "CAP_BPF", Status::Missing),
        (!(1 << 38), "CAP_PERFMON", Status::Missing),
        (!(1 << 12), "CAP_NET_ADMIN", Status::Missing),
        (!(1 << 13), "CAP_NET_RAW", Status::Missing),
        (!(1 << 19), "CAP_SYS_PTRACE", Status::Degraded),
        (!(1 << 2), "CAP_DAC_READ_SEARCH", Status::Degraded),
    ] {
        let held: u64 = held & !SYS_ADMIN;
        made_up
            .write("proc/self/status", &format!("Name:\tx\nCapEff:\t{held:016x}\nSeccomp:\t0\n"));
        let report = Report::new(&made_up.read(), &trials(true));
        let found: Vec<_> =
            report.checks.iter().filter(|check| check.status != Status::Ok).collect();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].name, found[0].status), (name, status));
        assert!(found[0].cost.is_some() && found[0].remedy.is_some());
    }
}

#[test]
fn what_the_kernel_forbids_is_named() {
    let made_up = MadeUp::new("forbidden");
    made_up.write("sys/kernel/security/lockdown", "none integrity [confidentiality]\n");
    made_up.write("proc/sys/net/core/bpf_jit_enable", "0\n");
    made_up.write("proc/self/status", "CapEff:\t000001ffffffffff\nSeccomp:\t2\n");
    let report = Report::new(&made_up.read(), &trials(false));
    assert_status(&report, "lockdown", Status::Missing, "confidentiality");
    assert_status(&report, "JIT", Status::Degraded, "off");
    assert_status(&report, "seccomp", Status::Degraded, "a filter of system calls is in force");
    assert_status(&report, "programs", Status::Missing, "refused: no permission");
    assert_status(&report, "AF_PACKET", Status::Missing, "refused: no permission");
    let statuses: Vec<_> = report.jobs.iter().map(|job| job.status).collect();
    assert_eq!(statuses, [Status::Ok, Status::Missing, Status::Missing]);
}

#[test]
fn a_queue_without_resets_is_degraded_and_none_is_as_well() {
    let machine = MadeUp::new("queue").read();
    let report = |queue| Report::new(&machine, &Trials { queue, ..trials(true) });
    assert_status(
        &report(QueueTrial::Whole),
        "NFQUEUE",
        Status::Ok,
        "a queue was bound and given back",
    );
    let without_resets = report(QueueTrial::NoResets("no permission".to_owned()));
    let found = "a queue was bound; a raw socket was refused: no permission";
    assert_status(&without_resets, "NFQUEUE", Status::Degraded, found);
    assert!(without_resets.in_words().contains("CAP_NET_RAW"));
    let refused = report(QueueTrial::Refused("no such queues".to_owned()));
    assert_status(&refused, "NFQUEUE", Status::Degraded, "refused: no such queues");
    assert!(refused.in_words().contains("nfnetlink_queue"));
}

#[test]
fn rights_that_kubernetes_does_not_give_are_named_with_what_to_do() {
    let machine = MadeUp::new("kubernetes").read();
    let report = |kubernetes| Report::new(&machine, &Trials { kubernetes, ..trials(true) });
    let lacking = workload::Right::ALL.into_iter().filter(|right| right.resource == "jobs");
    let with = report(KubernetesTrial::Answers(lacking.collect()));
    assert_status(&with, "Kubernetes", Status::Degraded, "rights are not given: get jobs.batch");
    assert!(with.in_words().contains("deploy/kubernetes/base/agent-rbac.yaml"));
    let without = report(KubernetesTrial::Answers(Vec::new()));
    assert_status(
        &without,
        "Kubernetes",
        Status::Ok,
        "the API answers, and gives all rights that are needed",
    );
    let silent = report(KubernetesTrial::Silent("no route".to_owned()));
    assert_status(&silent, "Kubernetes", Status::Missing, "no route");
}

#[test]
fn what_cannot_be_read_is_unknown_and_never_ok() {
    let machine = Machine::read(&PathBuf::from("/nonexistent"));
    let report = Report::new(&machine, &trials(true));
    let ok = report.checks.iter().filter(|check| check.status == Status::Ok);
    let names: Vec<_> = ok.map(|check| check.name).collect();
    assert_eq!(names, ["lockdown", "programs", "AF_PACKET", "NFQUEUE", "Kubernetes"]);
}

fn assert_status(report: &Report, name: &str, status: Status, found: &str) {
    let check = report.checks.iter().find(|check| check.name == name).expect(name);
    assert_eq!((check.status, &*check.found), (status, found));
}

fn trials(succeed: bool) -> Trials {
    let result = || if succeed { Ok(()) } else { Err("no permission".to_owned()) };
    let kubernetes = KubernetesTrial::NotWanted;
    let queue = match result() {
        Ok(()) => QueueTrial::Whole,
        Err(reason) => QueueTrial::Refused(reason),
    };
    Trials { programs: result(), packets: result(), queue, kubernetes }
}

/// A folder with what `/proc` and `/sys` have.
struct MadeUp(PathBuf);

impl MadeUp {
    /// A machine with everything.
    fn new(name: &str) -> Self {
        let folder = format!("tlsight-doctor-{name}-{}", std::process::id());
        let made_up = Self(std::env::temp_dir().join(folder));
        for (path, text) in [
            ("proc/sys/kernel/osrelease", "6.8.0-31-amd64\n"),
            ("sys/kernel/btf/vmlinux", "\u{1}\u{1}"),
            ("proc/self/mountinfo", UNIFIED),
            ("proc/self/status", "Name:\tx\nCapEff:\t000001ffffffffff\nSeccomp:\t0\n"),
            ("proc/self/limits", LIMITS),
            ("proc/self/stat", "7 (x) R 1 7 7\n"),
            ("proc/1/stat", "1 (init) S 0 1 1\n"),
            ("sys/kernel/security/lockdown", "none [integrity] confidentiality\n"),
            ("proc/sys/kernel/unprivileged_bpf_disabled", "2\n"),
            ("proc/sys/net/core/bpf_jit_enable", "1\n"),
        ] {
            made_up.write(path, text);
        }
        made_up.number_processes("pid:[4026531836]");
        made_up
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn number_processes(&self, namespace: &str) {
        let link = self.0.join("proc/self/ns/pid");
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        fs::remove_file(&link).ok();
        symlink(namespace, link).unwrap();
    }

    fn remove(&self, path: &str) {
        fs::remove_file(self.0.join(path)).unwrap();
    }

    fn read(&self) -> Machine {
        Machine::read(&self.0)
    }
}

impl Drop for MadeUp {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

const SYS_ADMIN: u64 = 1 << 21;

const UNIFIED: &str = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n";

const HYBRID: &str = "31 23 0:27 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n\
    32 31 0:28 / /sys/fs/cgroup/unified rw shared:5 - cgroup2 cgroup2 rw\n\
    33 31 0:29 / /sys/fs/cgroup/memory rw shared:6 - cgroup cgroup rw,memory\n";

const LIMITS: &str = "\
Limit                     Soft Limit           Hard Limit           Units
Max open files            1024                 524288               files
Max locked memory         8388608              8388608              bytes
";

const LIMITS_OF_OLD: &str = "\
Limit                     Soft Limit           Hard Limit           Units
Max open files            128                  524288               files
Max locked memory         65536                65536                bytes
";
