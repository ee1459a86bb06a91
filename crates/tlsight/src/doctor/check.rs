//! What is checked and what it means.

use serde::Serialize;

use super::machine::{Cgroups, Limit, Machine};
use super::trials::{KubernetesTrial, QueueTrial, Trials};
use crate::capabilities::{self, Capability, Need};

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    /// What it is.
    pub(super) name: &'static str,
    /// How it is.
    pub(super) status: Status,
    /// What was found.
    pub(super) found: String,
    /// What it costs, if it is not ok.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cost: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remedy: Option<String>,
}

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    /// As it should be.
    Ok,
    /// Something is lost.
    Degraded,
    /// A job does not work.
    Missing,
    /// It could not be found out.
    Unknown,
}

impl Status {
    /// The name that is printed.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Missing => "missing",
            Self::Unknown => "unknown",
        }
    }
}

/// Looks at everything.
pub(super) fn all(machine: &Machine, trials: &Trials) -> Vec<Check> {
    let mut checks = vec![
        kernel(machine),
        mirror(machine),
        types(machine),
        cgroups(machine),
        processes(machine),
    ];
    checks.extend(capabilities::ALL.iter().map(|one| capability(machine, one)));
    checks.extend([
        seccomp(machine, trials),
        lockdown(machine),
        unprivileged(machine),
        locked_memory(machine),
        open_files(machine),
        jit(machine),
        programs(trials),
        packets(trials),
        queue(trials),
        kubernetes(trials),
    ]);
    checks
}

fn kernel(machine: &Machine) -> Check {
    let name = "kernel";
    let Some(release) = machine.release.clone() else {
        return unknown(name, "its release cannot be read from /proc/sys/kernel/osrelease");
    };
    match machine.version() {
        Some(version) if version >= LEAST_KERNEL => ok(name, release),
        Some(_) => missing(
            name,
            release,
            "no capture at the sockets, which needs Linux 5.11",
            "boot a younger kernel, or capture from interfaces (-i)",
        ),
        None => unknown(name, &format!("{release} is not a release that is understood")),
    }
}

fn mirror(machine: &Machine) -> Check {
    let name = "mirror";
    let Some(version) = machine.version() else {
        return unknown(name, "the kernel's release is not known");
    };
    match probe::mirror_obstacle(version) {
        None => ok(name, "the kernel has what copying clear text needs"),
        Some(obstacle) => degraded(
            name,
            obstacle,
            "no clear text for an IDS (`tlsight mirror`)",
            "boot a kernel from 6.3 to 6.10, or from 6.14 on",
        ),
    }
}

fn types(machine: &Machine) -> Check {
    let name = "BTF";
    if machine.has_types {
        ok(name, "/sys/kernel/btf/vmlinux")
    } else {
        missing(
            name,
            "no /sys/kernel/btf/vmlinux",
            "no capture at the sockets: programs cannot be fitted to a kernel of unknown types",
            "boot a kernel with CONFIG_DEBUG_INFO_BTF, or capture from interfaces (-i)",
        )
    }
}

fn cgroups(machine: &Machine) -> Check {
    let name = "cgroups";
    match &machine.cgroups {
        Cgroups::Unified(place) => ok(name, format!("version 2 at {}", place.display())),
        Cgroups::Hybrid(place) => {
            ok(name, format!("version 2 at {}, beside version 1", place.display()))
        }
        Cgroups::Part(place) => degraded(
            name,
            format!("{} is not the root, but the cgroup of a container", place.display()),
            "without -i only the sockets of this container are seen",
            "run it in the cgroup namespace of the host (docker run --cgroupns=host, hostPID and a \
             mount of /sys/fs/cgroup in Kubernetes)",
        ),
        Cgroups::None => missing(
            name,
            "no hierarchy of version 2 is mounted",
            "no capture at the sockets",
            "mount -t cgroup2 none MOUNTPOINT",
        ),
    }
}

fn processes(machine: &Machine) -> Check {
    let name = "processes";
    match machine.proc_obstacle {
        None => ok(name, "/proc tells of all"),
        Some(obstacle) => degraded(
            name,
            obstacle,
            "command lines that are swapped out stay unknown",
            "run it with the host's processes in sight (docker run --pid=host, hostPID in \
             Kubernetes), with CAP_SYS_PTRACE where /proc is mounted with hidepid",
        ),
    }
}

