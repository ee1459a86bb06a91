//! Programs of the kernel that are attached to a cgroup, taken away and put back between windows of one
//! download: what differs is only whether they are there.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use serde::Deserialize;

/// The programs that an observer attached to a cgroup; detached when they are dropped.
#[derive(Debug)]
pub(super) struct Programs {
    cgroup: PathBuf,
    attached: Vec<Attached>,
}

/// As `bpftool cgroup show` tells it.
#[derive(Debug, Deserialize)]
struct Attached {
    id: u32,
    attach_type: String,
}

/// As `bpftool link list` tells it.
#[derive(Debug, Deserialize)]
struct Link {
    id: u32,
    prog_id: Option<u32>,
}

impl Programs {
    /// Detaches what is attached to a cgroup, to have it in hand.
    pub(super) fn take(cgroup: &Path) -> Result<Self> {
        let text = bpftool(&["cgroup", "show", &cgroup.to_string_lossy(), "-j"])?;
        let attached = if text.is_empty() { Vec::new() } else { serde_json::from_slice(&text)? };
        let programs = Self { cgroup: cgroup.to_owned(), attached };
        let links: Vec<Link> = serde_json::from_slice(&bpftool(&["link", "list", "-j"])?)?;
        for one in &programs.attached {
            match links.iter().find(|link| link.prog_id == Some(one.id)) {
                Some(link) => {
                    bpftool(&["link", "detach", "id", &link.id.to_string()])?;
                }
                None => programs.set(one, "detach")?,
            }
        }
        Ok(programs)
    }

    pub(super) fn attach(&self) -> Result<()> {
        self.attached.iter().try_for_each(|one| self.set(one, "attach"))
    }

    pub(super) fn detach(&self) -> Result<()> {
        self.attached.iter().try_for_each(|one| self.set(one, "detach"))
    }

    fn set(&self, one: &Attached, verb: &str) -> Result<()> {
        let (cgroup, id) = (self.cgroup.to_string_lossy(), one.id.to_string());
        // Versions differ in the prefix, but each takes the name without it.
        let way = one.attach_type.trim_start_matches("cgroup_inet_");
        let mode = if verb == "attach" { &["multi"][..] } else { &[] };
        bpftool(&[&["cgroup", verb, &cgroup, way, "id", &id], mode].concat())?;
        Ok(())
    }
}

/// What it prints.
fn bpftool(arguments: &[&str]) -> Result<Vec<u8>> {
    let output = Command::new("bpftool").args(arguments).output()?;
    ensure!(
        output.status.success(),
        "bpftool {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(output.stdout.trim_ascii().to_vec())
}
