//! Whose clear text is copied.

use std::net::IpAddr;
use std::path::PathBuf;

use handover::Net;

/// Rules on whose clear text may be copied: nothing that none allows, nor anything that one denies.
///
/// Rules of one kind are alternatives. If there are rules of several kinds that allow, one of each
/// kind must.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Whether everything is allowed that no rule is about.
    pub is_open: bool,
    /// What is allowed.
    pub allow: Matches,
    /// What is denied, whatever allows it.
    pub deny: Matches,
    /// Which pods are allowed, if there are rules on pods.
    pub pods: Option<Pods>,
}

/// Pods of Kubernetes whose processes are allowed. Those of any other pod are not, whether or not it is
/// known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pods {
    /// Whether processes in no pod are allowed.
    pub others: bool,
    /// Directories of the allowed pods' cgroups of version 2; those below are matched as well. One that
    /// is not there allows nothing.
    pub cgroups: Vec<PathBuf>,
}

/// What rules match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matches {
    /// Process ids.
    pub pids: Vec<u32>,
    /// Paths of executables, as the process sees them.
    pub executables: Vec<PathBuf>,
    /// Directories of cgroups of version 2; those below are matched as well.
    pub cgroups: Vec<PathBuf>,
    /// Ports of servers.
    pub ports: Vec<u16>,
    /// Networks of either end.
    pub nets: Vec<Net>,
    /// Addresses of the end whose clear text it is.
    pub local: Option<Local>,
}

/// Addresses of a network namespace, such as those of one interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Local {
    /// Number of the namespace, as `/proc/PID/ns/net` has it.
    pub netns: u32,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

impl Rules {
    /// Rules that allow everything.
    #[must_use]
    pub fn everything() -> Self {
        Self { is_open: true, ..Self::default() }
    }

    /// Whether nothing can be allowed by them.
    #[must_use]
    pub fn allow_nothing(&self) -> bool {
        let needs_no_pod = self.pods.as_ref().is_none_or(|pods| pods.others);
        !self.is_open && self.allow == Matches::default() && needs_no_pod
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_allow_nothing_unless_they_say_so() {
        assert!(Rules::default().allow_nothing());
        assert!(!Rules::everything().allow_nothing());
        let deny = Matches { pids: vec![1], ..Matches::default() };
        assert!(Rules { deny: deny.clone(), ..Rules::default() }.allow_nothing());
        assert!(!Rules { allow: deny, ..Rules::default() }.allow_nothing());
        let pods = |others| Some(Pods { others, cgroups: Vec::new() });
        assert!(!Rules { pods: pods(false), ..Rules::default() }.allow_nothing());
        assert!(Rules { pods: pods(true), ..Rules::default() }.allow_nothing());
    }
}
