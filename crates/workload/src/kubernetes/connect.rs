//! Which API is asked, and as whom.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};

/// Which API is asked, and as whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Connection {
    /// As the service account of the pod that this runs in; where there is none, as the default
    /// kubeconfig (`KUBECONFIG`, `~/.kube/config`) says.
    Default,
    /// As the current context of a kubeconfig says.
    Kubeconfig(PathBuf),
}

/// Why Kubernetes cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum KubernetesError {
    /// The kubeconfig cannot be read, or makes no sense.
    #[error("cannot use the kubeconfig {}: {reason}", path.display())]
    Kubeconfig {
        /// Its place.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// There is neither a service account nor a kubeconfig.
    #[error("no cluster is known: {reason}")]
    NoCluster {
        /// What was looked for.
        reason: String,
    },
    /// The certificates or the credentials make no sense.
    #[error("cannot connect as the configuration says: {reason}")]
    Client {
        /// What is wrong with them.
        reason: String,
    },
    /// No thread can be made, or no runtime in it.
    #[error("cannot begin to watch")]
    Thread(#[source] io::Error),
    /// The API does not answer, or not what it should.
    #[error("the API does not answer: {reason}")]
    Silent {
        /// What happened.
        reason: String,
    },
}

/// Whether this runs in a pod of Kubernetes that may ask its API.
#[must_use]
pub fn runs_in_cluster() -> bool {
    env::var_os("KUBERNETES_SERVICE_HOST").is_some() && Path::new(TOKEN).exists()
}

/// The name that the kubelet gives its node unless it is told another: that of the host.
#[must_use]
pub fn default_node_name() -> Option<String> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    let name = name.trim().to_ascii_lowercase();
    (!name.is_empty()).then_some(name)
}

/// A client, and the name of the cluster if the kubeconfig has one.
pub(crate) struct Connected {
    pub(crate) client: Client,
    pub(crate) cluster: Option<String>,
}

/// Makes a client; nothing is sent yet.
///
/// # Errors
/// The configuration cannot be read or makes no sense.
pub(crate) async fn connect(connection: &Connection) -> Result<Connected, KubernetesError> {
    let (mut config, cluster) = match connection {
        Connection::Kubeconfig(path) => from_kubeconfig(path).await?,
        Connection::Default if runs_in_cluster() => {
            let config = kube::Config::incluster()
                .map_err(|error| KubernetesError::NoCluster { reason: error.to_string() })?;
            (config, None)
        }
        Connection::Default => {
            let kubeconfig = Kubeconfig::read().map_err(|error| KubernetesError::NoCluster {
                reason: format!("this is no pod of one, and the default kubeconfig: {error}"),
            })?;
            resolve(kubeconfig).await.map_err(|reason| KubernetesError::NoCluster { reason })?
        }
    };
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.read_timeout = Some(READ_TIMEOUT);
    let client = Client::try_from(config)
        .map_err(|error| KubernetesError::Client { reason: chain_of(&error) })?;
    Ok(Connected { client, cluster })
}

async fn from_kubeconfig(path: &Path) -> Result<(kube::Config, Option<String>), KubernetesError> {
    let failed = |reason: String| KubernetesError::Kubeconfig { path: path.to_owned(), reason };
    let kubeconfig = Kubeconfig::read_from(path).map_err(|error| failed(chain_of(&error)))?;
    resolve(kubeconfig).await.map_err(failed)
}

async fn resolve(kubeconfig: Kubeconfig) -> Result<(kube::Config, Option<String>), String> {
    let current = kubeconfig.current_context.as_deref();
    let context = kubeconfig.contexts.iter().find(|context| Some(&*context.name) == current);
    let cluster = context.and_then(|context| Some(context.context.as_ref()?.cluster.clone()));
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .map_err(|error| chain_of(&error))?;
    Ok((config, cluster))
}

/// An error with all that caused it, in a line.
pub(crate) fn chain_of(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    for _ in 0..MAX_CAUSES {
        let Some(cause) = next else { break };
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text.chars().take(MAX_REASON_LEN).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Where Kubernetes puts the token of a pod's service account.
const TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Longer than a watch lasts ([`super::watch::WATCH_SECONDS`]), so that only a dead connection meets
/// it.
const READ_TIMEOUT: Duration = Duration::from_secs(super::watch::WATCH_SECONDS as u64 + 15);

/// An error of a request has its causes down to the socket's.
const MAX_CAUSES: usize = 8;

/// A reason is a line that people read.
const MAX_REASON_LEN: usize = 512;
