//! A cgroup with nginx and curl in it, so that each test sees its own sessions only.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::agent::running::RunningAgent;
use crate::network::{Network, SERVER_ADDRESS, skip, wait_until, with_network};
use crate::servers::Identity;

/// A cgroup, a network and an nginx on port 443 of the server.
pub(crate) struct Place<'a> {
    network: &'a Network,
    identity: Identity,
    cgroup: PathBuf,
    nginx: Option<Child>,
}

/// Runs `test` in a place of its own, or skips it, aloud.
pub(crate) fn with_place(name: &str, programs: &[&str], test: impl FnOnce(&Place<'_>)) {
    let Ok(root) = probe::cgroup_root() else {
        return skip(name, "no cgroups of version 2 are mounted");
    };
    let programs: Vec<&str> =
        ["curl", "nginx", "openssl"].into_iter().chain(programs.iter().copied()).collect();
    with_network(name, &programs, |network| {
        let cgroup = root.join(format!("tlsight-{name}-{}", std::process::id()));
        fs::create_dir(&cgroup).unwrap();
        let identity = Identity::new(network);
        let mut place = Place { network, identity, cgroup, nginx: None };
        place.start_nginx();
        test(&place);
    });
}

impl Place<'_> {
    /// The directory of the cgroup.
    pub(crate) fn cgroup(&self) -> &Path {
        &self.cgroup
    }

    /// A folder that is removed with the place.
    pub(crate) fn folder(&self) -> &Path {
        self.network.folder()
    }

    /// Starts an agent that watches the cgroup, and returns when it does.
    pub(crate) fn agent(&self, arguments: &[&str]) -> RunningAgent {
        self.agent_within(&["env"], arguments)
    }

    /// The same by way of a program that runs another.
    pub(crate) fn agent_within(&self, wrapper: &[&str], arguments: &[&str]) -> RunningAgent {
        let place = ["--cgroup", self.cgroup.to_str().unwrap()];
        RunningAgent::start(self.folder(), wrapper, &[&place, arguments].concat())
    }

    /// Fetches a page by curl; gives the number of its process.
    pub(crate) fn curl(&self) -> u32 {
        let resolution = format!("curl.test:443:{SERVER_ADDRESS}");
        let mut curl = self
            .command(&self.network.client(), "curl")
            .args(["-sS", "--cacert", self.identity.certificate.to_str().unwrap()])
            .args(["--max-time", "30", "--resolve", &resolution, "https://curl.test/"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let status = curl.wait().unwrap();
        assert!(status.success(), "curl: {status}");
        curl.id()
    }

    /// A command that runs in the cgroup and in a namespace, in a process with the number that the
    /// caller sees.
    fn command(&self, namespace: &str, program: &str) -> Command {
        let mut command = Command::new("sh");
        command
            .args(["-c", "echo $$ > \"$0\"/cgroup.procs && exec ip netns exec \"$@\""])
            .arg(&self.cgroup)
            .args([namespace, program])
            .stdin(Stdio::null());
        command
    }

    fn start_nginx(&mut self) {
        let folder = self.folder();
        let (certificate, key) = (self.identity.certificate.display(), self.identity.key.display());
        let configuration = format!(
            "daemon off; worker_processes 1; user root; error_log stderr crit; pid nginx.pid;\n\
             events {{ }}\n\
             http {{ access_log off; client_body_temp_path body; proxy_temp_path proxy;\n\
             fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;\n\
             server {{ listen 443 ssl; ssl_certificate {certificate}; ssl_certificate_key {key};\n\
             location / {{ return 200 hello; }} }} }}\n"
        );
        fs::write(folder.join("nginx.conf"), configuration).unwrap();
        let nginx = self
            .command(&self.network.server(), "nginx")
            .args(["-p".as_ref(), folder.as_os_str(), "-c".as_ref(), "nginx.conf".as_ref()])
            .spawn()
            .unwrap();
        let tables = format!("/proc/{}/net/tcp", nginx.id());
        self.nginx = Some(nginx);
        wait_until("nginx listens", || {
            let table = fs::read_to_string(&tables).unwrap_or_default();
            table.lines().any(|line| line.contains(":01BB 00000000:0000 0A"))
        });
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        // The workers too, which are all that is left in the cgroup.
        fs::write(self.cgroup.join("cgroup.kill"), "1").ok();
        if let Some(nginx) = &mut self.nginx {
            nginx.kill().ok();
            nginx.wait().ok();
        }
        for _ in 0..500 {
            if fs::remove_dir(&self.cgroup).is_ok() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

/// The lines of a file, each of which must be JSON. A last one that is being written is left out.
pub(crate) fn lines(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

/// The sessions in files.
pub(crate) fn sessions(files: &[&PathBuf]) -> Vec<Value> {
    let lines = files.iter().flat_map(|file| lines(file));
    lines.filter(|line| line["event"]["dataset"] == "tls").collect()
}

/// The losses in files, by cause.
pub(crate) fn losses(files: &[&PathBuf]) -> BTreeMap<String, f64> {
    let mut sums = BTreeMap::new();
    for line in files.iter().flat_map(|file| lines(file)) {
        for (cause, count) in line["tlsight"]["loss"].as_object().into_iter().flatten() {
            *sums.entry(cause.clone()).or_insert(0.0) += count.as_f64().unwrap();
        }
    }
    sums
}
