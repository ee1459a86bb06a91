//! The container image under `runc`, with what the manifests let it do and nothing else.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::agent::place::with_place;
use crate::network::{PATIENCE, with_network};
use crate::watcher::Watcher;

#[test]
fn the_image_sees_the_sessions_of_its_node_with_the_capabilities_of_the_manifest() {
    with_place("image-agent", PROGRAMS, |place| {
        let image = Image::new(place.folder());
        let ready = UnixDatagram::bind(place.folder().join("ready")).unwrap();
        ready.set_read_timeout(Some(PATIENCE)).unwrap();
        let granted = capabilities();
        assert!(granted.contains(&"CAP_BPF".to_owned()), "{granted:?}");
        let cgroups = json!({ "destination": "/sys/fs/cgroup", "type": "bind", "source": "/sys/fs/cgroup", "options": ["rbind", "ro"] });
        let notify = json!({ "destination": "/run/notify", "type": "bind", "source": place.folder(), "options": ["bind"] });
        let plan = Plan {
            arguments: &["agent"],
            user: 0,
            capabilities: &granted,
            sees_all_processes: true,
            mounts: vec![cgroups, notify],
            environment: "NOTIFY_SOCKET=/run/notify/ready",
        };
        let mut agent = image.run(&plan, |_| ready.recv(&mut [0; 64]).is_ok());
        let curl = place.curl();
        let session = loop {
            let line = agent.next();
            if line["client"]["process"]["pid"] == curl {
                break line;
            }
        };
        let process = &session["client"]["process"];
        assert_eq!(process["executable"], "/usr/bin/curl", "{process:#}");
        assert!(process["command_line"].as_str().unwrap().contains("https://curl.test/"));
        let end = agent.interrupt();
        assert_eq!(end.status, Some(0), "{}", end.messages);
    });
}

#[test]
fn the_server_of_the_image_needs_no_capability() {
    with_network("image-server", PROGRAMS, |network| {
        let image = Image::new(network.folder());
        let plan = Plan {
            arguments: &["serve", "--data", "/var/lib/tlsight"],
            user: 65532,
            capabilities: &[],
            sees_all_processes: false,
            mounts: Vec::new(),
            environment: "HOME=/",
        };
        let server = image.run(&plan, |_| true);
        server.wait_for_line("tlsight is at https://");
        let end = server.interrupt();
        assert_eq!(end.status, Some(0), "{}", end.messages);
    });
}

/// The files of the image, and where `runc` keeps its own.
struct Image {
    bundle: PathBuf,
}

struct Plan<'a> {
    arguments: &'a [&'a str],
    user: u32,
    capabilities: &'a [String],
    sees_all_processes: bool,
    mounts: Vec<Value>,
    environment: &'a str,
}

impl Image {
    fn new(folder: &Path) -> Self {
        let bundle = folder.join("image");
        fs::create_dir_all(&bundle).unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/image/build.sh");
        let built = Command::new(script)
            .args(["--root", env!("CARGO_BIN_EXE_tlsight")])
            .arg(bundle.join("rootfs"))
            .output()
            .unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        Self { bundle }
    }

    fn run(&self, plan: &Plan<'_>, is_ready: impl FnMut(u32) -> bool) -> Watcher {
        fs::write(self.bundle.join("config.json"), config(plan).to_string()).unwrap();
        let mut command = Command::new("runc");
        command.arg("--root").arg(self.bundle.join("state")).args(["run", "--bundle"]);
        command.arg(&self.bundle).arg(format!("tlsight-image-{}", std::process::id()));
        Watcher::run(&mut command, "the container is ready", is_ready)
    }
}

fn config(plan: &Plan<'_>) -> Value {
    let mut mounts = vec![
        json!({ "destination": "/proc", "type": "proc", "source": "proc" }),
        json!({ "destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["ro", "nosuid", "noexec", "nodev"] }),
        json!({ "destination": "/dev", "type": "tmpfs", "source": "tmpfs" }),
        json!({ "destination": "/var/lib/tlsight", "type": "tmpfs", "source": "tmpfs", "options": [format!("uid={}", plan.user)] }),
    ];
    mounts.extend(plan.mounts.iter().cloned());
    let mut namespaces: Vec<_> = ["mount", "ipc", "uts", "network", "cgroup"]
        .iter()
        .map(|kind| json!({ "type": kind }))
        .collect();
    if !plan.sees_all_processes {
        namespaces.push(json!({ "type": "pid" }));
    }
    let granted = plan.capabilities;
    let arguments: Vec<_> = ["/usr/bin/tlsight"].iter().chain(plan.arguments).collect();
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "user": { "uid": plan.user, "gid": plan.user },
            "args": arguments,
            "env": ["PATH=/usr/bin", plan.environment],
            "cwd": "/",
            "capabilities": { "bounding": granted, "effective": granted, "permitted": granted },
            "noNewPrivileges": true,
        },
        "root": { "path": "rootfs", "readonly": true },
        "mounts": mounts,
        "linux": { "namespaces": namespaces },
    })
}

/// What the manifest adds to no capabilities at all.
fn capabilities() -> Vec<String> {
    let path =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/kubernetes/base/agent-daemonset.yaml");
    let manifest = fs::read_to_string(path).unwrap();
    let (before, after) = manifest.split_once("add:\n").expect("the capabilities of the agent");
    assert!(before.trim_end().ends_with("drop: [ALL]"));
    let names = after.lines().map_while(|line| line.trim().strip_prefix("- "));
    names.map(|name| format!("CAP_{name}")).collect()
}

const PROGRAMS: &[&str] = &["ldd", "runc"];
