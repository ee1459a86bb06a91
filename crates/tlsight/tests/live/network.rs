//! Two network namespaces that a pair of virtual interfaces joins, for one test.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

/// Address of the server's interface.
pub(crate) const SERVER_ADDRESS: &str = "192.0.2.2";

/// What is waited for has come by then, even on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Runs `test` on a network; or skips it, aloud, if this is not root or one of `programs` is missing,
/// unless `CI` is set: there it fails.
pub(crate) fn with_network(name: &str, programs: &[&str], test: impl FnOnce(&Network)) {
    if let Some(obstacle) = obstacle(programs) {
        skip(name, &obstacle);
    } else {
        test(&Network::new(name));
    }
}

/// Says that a test is skipped, or fails if `CI` is set.
pub(crate) fn skip(name: &str, obstacle: &str) {
    assert!(env::var_os("CI").is_none(), "{name} cannot run: {obstacle}");
    println!("skipped: {name}: {obstacle}");
}

/// A network of a client and a server, and a folder for their files.
pub(crate) struct Network {
    name: String,
    folder: PathBuf,
}

impl Network {
    fn new(test: &str) -> Self {
        let name = format!("tlsight-{test}-{}", std::process::id());
        let folder = env::temp_dir().join(&name);
        fs::create_dir_all(&folder).unwrap();
        let network = Self { name, folder };
        let (client, server) = (network.client(), network.server());
        ip(&format!("netns add {client}"));
        ip(&format!("netns add {server}"));
        ip(&format!("link add veth0 netns {client} type veth peer name veth0 netns {server}"));
        for (side, address) in [(client, "192.0.2.1"), (server, SERVER_ADDRESS)] {
            ip(&format!("-n {side} address add {address}/24 dev veth0"));
            ip(&format!("-n {side} link set lo up"));
            ip(&format!("-n {side} link set veth0 up"));
        }
        network
    }

    /// Name of the client's namespace.
    pub(crate) fn client(&self) -> String {
        format!("{}-client", self.name)
    }

    /// Name of the server's namespace.
    pub(crate) fn server(&self) -> String {
        format!("{}-server", self.name)
    }

    /// A folder that is removed with the network.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs a program to its end in a namespace, and gives what it printed.
    pub(crate) fn run(&self, namespace: &str, program: &str, arguments: &[&str]) -> String {
        let output = self.try_run(namespace, program, arguments);
        let (stdout, stderr) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{program}: {}\n{stdout}\n{stderr}", output.status);
        stdout.into_owned()
    }

    fn try_run(&self, namespace: &str, program: &str, arguments: &[&str]) -> Output {
        in_namespace(namespace, "timeout")
            .args(["--kill-after=5", &PATIENCE.as_secs().to_string(), program])
            .args(arguments)
            .env("HOME", &self.folder)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for namespace in [self.client(), self.server()] {
            Command::new("ip").args(["netns", "del", &namespace]).status().ok();
        }
        fs::remove_dir_all(&self.folder).ok();
    }
}

/// A command that runs in a namespace, in a process with the number that the caller sees.
pub(crate) fn in_namespace(namespace: &str, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace]).arg(program);
    command
}

/// Waits until `condition` holds.
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// The first reason why a test with namespaces and these programs cannot run.
fn obstacle(programs: &[&str]) -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("not root, so no network namespace can be made".to_owned());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let is_missing =
        |program: &&&str| !env::split_paths(&path).any(|folder| folder.join(program).is_file());
    let missing = ["ip", "timeout"].iter().chain(programs).find(is_missing)?;
    Some(format!("{missing} is not installed"))
}

fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split_whitespace()).status();
    assert!(
        status.as_ref().is_ok_and(std::process::ExitStatus::success),
        "ip {arguments}: {status:?}"
    );
}
