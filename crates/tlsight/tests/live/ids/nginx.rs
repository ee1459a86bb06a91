//! An nginx whose file is no other's, so that rules can name it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::network::{Network, SERVER_ADDRESS, in_namespace, wait_until};
use crate::servers::Identity;

/// Serves the folder of a network on port 443 of all addresses of the server, with HTTP/2 for who wants
/// it, until it is dropped.
pub(crate) struct Nginx {
    program: PathBuf,
    running: Child,
}

impl Nginx {
    pub(crate) fn start(network: &Network, identity: &Identity) -> Self {
        Self::start_on(network, identity, 443)
    }

    /// The same on another port.
    pub(crate) fn start_on(network: &Network, identity: &Identity, port: u16) -> Self {
        Self::start_from(network, &Self::settings(network, identity, port), port)
    }

    /// The same with settings that were written before.
    pub(crate) fn start_from(network: &Network, settings: &Path, port: u16) -> Self {
        let program = network.folder().join("nginx");
        fs::copy("/usr/sbin/nginx", &program).unwrap();
        let mut command = in_namespace(&network.server(), &program);
        let running = command.arg("-c").arg(settings).stdin(Stdio::null()).spawn().unwrap();
        let server = Self { program, running };
        wait_until_it_answers(network, port);
        server
    }

    /// Writes settings for a port, and gives their file.
    pub(crate) fn settings(network: &Network, identity: &Identity, port: u16) -> PathBuf {
        let settings = network.folder().join(format!("nginx-{port}.conf"));
        let root = network.folder().display();
        fs::write(
            &settings,
            format!(
                "daemon off; user root; worker_processes 1; error_log stderr crit;\n\
                 pid {root}/nginx-{port}.pid;\n\
                 events {{ worker_connections 4096; }}\n\
                 http {{ access_log off; client_body_temp_path {root}/body; default_type text/plain;\n\
                 proxy_temp_path {root}/proxy; fastcgi_temp_path {root}/fastcgi;\n\
                 uwsgi_temp_path {root}/uwsgi; scgi_temp_path {root}/scgi;\n\
                 server {{ listen {port} ssl http2; listen [::]:{port} ssl http2; root {root};\n\
                 location /slow {{ limit_rate 2k; }}\n\
                 ssl_certificate {}; ssl_certificate_key {}; }} }}\n",
                identity.certificate.display(),
                identity.key.display(),
            ),
        )
        .unwrap();
        settings
    }

    /// Its file.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }
}

/// Waits until an nginx serves on a port.
pub(crate) fn wait_until_it_answers(network: &Network, port: u16) {
    let url = format!("https://{SERVER_ADDRESS}:{port}/");
    wait_until("nginx answers", || {
        let arguments = ["-sk", "-o", "/dev/null", "--max-time", "5", &url];
        in_namespace(&network.client(), "curl").args(arguments).status().unwrap().success()
    });
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Asked to end, it ends its workers too.
        kill_process(Pid::from_child(&self.running), Signal::TERM).ok();
        self.running.wait().ok();
    }
}
