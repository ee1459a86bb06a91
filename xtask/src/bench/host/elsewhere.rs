//! What is as good as another machine: a network of its own, and a cgroup that nobody sees.

use std::ffi::OsStr;
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};

use super::cgroup::Cgroup;

/// A place for clients, behind a pair of interfaces; gone when it is dropped.
#[derive(Debug)]
pub(super) struct Elsewhere(Cgroup);

impl Elsewhere {
    pub(super) fn make() -> Result<Self> {
        let elsewhere = Self(Cgroup::make("elsewhere")?);
        remove();
        for command in [
            format!("netns add {NAMESPACE}"),
            format!("link add {NAMESPACE} type veth peer name eth0 netns {NAMESPACE}"),
            format!("address add {HERE}/30 dev {NAMESPACE}"),
            format!("link set {NAMESPACE} up"),
            format!("-n {NAMESPACE} address add {THERE}/30 dev eth0"),
            format!("-n {NAMESPACE} link set eth0 up"),
        ] {
            let status = Command::new("ip").args(command.split(' ')).status()?;
            ensure!(status.success(), "ip {command} failed");
        }
        Ok(elsewhere)
    }

    /// A command that runs there, on the processor of clients.
    pub(super) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = self.0.command("ip");
        command.args(["netns", "exec", NAMESPACE, "taskset", "-c", "1"]).arg(program);
        command
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        remove();
    }
}

fn remove() {
    Command::new("ip").args(["netns", "del", NAMESPACE]).stderr(Stdio::null()).status().ok();
}

/// The address of this host, seen from there. Both are of the network for benchmarks (RFC 2544, Appendix C).
pub(super) const HERE: &str = "198.18.0.1";
const THERE: &str = "198.18.0.2";

/// Also the name of the interface at this end.
const NAMESPACE: &str = "tlsight-else";