fn capability(machine: &Machine, capability: &Capability) -> Check {
    let name = capability.name;
    let Some(held) = machine.capabilities else {
        return unknown(name, "cannot be read from /proc/self/status");
    };
    let is_old = machine.version().is_some_and(|version| version < LEAST_KERNEL);
    if held.allows(capability) {
        return ok(name, format!("held: {}", capability.purpose));
    }
    let found = format!("not held: {}", capability.purpose);
    match capability.need {
        Need::Sockets | Need::Interfaces => missing(name, found, capability.cost, GIVE),
        Need::Details => degraded(name, found, capability.cost, GIVE),
        Need::OldKernels if is_old => degraded(name, found, capability.cost, GIVE),
        Need::OldKernels => ok(name, "not held, and not needed by this kernel"),
    }
}

fn seccomp(machine: &Machine, trials: &Trials) -> Check {
    let name = "seccomp";
    match machine.has_seccomp_filter {
        None => unknown(name, "cannot be read from /proc/self/status"),
        Some(false) => ok(name, "no filter of system calls"),
        Some(true) if trials.programs.is_ok() => ok(name, "a filter that lets bpf(2) pass"),
        Some(true) => degraded(
            name,
            "a filter of system calls is in force",
            "it may be what refuses bpf(2)",
            "allow bpf(2) and perf_event_open(2) (docker run --security-opt seccomp=FILE)",
        ),
    }
}

fn lockdown(machine: &Machine) -> Check {
    let name = "lockdown";
    match machine.lockdown.as_deref() {
        None => ok(name, "none: the kernel has no lockdown, or does not show it"),
        Some("confidentiality") => missing(
            name,
            "confidentiality",
            "no capture at the sockets: programs must not read the kernel's memory",
            "boot with lockdown=integrity, or capture from interfaces (-i)",
        ),
        Some(mode) => ok(name, mode),
    }
}

fn unprivileged(machine: &Machine) -> Check {
    let name = "unprivileged BPF";
    match machine.unprivileged_bpf_disabled {
        None => unknown(name, "kernel.unprivileged_bpf_disabled cannot be read"),
        Some(0) => Check {
            remedy: Some("not needed here: `sysctl kernel.unprivileged_bpf_disabled=2`".to_owned()),
            ..ok(name, "allowed")
        },
        Some(_) => ok(name, "not allowed, and not needed"),
    }
}

fn locked_memory(machine: &Machine) -> Check {
    let name = "locked memory";
    let is_counted = machine.version().is_none_or(|version| version < LEAST_KERNEL);
    match machine.locked_memory {
        None => unknown(name, "cannot be read from /proc/self/limits"),
        Some(Limit::Unlimited) => ok(name, "unlimited"),
        Some(Limit::At(bytes)) if !is_counted => {
            ok(name, format!("{} KiB; this kernel does not count programs in it", bytes >> 10))
        }
        Some(Limit::At(bytes)) if bytes >= ENOUGH_LOCKED => ok(name, format!("{bytes} bytes")),
        Some(Limit::At(bytes)) => degraded(
            name,
            format!("{} KiB", bytes >> 10),
            "the kernel may refuse the programs' maps",
            "ulimit -l unlimited (LimitMEMLOCK=infinity in a unit)",
        ),
    }
}

fn open_files(machine: &Machine) -> Check {
    let name = "open files";
    match machine.open_files {
        None => unknown(name, "cannot be read from /proc/self/limits"),
        Some(Limit::Unlimited) => ok(name, "unlimited"),
        Some(Limit::At(most)) if most >= ENOUGH_FILES => ok(name, format!("at most {most}")),
        Some(Limit::At(most)) => degraded(
            name,
            format!("at most {most}"),
            "several captures at once, or several workers with -i, may not begin",
            "ulimit -n 1024 (LimitNOFILE=1024 in a unit)",
        ),
    }
}

fn jit(machine: &Machine) -> Check {
    let name = "JIT";
    match machine.jit {
        None => unknown(
            name,
            "net.core.bpf_jit_enable cannot be read (only root can, and in the first network \
             namespace)",
        ),
        Some(0) => degraded(
            name,
            "off",
            "programs are interpreted: each packet of this host costs several times as much",
            "sysctl net.core.bpf_jit_enable=1",
        ),
        Some(_) => ok(name, "on"),
    }
}

