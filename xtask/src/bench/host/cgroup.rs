//! Cgroups whose CPU time is counted, exactly and without that of anything else.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// A cgroup of version 2, gone when it is dropped.
#[derive(Debug)]
pub(in super::super) struct Cgroup(PathBuf);

impl Cgroup {
    pub(in super::super) fn make(name: &str) -> Result<Self> {
        let mounts = fs::read_to_string("/proc/self/mounts")?;
        let root = mounts.lines().find_map(|line| {
            let (place, kind) = line.split_once(' ')?.1.split_once(' ')?;
            kind.starts_with("cgroup2 ").then(|| Path::new(place).to_owned())
        });
        let root = root.context("no cgroups of version 2 are mounted")?;
        let path = root.join(format!("tlsight-bench-{name}-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// A command that runs in it.
    pub(in super::super) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", "echo $$ > \"$0\"/cgroup.procs && exec \"$@\""]);
        command.arg(&self.0).arg(program);
        command
    }

    /// CPU seconds of what runs or ran in it, in the kernel too.
    pub(in super::super) fn cpu_s(&self) -> Result<f64> {
        let text = fs::read_to_string(self.0.join("cpu.stat"))?;
        let line = text.lines().find_map(|line| line.strip_prefix("usage_usec "));
        let micros: f64 = line.context("cpu.stat has no usage_usec")?.parse()?;
        Ok(micros / 1e6)
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        fs::write(self.0.join("cgroup.kill"), "1").ok();
        for _ in 0..100 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}
