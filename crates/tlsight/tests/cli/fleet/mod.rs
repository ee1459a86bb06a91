//! A fleet when things fail: `tlsight serve`, and agents by the real protocol.

mod clock;
pub(crate) mod crowd;
mod cut;
mod replicas;

use std::ffi::OsStr;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::server::{PROGRAM, Server, folder};

/// A server that agents join.
pub(crate) struct Place {
    server: Server,
    /// An API token.
    token: String,
    /// Where agents connect to.
    address: String,
    folder: PathBuf,
}

impl Place {
    /// Starts a server that listens for agents at an address of this host.
    fn start(name: &str, host: &str, arguments: &[&str]) -> Self {
        Self::start_in(name, host, arguments, &[])
    }

    /// The same with variables of the server's environment.
    fn start_in(
        name: &str,
        host: &str,
        arguments: &[&str],
        environment: &[(&str, &OsStr)],
    ) -> Self {
        let folder = folder(name);
        let free = TcpListener::bind((host, 0)).unwrap().local_addr().unwrap().to_string();
        let data = folder.join("data").display().to_string();
        let own = ["serve", "--data", &data, "--agents", &free];
        let server = Server::start_in(environment, &[&own, arguments].concat(), true);
        let token = server.make_token();
        Self { server, token, address: free, folder }
    }

    /// A token by which so many agents join.
    fn join_token(&self, uses: usize) -> String {
        let made = Command::new(PROGRAM)
            .args(["serve", "token", "--bare", "--uses", &uses.to_string(), "--agents"])
            .args([&self.address, "--data"])
            .arg(self.folder.join("data"))
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        String::from_utf8(made.stdout).unwrap().trim().to_owned()
    }

    /// What the API says of each agent.
    fn agents(&self) -> Vec<Value> {
        let agents = self.server.get(&self.token, "agents");
        agents["items"].as_array().unwrap().clone()
    }

    /// The states of all agents, each once.
    fn states(&self) -> Vec<String> {
        let agents = self.agents();
        let mut states: Vec<_> =
            agents.iter().map(|agent| agent["state"].as_str().unwrap().to_owned()).collect();
        states.sort();
        states.dedup();
        states
    }

    fn end(self) {
        self.server.end();
        fs::remove_dir_all(self.folder).unwrap();
    }

    fn folder(&self) -> &Path {
        &self.folder
    }
}
