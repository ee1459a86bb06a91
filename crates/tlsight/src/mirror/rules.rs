//! Whose clear text is mirrored: what flags and a file say, which is read anew when it changes.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use probe::{Matches, Net, Rules};
use serde::Deserialize;

use super::interface;
use super::pods::{PodPattern, PodPatterns};
use crate::cli::MirrorArgs;

/// Where rules come from.
pub(crate) struct RuleSource<'a> {
    args: &'a MirrorArgs,
}

/// All rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Those on what the kernel knows. It has those on pods as well, once it is known which pods these are.
    pub(crate) rules: Rules,
    pub(crate) pods: PodPatterns,
}

impl Wanted {
    /// Whether nothing can be allowed by them.
    pub(crate) fn allow_nothing(&self) -> bool {
        self.rules.allow_nothing() && self.pods.allow.is_empty()
    }
}

/// A file of rules.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RuleFile {
    /// Whether everything is allowed that no other rule is about.
    all: bool,
    allow: Lists,
    deny: Lists,
}

/// What rules of each kind match, named like the flags.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Lists {
    pid: Vec<u32>,
    exe: Vec<PathBuf>,
    cgroup: Vec<PathBuf>,
    pod: Vec<String>,
    port: Vec<u16>,
    net: Vec<String>,
}

impl<'a> RuleSource<'a> {
    pub(crate) const fn new(args: &'a MirrorArgs) -> Self {
        Self { args }
    }

    /// The rules, as they are at this moment.
    ///
    /// # Errors
    /// A file that cannot be read or makes no sense, or an interface that is not there.
    pub(crate) fn read(&self) -> Result<Wanted> {
        let file = match &self.args.rules.rules {
            Some(path) => RuleFile::read(path)?,
            None => RuleFile::default(),
        };
        let mut allow = self.args.rules.allowed();
        let mut deny = self.args.rules.denied();
        let mut pods = self.args.rules.pods();
        file.allow.add_to(&mut allow, &mut pods.allow)?;
        file.deny.add_to(&mut deny, &mut pods.deny)?;
        let is_open = self.args.rules.all || file.all;
        // An interface alone allows nothing: that has to be said.
        let says_what = is_open || allow != Matches::default() || !pods.allow.is_empty();
        if self.args.interface != "any" {
            let local = interface::local(&self.args.interface)?;
            allow.local = says_what.then_some(local);
        }
        Ok(Wanted { rules: Rules { is_open, allow, deny, pods: None }, pods })
    }
}

impl RuleFile {
    fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read the rules in {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("the rules in {} make no sense", path.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        let file: Self = toml::from_str(text)?;
        for lists in [&file.allow, &file.deny] {
            lists.nets()?;
            lists.pods()?;
        }
        Ok(file)
    }
}

impl Lists {
    fn nets(&self) -> Result<Vec<Net>> {
        Ok(self.net.iter().map(|net| net.parse()).collect::<Result<_, _>>()?)
    }

    fn pods(&self) -> Result<Vec<PodPattern>> {
        self.pod.iter().map(|pod| pod.parse().map_err(anyhow::Error::msg)).collect()
    }

    fn add_to(self, matches: &mut Matches, pods: &mut Vec<PodPattern>) -> Result<()> {
        matches.nets.extend(self.nets()?);
        pods.extend(self.pods()?);
        matches.pids.extend(self.pid);
        matches.executables.extend(self.exe);
        matches.cgroups.extend(self.cgroup);
        matches.ports.extend(self.port);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_what_flags_say() {
        let file = RuleFile::parse(
            "all = true\n[allow]\nexe = ['/usr/sbin/nginx']\nport = [443]\n[deny]\nnet = ['10.0.0.0/8']\n\
             pod = ['kube-system/*']",
        );
        let file = file.unwrap();
        let (mut allow, mut deny) = (Matches::default(), Matches::default());
        let mut pods = PodPatterns::default();
        file.allow.add_to(&mut allow, &mut pods.allow).unwrap();
        file.deny.add_to(&mut deny, &mut pods.deny).unwrap();
        assert_eq!((pods.allow.len(), pods.deny[0].to_string()), (0, "kube-system/*".to_owned()));
        assert!(file.all);
        assert_eq!(allow.executables, [PathBuf::from("/usr/sbin/nginx")]);
        assert_eq!((allow.ports, deny.nets.len()), (vec![443], 1));
    }

    #[test]
    fn what_makes_no_sense_is_an_error() {
        for text in [
            "[allow]\nexes = []",
            "[allow]\nnet = ['10.0.0.0/33']",
            "[deny]\npod = ['web']",
            "all = 1",
            "[forbid]",
        ] {
            assert!(RuleFile::parse(text).is_err(), "{text}");
        }
    }
}