fn programs(trials: &Trials) -> Check {
    let name = "programs";
    match &trials.programs {
        Ok(()) => ok(name, "loaded, attached to the root of the cgroups, and detached"),
        Err(reason) => missing(
            name,
            format!("refused: {reason}"),
            "no capture at the sockets (`tlsight watch` and `agent` without -i)",
            "what is missing above; `-i any` captures from interfaces",
        ),
    }
}

fn packets(trials: &Trials) -> Check {
    let name = "AF_PACKET";
    match &trials.packets {
        Ok(()) => ok(name, "opened and closed"),
        Err(reason) => missing(
            name,
            format!("refused: {reason}"),
            "no capture from interfaces (`tlsight watch -i`, `agent -i`)",
            "what is missing above",
        ),
    }
}

fn queue(trials: &Trials) -> Check {
    let name = "NFQUEUE";
    match &trials.queue {
        QueueTrial::Whole => ok(name, "a queue was bound and given back"),
        QueueTrial::NoResets(reason) => degraded(
            name,
            format!("a queue was bound; a raw socket was refused: {reason}"),
            "no hold of packets (`tlsight escrow agent --hold-packets`), which resets connections when it \
             aborts sessions",
            "give the program CAP_NET_RAW",
        ),
        QueueTrial::Refused(reason) => degraded(
            name,
            format!("refused: {reason}"),
            "no hold of packets for programs that nothing is loaded into (`tlsight escrow agent \
             --hold-packets`)",
            "give the program CAP_NET_ADMIN; boot a kernel with CONFIG_NETFILTER_NETLINK_QUEUE, or load the \
             module (modprobe nfnetlink_queue)",
        ),
    }
}

fn kubernetes(trials: &Trials) -> Check {
    let name = "Kubernetes";
    match &trials.kubernetes {
        KubernetesTrial::NotWanted => ok(name, "not asked: this is no pod, and no --kubeconfig"),
        KubernetesTrial::Silent(reason) => missing(
            name,
            reason,
            "pods are told by their ids alone: no names, no workloads, no services and nodes",
            "see whether the API can be reached from here (in a pod: hostNetwork needs a dnsPolicy of \
             ClusterFirstWithHostNet), or --no-kubernetes",
        ),
        KubernetesTrial::Answers(lacking) if lacking.is_empty() => {
            ok(name, "the API answers, and gives all rights that are needed")
        }
        KubernetesTrial::Answers(lacking) => {
            let rights: Vec<_> = lacking.iter().map(ToString::to_string).collect();
            degraded(
                name,
                format!("rights are not given: {}", rights.join(", ")),
                "what they are for stays unknown: pods, what pods belong to (replicasets, jobs), \
                 services, nodes",
                "kubectl apply -f deploy/kubernetes/base/agent-rbac.yaml",
            )
        }
    }
}

fn ok(name: &'static str, found: impl Into<String>) -> Check {
    Check { name, status: Status::Ok, found: found.into(), cost: None, remedy: None }
}

fn unknown(name: &'static str, found: &str) -> Check {
    Check { status: Status::Unknown, ..ok(name, found) }
}

fn degraded(name: &'static str, found: impl Into<String>, cost: &str, remedy: &str) -> Check {
    let (cost, remedy) = (Some(cost.to_owned()), Some(remedy.to_owned()));
    Check { status: Status::Degraded, cost, remedy, ..ok(name, found) }
}

fn missing(name: &'static str, found: impl Into<String>, cost: &str, remedy: &str) -> Check {
    Check { status: Status::Missing, ..degraded(name, found, cost, remedy) }
}

/// setcap(8) takes away what it does not name.
const GIVE: &str = "run it with sudo, or give all of them to the program: `setcap cap_bpf,cap_perfmon,\
                    cap_net_admin,cap_net_raw,cap_sys_ptrace,cap_dac_read_search+ep TLSIGHT`";

/// The first with ring buffers, socket storage for these programs and no limit on locked memory.
const LEAST_KERNEL: (u32, u32) = (5, 11);

/// More than the ring and the maps of the programs take.
const ENOUGH_LOCKED: u64 = 64 << 20;

/// Maps, programs, links, rings, files and connections together are some dozens.
const ENOUGH_FILES: u64 = 256;
