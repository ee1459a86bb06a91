//! A cgroup for one test.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{fs, thread};

use crate::network::{skip, wait_until};

/// Runs `test` with a cgroup; or skips it, aloud, if that cannot be, unless `CI` is set.
pub(crate) fn with_cgroup(name: &str, programs: &[&str], test: impl FnOnce(&Cgroup)) {
    match obstacle(programs) {
        Some(obstacle) => skip(name, &obstacle),
        None => test(&Cgroup::new(name)),
    }
}

/// A cgroup of version 2; with it, the processes in it end.
pub(crate) struct Cgroup {
    path: PathBuf,
}

impl Cgroup {
    fn new(name: &str) -> Self {
        let root = probe::cgroup_root().unwrap();
        let path = root.join(format!("tlsight-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self { path }
    }

    /// A cgroup in this one.
    pub(crate) fn child(&self, name: &str) -> Self {
        let path = self.path.join(name);
        fs::create_dir_all(&path).unwrap();
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A command that runs in the cgroup, in a process with the number that the caller sees.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", "echo $$ > \"$0\"/cgroup.procs && exec \"$@\""]);
        command.arg(&self.path).arg(program);
        command
    }

    /// The same in a network namespace.
    pub(crate) fn command_in(&self, namespace: &str, program: impl AsRef<OsStr>) -> Command {
        let mut command = self.command("ip");
        command.args(["netns", "exec", namespace]).arg(program);
        command
    }

    /// Ends what runs in it, and removes it.
    pub(crate) fn remove(&self) {
        fs::write(self.path.join("cgroup.kill"), "1").ok();
        wait_until("the cgroup is removed", || {
            fs::remove_dir(&self.path).is_ok() || !self.path.exists()
        });
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        fs::write(self.path.join("cgroup.kill"), "1").ok();
        for _ in 0..100 {
            if fs::remove_dir(&self.path).is_ok() || !self.path.exists() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// The first reason why programs cannot be loaded into the kernel here, or one of `programs` cannot
/// be run.
fn obstacle(programs: &[&str]) -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("not root".to_owned());
    }
    if let Err(error) = probe::SocketCapture::open(&probe::Options::default()) {
        return Some(error.to_string());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_missing = |program: &&&str| {
        !std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
    };
    let missing = programs.iter().find(is_missing)?;
    Some(format!("{missing} is not installed"))
}
