//! Containers of runc, in cgroups that are named as Kubernetes names them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::cgroup::Cgroup;
use crate::network::wait_until;

/// A container that runs; it is deleted when this is dropped.
pub(crate) struct Container {
    id: String,
    /// Where containerd keeps bundles of Kubernetes.
    bundle: PathBuf,
    state: PathBuf,
    child: Child,
}

/// What a container is to be.
pub(crate) struct Plan<'a> {
    /// 64 hexadecimal digits.
    pub(crate) id: String,
    /// Its cgroup below that of the test.
    pub(crate) cgroup: String,
    /// Name in its pod, and the image it claims to be made from.
    pub(crate) name: &'a str,
    pub(crate) image: String,
    /// Name of its network namespace.
    pub(crate) namespace: &'a str,
    /// What it runs, in a shell.
    pub(crate) script: &'a str,
}

impl Container {
    /// Runs a container whose programs are those of this host. `folder` is at `/work` in it; `/hostproc`
    /// has the numbers that processes have outside.
    pub(crate) fn run(cgroup: &Cgroup, folder: &Path, plan: &Plan<'_>) -> Self {
        let bundle = Path::new(BUNDLES).join(&plan.id);
        make_root(&bundle.join("rootfs"));
        let config = config(cgroup, folder, plan).to_string();
        fs::write(bundle.join("config.json"), config).unwrap();
        let state = folder.join("runc");
        let child = Command::new("runc")
            .arg("--root")
            .arg(&state)
            .args(["run", "--bundle"])
            .args([bundle.as_os_str(), plan.id.as_ref()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self { id: plan.id.clone(), bundle, state, child }
    }

    /// The number that its first process has outside, once that runs.
    pub(crate) fn pid(&self) -> u32 {
        let mut pid = 0;
        wait_until("the container runs", || {
            let output = self.runc(&["state", &self.id]).output().unwrap();
            let state: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
            pid = state["pid"].as_u64().unwrap_or(0);
            state["status"] == "running" && pid > 0
        });
        u32::try_from(pid).unwrap()
    }

    /// Waits for its end and gives what it printed.
    pub(crate) fn output(mut self) -> String {
        let stdout = self.child.stdout.take().unwrap();
        let text = std::io::read_to_string(stdout).unwrap();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{}: {status}\n{text}", self.id);
        text
    }

    fn runc(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("runc");
        command.arg("--root").arg(&self.state).args(arguments).stderr(Stdio::null());
        command
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        self.runc(&["delete", "--force", &self.id]).stdout(Stdio::null()).status().ok();
        self.child.wait().ok();
        fs::remove_dir_all(&self.bundle).ok();
        // The folders above are the host's own if it has others in them.
        for folder in Path::new(BUNDLES).ancestors().take(3) {
            fs::remove_dir(folder).ok();
        }
    }
}

/// What runc leaves of a test's cgroups, in the hierarchies of both versions; removed when this is
/// dropped.
pub(crate) struct Leftovers<'a>(pub(crate) &'a Cgroup);

impl Drop for Leftovers<'_> {
    fn drop(&mut self) {
        let path = self.0.path();
        let (Some(name), Some(root)) = (path.file_name(), path.parent()) else { return };
        let hierarchies = root.parent().and_then(|parent| fs::read_dir(parent).ok());
        let hierarchies = hierarchies.into_iter().flatten().flatten().map(|entry| entry.path());
        for hierarchy in hierarchies.chain([root.to_owned()]) {
            remove_tree(&hierarchy.join(name));
        }
    }
}

fn remove_tree(cgroup: &Path) {
    for entry in fs::read_dir(cgroup).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_tree(&entry.path());
        }
    }
    fs::remove_dir(cgroup).ok();
}

/// A root for what is mounted in it.
fn make_root(root: &Path) {
    for folder in ["usr", "proc", "dev", "etc", "tmp", "work", "hostproc"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    for folder in ["var/lib/nginx", "var/log/nginx"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    for folder in ["bin", "lib", "lib64", "sbin"] {
        symlink(format!("usr/{folder}"), root.join(folder)).unwrap();
    }
    fs::write(root.join("etc/passwd"), "root:x:0:0::/:/bin/sh\n").unwrap();
    fs::write(root.join("etc/group"), "root:x:0:\n").unwrap();
}

fn config(cgroup: &Cgroup, folder: &Path, plan: &Plan<'_>) -> Value {
    let read_only = |inside: &str, outside: &Path| {
        json!({
            "destination": inside, "type": "bind", "source": outside, "options": ["rbind", "ro"],
        })
    };
    let in_memory = |inside| json!({ "destination": inside, "type": "tmpfs", "source": "tmpfs" });
    let namespace = format!("/run/netns/{}", plan.namespace);
    let above = cgroup.path().file_name().unwrap().to_str().unwrap();
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "user": { "uid": 0, "gid": 0 },
            "args": ["/bin/sh", "-c", plan.script],
            "env": ["PATH=/usr/sbin:/usr/bin"],
            "cwd": "/work",
            "capabilities": { "bounding": SERVE, "effective": SERVE, "permitted": SERVE },
        },
        "root": { "path": "rootfs", "readonly": true },
        "mounts": [
            { "destination": "/proc", "type": "proc", "source": "proc" },
            in_memory("/dev"),
            in_memory("/tmp"),
            in_memory("/var/lib/nginx"),
            in_memory("/var/log/nginx"),
            read_only("/usr", Path::new("/usr")),
            read_only("/work", folder),
            read_only("/hostproc", Path::new("/proc")),
        ],
        "annotations": {
            "io.kubernetes.cri.container-name": plan.name,
            "io.kubernetes.cri.image-name": plan.image,
        },
        "linux": {
            "cgroupsPath": format!("/{above}/{}", plan.cgroup),
            "namespaces": [
                { "type": "pid" }, { "type": "mount" }, { "type": "ipc" }, { "type": "uts" },
                { "type": "network", "path": namespace },
            ],
        },
    })
}

const BUNDLES: &str = "/run/containerd/io.containerd.runtime.v2.task/k8s.io";

const SERVE: [&str; 3] = ["CAP_NET_BIND_SERVICE", "CAP_SETUID", "CAP_SETGID"];
