//! What can go wrong at the sockets, said so that its user can act on it.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

/// A failure to capture at sockets.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The process may not.
    #[error(
        "no permission to load programs into the kernel: this needs the capabilities CAP_BPF, \
         CAP_PERFMON and CAP_NET_ADMIN; run it with `sudo`, or give them once with `sudo setcap \
         cap_bpf,cap_perfmon,cap_net_admin,cap_sys_ptrace,cap_dac_read_search+ep \"$(command -v \
         tlsight)\"`"
    )]
    Permission,
    /// There is no hierarchy of cgroups version 2.
    #[error(
        "no hierarchy of cgroups version 2 is mounted; `sudo mount -t cgroup2 none MOUNTPOINT` mounts \
         it"
    )]
    NoCgroups,
    /// A path is not a cgroup.
    #[error(
        "{}: {reason}; give a directory of the cgroup hierarchy of version 2 (`findmnt -t cgroup2` \
         says where it is)",
        path.display()
    )]
    NotACgroup {
        /// The path.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The kernel does not describe its types.
    #[error(
        "{path} is missing: the kernel does not describe its types, without which no program can be \
         fitted to it; use a kernel with CONFIG_DEBUG_INFO_BTF (as distributions have since 2020), or \
         `tlsight watch -i any`"
    )]
    NoTypes {
        /// Where they would be.
        path: &'static str,
    },
    /// The cgroup is gone.
    #[error("{}: the cgroup was removed", path.display())]
    CgroupRemoved {
        /// The path.
        path: PathBuf,
    },
    /// The files that other processes have mapped may not be opened.
    #[error(
        "the libraries of other programs cannot be reached: this needs the capabilities CAP_SYS_PTRACE \
         and CAP_SYS_ADMIN beside those for programs in the kernel; run it with `sudo`"
    )]
    NoLibraries,
    /// The kernel does not allow to copy clear text.
    #[error("{obstacle}: clear text cannot be copied; boot another kernel")]
    Kernel {
        /// What is wrong with it.
        obstacle: &'static str,
    },
    /// The kernel does not take the programs.
    #[error("the kernel (5.11 or later is needed) refuses {what}: {reason}")]
    Refused {
        /// What was tried.
        what: &'static str,
        /// What the kernel said.
        reason: String,
    },
    /// Something else failed.
    #[error("{action} failed: {source}")]
    System {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl ProbeError {
    /// The failure of something that was asked of the kernel.
    pub(crate) fn refused(what: &'static str, error: &(dyn Error + 'static)) -> Self {
        let mut cause = Some(error);
        let mut reason = brief(&error.to_string());
        while let Some(error) = cause {
            if error
                .downcast_ref::<io::Error>()
                .is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
            {
                return Self::Permission;
            }
            cause = error.source();
            if let Some(inner) = cause {
                reason = format!("{reason}: {}", brief(&inner.to_string()));
            }
        }
        Self::Refused { what, reason }
    }

    pub(crate) fn not_a_cgroup(path: &Path, reason: impl Into<String>) -> Self {
        Self::NotACgroup { path: path.to_owned(), reason: reason.into() }
    }
}

/// A reason with the last word of the kernel's verifier, which prints a page or a megabyte.
fn brief(reason: &str) -> String {
    let Some((reason, log)) = reason.split_once(". Verifier output") else {
        return reason.to_owned();
    };
    // Its lines end in `\\n` as they are printed; behind the last word there are statistics.
    let lines = log.split('\n').flat_map(|line| line.split("\\n")).map(str::trim);
    let is_word = |line: &&str| {
        !line.is_empty() && !STATISTICS.iter().any(|beginning| line.starts_with(beginning))
    };
    let last = lines.filter(is_word).last().unwrap_or_default();
    let end = last.char_indices().nth(MAX_LAST_WORD).map_or(last.len(), |(at, _)| at);
    format!("{reason} ({})", last.get(..end).unwrap_or_default())
}

/// How lines of a verifier begin that say nothing about a refusal.
const STATISTICS: [&str; 5] =
    ["processed ", "verification time", "stack depth", "max_states", "\""];

const MAX_LAST_WORD: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifiers_log_is_cut_down_to_its_last_word() {
        let log = "the syscall returned EINVAL. Verifier output: 0: R1=ctx()\n1: call 113\n\
                   program of this type cannot use helper 113\nprocessed 30 insns (limit 1000000)\n";
        let short = "the syscall returned EINVAL (program of this type cannot use helper 113)";
        assert_eq!(brief(log), short);
        assert_eq!(brief("no such file"), "no such file");
    }
}
