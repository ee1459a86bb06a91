//! The facts of a machine, as its files tell them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::capabilities::Held;

/// What the kernel says of itself and of this process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Machine {
    /// The kernel's release, such as `6.1.0-18-amd64`.
    pub(super) release: Option<String>,
    /// Whether the kernel describes its types.
    pub(super) has_types: bool,
    /// The hierarchy of cgroups version 2.
    pub(super) cgroups: Cgroups,
    /// Why `/proc` does not tell of all processes.
    pub(super) proc_obstacle: Option<&'static str>,
    /// The capabilities of this process that are effective.
    pub(super) capabilities: Option<Held>,
    /// Whether a filter of system calls is in force, as in most containers.
    pub(super) has_seccomp_filter: Option<bool>,
    /// The mode of lockdown(7), if the kernel has that.
    pub(super) lockdown: Option<String>,
    /// `kernel.unprivileged_bpf_disabled`.
    pub(super) unprivileged_bpf_disabled: Option<u8>,
    /// `net.core.bpf_jit_enable`.
    pub(super) jit: Option<u8>,
    /// Most bytes of locked memory; none is without a limit.
    pub(super) locked_memory: Option<Limit>,
    /// Most open files.
    pub(super) open_files: Option<Limit>,
}

/// Where cgroups of version 2 are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Cgroups {
    /// Nowhere.
    #[default]
    None,
    /// At the place of all cgroups.
    Unified(PathBuf),
    /// Beside those of version 1.
    Hybrid(PathBuf),
    /// What is seen is not the root, but the cgroup of a container.
    Part(PathBuf),
}

/// A limit of getrlimit(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    /// At most so many.
    At(u64),
    /// As many as there are.
    Unlimited,
}

impl Machine {
    /// Reads what is below `root`: `/` for this machine.
    pub(super) fn read(root: &Path) -> Self {
        let text = |path: &str| {
            let text = fs::read_to_string(root.join(path)).ok()?;
            Some(text.trim().to_owned())
        };
        let number = |path: &str| text(path).and_then(|text| text.parse().ok());
        let status = text("proc/self/status").unwrap_or_default();
        let limits = text("proc/self/limits").unwrap_or_default();
        Self {
            release: text("proc/sys/kernel/osrelease"),
            has_types: root.join("sys/kernel/btf/vmlinux").is_file(),
            cgroups: Cgroups::read(root, &text("proc/self/mountinfo").unwrap_or_default()),
            proc_obstacle: probe::proc_obstacle(&root.join("proc")),
            capabilities: field(&status, "CapEff:")
                .and_then(|bits| u64::from_str_radix(bits, 16).ok())
                .map(Held::from_bits),
            has_seccomp_filter: field(&status, "Seccomp:").map(|mode| mode == SECCOMP_FILTER),
            lockdown: text("sys/kernel/security/lockdown").and_then(|modes| chosen(&modes)),
            unprivileged_bpf_disabled: number("proc/sys/kernel/unprivileged_bpf_disabled"),
            jit: number("proc/sys/net/core/bpf_jit_enable"),
            locked_memory: limit(&limits, "Max locked memory"),
            open_files: limit(&limits, "Max open files"),
        }
    }

    /// The kernel's version: the first two numbers of its release.
    pub(super) fn version(&self) -> Option<(u32, u32)> {
        let mut numbers = self.release.as_deref()?.split(|c: char| !c.is_ascii_digit());
        Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    }
}

impl Cgroups {
    fn read(root: &Path, mounts: &str) -> Self {
        let Some(place) = probe::cgroup_mount_point(mounts) else { return Self::None };
        let seen = root.join(place.strip_prefix("/").unwrap_or(&place));
        // The root of the hierarchy is the only cgroup without this file (cgroups(7)).
        if seen.join("cgroup.events").exists() {
            Self::Part(place)
        } else if mounts.lines().any(|line| line.contains(" - cgroup cgroup ")) {
            Self::Hybrid(place)
        } else {
            Self::Unified(place)
        }
    }
}

/// The value of a line of `/proc/PID/status`.
fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

/// The one in brackets.
fn chosen(modes: &str) -> Option<String> {
    let (_, rest) = modes.split_once('[')?;
    rest.split_once(']').map(|(mode, _)| mode.to_owned())
}

/// The soft limit of a line of `/proc/PID/limits`.
fn limit(limits: &str, name: &str) -> Option<Limit> {
    let line = limits.lines().find_map(|line| line.strip_prefix(name))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(Limit::Unlimited),
        number => number.parse().ok().map(Limit::At),
    }
}

/// `SECCOMP_MODE_FILTER` of seccomp(2).
const SECCOMP_FILTER: &str = "2";
