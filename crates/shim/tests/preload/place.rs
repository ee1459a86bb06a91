//! A folder with a certificate, servers, and programs with the library in them.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use tempfile::TempDir;

/// What is waited for has come by then, even on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What servers answer.
pub(crate) const PAGE: &str = "hello from behind\n";

pub(crate) struct Place(TempDir);

impl Place {
    /// A new folder; `None`, aloud, if one of `programs` is missing and `CI` is not set.
    pub(crate) fn new(programs: &[&str]) -> Option<Self> {
        let is_there = |program: &&str| {
            let folders = env::var_os("PATH").unwrap_or_default();
            env::split_paths(&folders)
                .chain(["/usr/sbin".into()])
                .any(|folder| folder.join(program).exists())
        };
        if let Some(missing) = programs.iter().chain([&"openssl"]).find(|it| !is_there(it)) {
            skip(&format!("{missing} is missing"));
            return None;
        }
        let place = Self(TempDir::new().unwrap());
        // A server that gave up its rights reads here too.
        fs::set_permissions(place.folder(), readable()).unwrap();
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
            .args(["-nodes", "-days", "30", "-subj", "/CN=localhost"])
            .args(["-addext", "subjectAltName=DNS:localhost"])
            .args(["-keyout".as_ref(), place.file("key.pem").as_os_str()])
            .args(["-out".as_ref(), place.file("server.pem").as_os_str()])
            .output()
            .unwrap();
        assert!(made.status.success(), "openssl: {}", String::from_utf8_lossy(&made.stderr));
        fs::write(place.file("page"), PAGE).unwrap();
        Some(place)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A program with the library in it, which hands over to `socket` by some more settings.
    pub(crate) fn program(&self, program: &str, socket: &Path, settings: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("LD_PRELOAD", shim())
            .env(handover::VARIABLE, format!("socket={} {settings}", socket.display()))
            .env("HOME", self.folder());
        command
    }

    /// A curl that asks for the page.
    pub(crate) fn curl(&self, socket: &Path, settings: &str, port: u16) -> Command {
        let mut curl = self.program("curl", socket, settings);
        curl.args(["-sS", "--max-time", "60", "--cacert"]).arg(self.file("server.pem"));
        curl.arg(format!("https://localhost:{port}/page"));
        curl
    }

    /// A Python that asks for the page `times` times, each time on a connection of its own, and writes a
    /// key log of its own if that has a name.
    pub(crate) fn python(&self, socket: &Path, settings: &str, port: u16, times: u32) -> Command {
        let mut python = self.program("/usr/bin/python3", socket, settings);
        python.args(["-c", PYTHON]).arg(format!("https://localhost:{port}/page"));
        python.arg(self.file("server.pem")).arg(times.to_string());
        python
    }
}

fn readable() -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt as _;
    fs::Permissions::from_mode(0o755)
}

/// The library, beside this test.
pub(crate) fn shim() -> PathBuf {
    let own = env::current_exe().unwrap();
    let folders = own.ancestors().skip(1).take(2);
    let mut files = folders.map(|folder| folder.join("libtlsight_shim.so"));
    files.find(|file| file.exists()).expect("cargo builds the library before its tests")
}

/// Says that a test is skipped, or fails if `CI` is set.
pub(crate) fn skip(obstacle: &str) {
    assert!(env::var_os("CI").is_none(), "cannot run: {obstacle}");
    println!("skipped: {obstacle}");
}

/// A server that is ended with this value.
pub(crate) struct Server {
    process: Child,
    pub(crate) port: u16,
    /// Where an asynchronous one answers without TLS.
    pub(crate) other_port: u16,
}

impl Server {
    /// An `openssl s_server` without the library.
    pub(crate) fn openssl(place: &Place, arguments: &[&str]) -> Self {
        Self::openssl_by(place, Command::new("openssl"), arguments)
    }

    /// The same, begun by a command that has the library in it or not.
    pub(crate) fn openssl_by(place: &Place, mut command: Command, arguments: &[&str]) -> Self {
        let port = free_port();
        let process = command
            .args(["s_server", "-quiet", "-WWW", "-accept", &port.to_string()])
            .arg("-cert")
            .arg(place.file("server.pem"))
            .arg("-key")
            .arg(place.file("key.pem"))
            .args(arguments)
            .current_dir(place.folder())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_for_listener(port);
        Self { process, port, other_port: port }
    }

    /// An `async_server`, which a command begins.
    pub(crate) fn asynchronous(place: &Place, mut command: Command) -> Self {
        let (port, other_port) = (free_port(), free_port());
        let process = command
            .args([port.to_string(), other_port.to_string()])
            .args([place.file("server.pem"), place.file("key.pem")])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        wait_for_listener(other_port);
        Self { process, port, other_port }
    }

    /// An nginx with two workers, begun by a command that has the library in it or not.
    pub(crate) fn nginx(place: &Place, mut command: Command, versions: &str) -> Self {
        let port = free_port();
        let folder = place.folder().display();
        let settings = format!(
            "daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; user nobody nogroup;\n\
             worker_processes 2; events {{ worker_connections 256; }}\n\
             http {{ access_log off; client_body_temp_path {folder}/body;\n\
             server {{ listen 127.0.0.1:{port} ssl; root {folder}; ssl_protocols {versions};\n\
             ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/key.pem; }} }}\n"
        );
        fs::write(place.file("nginx.conf"), settings).unwrap();
        let process = command
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .arg("-c")
            .arg(place.file("nginx.conf"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_for_listener(port);
        Self { process, port, other_port: port }
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The workers of nginx end with their master if that ends as it should.
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).ok();
        self.process.wait().ok();
    }
}

/// Runs a command to its end, whatever that is.
pub(crate) fn output(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap()
}

/// Runs a command that must print the page.
pub(crate) fn gets_page(command: &mut Command) {
    let output = output(command);
    let (stdout, stderr) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && stdout.contains(PAGE.trim_end()), "{stdout}\n{stderr}");
}

fn wait_for_listener(port: u16) {
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(began.elapsed() < PATIENCE, "nobody listens on {port}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A port that nobody uses.
fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

const PYTHON: &str = "
import os, ssl, sys, urllib.request
url, authority, times = sys.argv[1:]
for _ in range(int(times)):
    context = ssl.create_default_context(cafile=authority)
    if 'OWN_LOG' in os.environ:
        context.keylog_filename = os.environ['OWN_LOG']
    print(urllib.request.urlopen(url, context=context, timeout=60).read().decode(), end='')
";
