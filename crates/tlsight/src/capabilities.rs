//! What this program needs capabilities(7) for, and what the lack of each costs.

use std::fmt;

use rustix::thread::CapabilitySet;

/// A capability that this program has a use for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Capability {
    /// Its name, such as `CAP_BPF`.
    pub(crate) name: &'static str,
    /// Its bit.
    pub(crate) bit: CapabilitySet,
    /// What it is for.
    pub(crate) purpose: &'static str,
    /// What does not work without it.
    pub(crate) cost: &'static str,
    /// How bad that is.
    pub(crate) need: Need,
    /// Whether it is still of use when the capture runs.
    pub(crate) is_kept: bool,
}

/// What a capability is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Capturing at sockets.
    Sockets,
    /// Capturing from interfaces.
    Interfaces,
    /// Some fields of some records.
    Details,
    /// Kernels that count the memory of programs against a limit of the process.
    OldKernels,
}

/// Capabilities that a process has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held(CapabilitySet);

impl Held {
    /// Those with these bits, as `CapEff` of `/proc/PID/status` has them.
    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(CapabilitySet::from_bits_retain(bits))
    }

    /// Those of this thread that are effective.
    pub(crate) fn own() -> Self {
        let sets = rustix::thread::capabilities(None);
        Self(sets.map_or(CapabilitySet::empty(), |sets| sets.effective))
    }

    /// Whether what `capability` allows is allowed. `CAP_SYS_ADMIN` is what the younger ones were
    /// split from, and still stands for them (capabilities(7)).
    pub(crate) fn allows(self, capability: &Capability) -> bool {
        let stands_for = [CapabilitySet::BPF, CapabilitySet::PERFMON];
        self.0.contains(capability.bit)
            || (stands_for.contains(&capability.bit) && self.0.contains(CapabilitySet::SYS_ADMIN))
    }

    /// Those of [`ALL`] for one of `needs` that are not held.
    pub(crate) fn missing(self, needs: &[Need]) -> impl Iterator<Item = &'static Capability> {
        ALL.iter()
            .filter(move |capability| needs.contains(&capability.need) && !self.allows(capability))
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// All of them.
pub(crate) const ALL: [Capability; 7] = [
    Capability {
        name: "CAP_BPF",
        bit: CapabilitySet::BPF,
        purpose: "loads programs into the kernel",
        cost: "no capture at the sockets",
        need: Need::Sockets,
        // Before Linux 5.19 a map could not be used without it either.
        is_kept: true,
    },
    Capability {
        name: "CAP_PERFMON",
        bit: CapabilitySet::PERFMON,
        purpose: "lets these programs read the kernel's memory: processes, network namespaces",
        cost: "no capture at the sockets",
        need: Need::Sockets,
        is_kept: false,
    },
    Capability {
        name: "CAP_NET_ADMIN",
        bit: CapabilitySet::NET_ADMIN,
        purpose: "attaches them to the sockets of a cgroup",
        cost: "no capture at the sockets",
        need: Need::Sockets,
        is_kept: false,
    },
    Capability {
        name: "CAP_NET_RAW",
        bit: CapabilitySet::NET_RAW,
        purpose: "captures from interfaces (-i)",
        cost: "no capture from interfaces",
        need: Need::Interfaces,
        is_kept: false,
    },
    Capability {
        name: "CAP_SYS_PTRACE",
        bit: CapabilitySet::SYS_PTRACE,
        purpose: "reads /proc of other users' processes",
        cost: "where /proc hides them (hidepid), command lines that are swapped out stay unknown",
        need: Need::Details,
        is_kept: true,
    },
    Capability {
        name: "CAP_DAC_READ_SEARCH",
        bit: CapabilitySet::DAC_READ_SEARCH,
        purpose: "reads files of other users, such as settings that are read anew",
        cost: "a file that its owner alone may read is not read",
        need: Need::Details,
        is_kept: true,
    },
    Capability {
        name: "CAP_SYS_RESOURCE",
        bit: CapabilitySet::SYS_RESOURCE,
        purpose: "raises the limit on locked memory, against which kernels before 5.11 count",
        cost: "programs that a kernel before 5.11 may refuse",
        need: Need::OldKernels,
        is_kept: false,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_administrators_capability_stands_for_its_parts() {
        let held = Held(CapabilitySet::SYS_ADMIN | CapabilitySet::NET_ADMIN);
        assert_eq!(held.missing(&[Need::Sockets]).count(), 0);
        let missing: Vec<_> = held.missing(&[Need::Interfaces]).map(|one| one.name).collect();
        assert_eq!(missing, ["CAP_NET_RAW"]);
    }

    #[test]
    fn bits_are_those_of_proc() {
        let held = Held::from_bits(1 << 39 | 1 << 12);
        let missing: Vec<_> = held.missing(&[Need::Sockets]).map(|one| one.name).collect();
        assert_eq!(missing, ["CAP_PERFMON"]);
    }
}
