//! Servers and clients that run in a cgroup.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::cgroup::Cgroup;
use crate::network::wait_until;

/// A folder with a self-signed certificate and its key.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(cgroup: &Cgroup) -> Self {
        let name = cgroup.path().file_name().unwrap();
        let folder = Self(std::env::temp_dir().join(name));
        fs::create_dir_all(&folder.0).unwrap();
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
            .args(["-nodes", "-days", "30", "-subj", "/CN=server.test"])
            .args(["-keyout", "server.key", "-out", "server.pem"])
            .current_dir(&folder.0)
            .output()
            .unwrap();
        assert!(made.status.success(), "openssl: {}", String::from_utf8_lossy(&made.stderr));
        fs::write(folder.0.join("hello"), "hello\n").unwrap();
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

/// A process that is killed when it is dropped.
pub(crate) struct Running(Child);

impl Running {
    /// Starts a program, whose standard input stays open: some end with it.
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap())
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Waits until something listens on `port` in the process's network namespace; `table` is that
    /// of `/proc/PID/net`.
    pub(crate) fn wait_for_port(mut self, port: u16) -> Self {
        let wanted = format!(":{port:04X}");
        wait_until("a server listens", || {
            assert_eq!(self.0.try_wait().unwrap(), None, "the server ended");
            ["tcp", "tcp6", "udp", "udp6"].iter().any(|table| {
                let path = format!("/proc/{}/net/{table}", self.0.id());
                let sockets = fs::read_to_string(path).unwrap_or_default();
                sockets.lines().any(|line| {
                    let mut fields = line.split_whitespace().skip(1);
                    fields.next().is_some_and(|local| local.ends_with(&wanted))
                        && fields.nth(1).is_some_and(|state| state == "0A" || state == "07")
                })
            })
        });
        self
    }

    /// Stops it with a signal that it can hear, and waits for its end.
    pub(crate) fn interrupt(mut self) {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// An `nginx` in a cgroup, on a port of the loopback interface.
pub(crate) fn nginx(cgroup: &Cgroup, folder: &Folder, port: u16) -> Running {
    let configuration = format!(
        "daemon off; worker_processes 2; pid nginx.pid; error_log stderr crit;\n\
         events {{ worker_connections 512; }}\n\
         http {{ access_log off; server {{ listen 127.0.0.1:{port} ssl;\n\
         ssl_certificate {}; ssl_certificate_key {};\n\
         location / {{ return 200 ok; }} }} }}\n",
        folder.file("server.pem"),
        folder.file("server.key"),
    );
    fs::write(folder.path().join("nginx.conf"), configuration).unwrap();
    let prefix = folder.path().to_str().unwrap();
    let mut command = cgroup.command("nginx");
    command.args(["-p", prefix, "-c", &folder.file("nginx.conf")]);
    Running::start(&mut command).wait_for_port(port)
}

/// Runs a command that must succeed.
pub(crate) fn succeed(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The same for a client that asks `request` and, once it has begun to read the answer, is told to
/// end.
pub(crate) fn succeed_with(command: &mut Command, request: &str) {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    stdin.write_all(request.as_bytes()).unwrap();
    stdout.read_exact(&mut [0]).unwrap();
    drop(stdin);
    stdout.read_to_end(&mut Vec::new()).unwrap();
    assert!(child.wait().unwrap().success(), "{command:?}");
}
