//! A Kubernetes API for tests: over HTTPS with a token, as a real one is asked, and with the failures
//! that real ones have.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "what goes wrong here fails the test"
)]

mod discovery;
mod manifest;
mod request;
mod server;
mod state;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

use serde_json::Value;

pub use manifest::{node, owned_by, owner, pod, service};
use state::State;

/// A running API; it ends when this is dropped.
#[derive(Debug)]
pub struct Cluster {
    state: Arc<State>,
    folder: PathBuf,
    address: SocketAddr,
}

impl Cluster {
    /// Starts an API without objects. `name` is that of the test.
    #[must_use]
    pub fn start(name: &str) -> Self {
        let folder = env::temp_dir().join(format!("tlsight-cluster-{name}-{}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        let state = Arc::new(State::default());
        let (address, certificate) = server::start(Arc::clone(&state));
        let authority = data_encoding::BASE64.encode(certificate.as_bytes());
        let kubeconfig = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: test\n\
             clusters:\n- name: {CLUSTER}\n  cluster:\n    server: https://{address}\n    \
             certificate-authority-data: {authority}\n\
             contexts:\n- name: test\n  context:\n    cluster: {CLUSTER}\n    user: agent\n\
             users:\n- name: agent\n  user:\n    token: {}\n",
            request::TOKEN,
        );
        fs::write(folder.join("kubeconfig"), kubeconfig).unwrap();
        Self { state, folder, address }
    }

    /// A kubeconfig for it.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.join("kubeconfig")
    }

    /// A folder that is removed with the cluster.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Adds or changes an object, of the kind that it says it is.
    pub fn apply(&self, object: Value) {
        self.state.apply(object);
    }

    /// Deletes an object. `path` is that of its collection, such as `/api/v1/pods`.
    pub fn delete(&self, path: &str, name: &str) {
        self.state.delete(path, name);
    }

    /// Tells all watches of a collection which version is current.
    pub fn bookmark(&self, path: &str) {
        self.state.bookmark(path);
    }

    /// Writes a line into all watches of a collection as it is.
    pub fn write_line(&self, path: &str, line: &str) {
        self.state.raw(path, line);
    }

    /// Answers lists of a collection with `text` from now on; `None` ends that.
    pub fn answer_lists_with(&self, path: &str, text: Option<String>) {
        self.state.answer_lists_with(path, text);
    }

    /// Forgets all changes so far: who wants to go on from before gets 410.
    pub fn forget_history(&self) {
        self.state.forget_history();
    }

    /// Tells all watches that their version is too old, as an event.
    pub fn expire_watches(&self) {
        self.state.expire_watches();
    }

    /// Breaks all connections off.
    pub fn drop_connections(&self) {
        self.state.drop_connections();
    }

    /// Takes no connections from now on, and breaks those off that there are; or takes them again.
    pub fn set_reachable(&self, is_reachable: bool) {
        self.state.set_reachable(is_reachable);
    }

    /// Refuses a verb on a resource (`get jobs`) with 403.
    pub fn deny(&self, right: &str) {
        self.state.deny(right);
    }

    /// How often something was asked for: `list pods`, `watch nodes`, `get jobs`.
    #[must_use]
    pub fn requests(&self, what: &str) -> u64 {
        self.state.requests(what)
    }

    /// The queries of the requests so far.
    #[must_use]
    pub fn queries(&self, what: &str) -> Vec<String> {
        self.state.queries(what)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.state.end();
        fs::remove_dir_all(&self.folder).ok();
    }
}

/// Waits until `condition` holds, and fails the test if it does not within a minute.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Name of the cluster in the kubeconfig.
pub const CLUSTER: &str = "made-up";

const PATIENCE: Duration = Duration::from_secs(60);
