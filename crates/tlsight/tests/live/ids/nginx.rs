//! An nginx whose file is no other's, so that rules can name it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::network::{Network, in_namespace, wait_until};
use crate::servers::Identity;

/// Serves the folder of a network on port 443 of all addresses of the server, with HTTP/2 for who wants
/// it, until it is dropped.
pub(crate) struct Nginx {
    program: PathBuf,
    running: Child,
}

impl Nginx {
    pub(crate) fn start(network: &Network, identity: &Identity) -> Self {
        let folder = network.folder();
        let program = folder.join("nginx");
        fs::copy("/usr/sbin/nginx", &program).unwrap();
        let settings = folder.join("nginx.conf");
        let (root, pid) = (folder.display(), folder.join("nginx.pid"));
        fs::write(
            &settings,
            format!(
                "daemon off; user root; worker_processes 1; pid {}; error_log stderr crit;\n\
                 events {{ worker_connections 4096; }}\n\
                 http {{ access_log off; client_body_temp_path {root}/body; default_type text/plain;\n\
                 proxy_temp_path {root}/proxy; fastcgi_temp_path {root}/fastcgi;\n\
                 uwsgi_temp_path {root}/uwsgi; scgi_temp_path {root}/scgi;\n\
                 server {{ listen 443 ssl http2; listen [::]:443 ssl http2; root {root};\n\
                 location /slow {{ limit_rate 2k; }}\n\
                 ssl_certificate {}; ssl_certificate_key {}; }} }}\n",
                pid.display(),
                identity.certificate.display(),
                identity.key.display(),
            ),
        )
        .unwrap();
        let mut command = in_namespace(&network.server(), &program);
        let running = command.arg("-c").arg(&settings).stdin(Stdio::null()).spawn().unwrap();
        let server = Self { program, running };
        wait_until("nginx answers", || {
            let connection = ["-sk", "-o", "/dev/null", "--max-time", "5", "https://192.0.2.2/"];
            let asked = in_namespace(&network.client(), "curl").args(connection).status();
            asked.unwrap().success()
        });
        server
    }

    /// Its file.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Asked to end, it ends its workers too.
        kill_process(Pid::from_child(&self.running), Signal::TERM).ok();
        self.running.wait().ok();
    }
}
