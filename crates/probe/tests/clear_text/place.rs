//! A folder with a certificate, and an nginx that serves files of it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

/// What is waited for has come by then, even on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A folder for the files of one test, with the certificate and the key of a server.
pub(crate) struct Place(PathBuf);

impl Place {
    /// A new folder; `None`, aloud, if one of `programs` is missing and `CI` is not set.
    pub(crate) fn new(test: &str, programs: &[&str]) -> Option<Self> {
        let is_there = |program: &&str| {
            env::split_paths(&env::var_os("PATH").unwrap_or_default())
                .chain(["/usr/sbin".into()])
                .any(|folder| folder.join(program).exists())
        };
        if let Some(missing) = programs.iter().find(|program| !is_there(program)) {
            skip(&format!("{missing} is missing"));
            return None;
        }
        let place = Self(env::temp_dir().join(format!("tlsight-{test}-{}", std::process::id())));
        fs::create_dir_all(&place.0).unwrap();
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
            .args(["-nodes", "-days", "30", "-subj", "/CN=server.test"])
            .args(["-addext", "subjectAltName=DNS:server.test,DNS:localhost,IP:127.0.0.1,IP:::1"])
            .args(["-keyout".as_ref(), place.file("key.pem").as_os_str()])
            .args(["-out".as_ref(), place.file("server.pem").as_os_str()])
            .output()
            .unwrap();
        assert!(made.status.success(), "openssl: {}", String::from_utf8_lossy(&made.stderr));
        Some(place)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A file of some bytes that do not repeat themselves soon.
    pub(crate) fn body(&self, name: &str, len: usize) -> Vec<u8> {
        let mut state = 0x9e37_79b9_u32;
        let bytes: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        })
        .take(len)
        .collect();
        fs::write(self.file(name), &bytes).unwrap();
        bytes
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

/// Says that a test is skipped, or fails if `CI` is set.
pub(crate) fn skip(obstacle: &str) {
    assert!(env::var_os("CI").is_none(), "clear text cannot be tested: {obstacle}");
    println!("skipped: {obstacle}");
}

/// An nginx that serves the files of a place over TLS, on all loopback addresses.
pub(crate) struct Nginx {
    process: Child,
    pub(crate) port: u16,
}

impl Nginx {
    pub(crate) fn start(place: &Place) -> Self {
        Self::start_with(place, "TLSv1.2")
    }

    /// One that speaks these versions.
    pub(crate) fn start_with(place: &Place, versions: &str) -> Self {
        let port = free_port();
        let folder = place.0.display();
        let settings = format!(
            "daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; user root;\n\
             worker_processes 2; events {{ worker_connections 1024; }}\n\
             http {{ access_log off; client_body_temp_path {folder}; \n\
             server {{ listen 127.0.0.1:{port} ssl; listen [::1]:{port} ssl; root {folder}; ssl_protocols {versions};\n\
             add_header X-Client '$remote_addr $remote_port';\n\
             client_max_body_size 1g; keepalive_requests 100000;\n\
             ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/key.pem; }} }}\n"
        );
        fs::write(place.file("nginx.conf"), settings).unwrap();
        let process = Command::new("nginx")
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .arg("-c")
            .arg(place.file("nginx.conf"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let nginx = Self { process, port };
        wait_for_listener(port);
        nginx
    }

    /// The address of a file that it serves.
    pub(crate) fn url(&self, name: &str) -> String {
        format!("https://127.0.0.1:{}/{name}", self.port)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The workers end with their master if that ends as it should.
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).ok();
        self.process.wait().ok();
    }
}

/// A program that is ended if the test ends before it.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.spawn().unwrap())
    }

    pub(crate) const fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    /// Ends its input and waits for its end.
    pub(crate) fn finish_after_input(mut self) {
        drop(self.0.stdin.take());
        self.finish();
    }

    /// Waits for its end, which must be a good one.
    pub(crate) fn finish(mut self) {
        let status = self.0.wait().unwrap();
        assert!(status.success(), "{status}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Where a program is, with all links followed.
pub(crate) fn path_of(program: &str) -> PathBuf {
    env::split_paths(&env::var_os("PATH").unwrap_or_default())
        .map(|folder| folder.join(program))
        .find(|path| path.exists())
        .map_or_else(|| program.into(), |path| fs::canonicalize(path).unwrap())
}

/// Waits until somebody listens on a port of the loopback address.
pub(crate) fn wait_for_listener(port: u16) {
    wait_until("the server listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
}

/// Waits for a condition.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "{what}: not after {PATIENCE:?}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A port that nobody uses.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// A curl that trusts the server of a place and writes what it gets to a file.
pub(crate) fn curl(place: &Place, url: &str, to: &Path) -> Command {
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--http1.1", "--cacert"]).arg(place.file("server.pem"));
    curl.arg("-o").arg(to).arg(url);
    curl
}
