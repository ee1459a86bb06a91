//! The settings of `[kubernetes]`, and what becomes of them.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use event::Knowledge;
use serde::Deserialize;
use workload::{Connection, Options, PodNames, Status, WatchStatus, Workloads};

use crate::config::parsed;
use crate::message;
use crate::watch::COUNT_EVERY;

/// What one source of settings gives, or all of them together: nothing has a default of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KubernetesSettings {
    /// Whether the API is asked; if nothing is said, in a pod that may, or with a kubeconfig.
    pub(crate) enabled: Option<bool>,
    /// The kubeconfig that says how.
    pub(crate) kubeconfig: Option<PathBuf>,
    /// The node whose pods are told.
    pub(crate) node_name: Option<String>,
    /// Name of the cluster in events.
    pub(crate) cluster_name: Option<String>,
    /// Labels of pods that events have.
    pub(crate) pod_labels: Option<Vec<String>>,
}

impl KubernetesSettings {
    /// These settings, and where they say nothing, `next`.
    pub(crate) fn or(self, next: Self) -> Self {
        Self {
            enabled: self.enabled.or(next.enabled),
            kubeconfig: self.kubeconfig.or(next.kubeconfig),
            node_name: self.node_name.or(next.node_name),
            cluster_name: self.cluster_name.or(next.cluster_name),
            pod_labels: self.pod_labels.or(next.pod_labels),
        }
    }

    /// What the variables `TLSIGHT_KUBERNETES_*` say, and `NODE_NAME`, as manifests call it.
    ///
    /// # Errors
    /// A value that makes no sense.
    pub(crate) fn from_environment(
        variable: &impl Fn(&str) -> Result<Option<String>>,
    ) -> Result<Self> {
        let labels = variable("TLSIGHT_KUBERNETES_POD_LABELS")?;
        Ok(Self {
            enabled: parsed(variable, "TLSIGHT_KUBERNETES_ENABLED")?,
            kubeconfig: variable("TLSIGHT_KUBERNETES_KUBECONFIG")?.map(PathBuf::from),
            node_name: match variable("TLSIGHT_KUBERNETES_NODE_NAME")? {
                Some(name) => Some(name),
                None => variable("NODE_NAME")?,
            },
            cluster_name: variable("TLSIGHT_KUBERNETES_CLUSTER_NAME")?,
            pod_labels: labels
                .map(|keys| keys.split(',').map(|key| key.trim().to_owned()).collect()),
        })
    }

    /// Which API is asked, if one is.
    pub(crate) fn connection(&self) -> Option<Connection> {
        let is_wanted = self
            .enabled
            .unwrap_or_else(|| self.kubeconfig.is_some() || workload::runs_in_cluster());
        let path = self.kubeconfig.clone();
        is_wanted.then(|| path.map_or(Connection::Default, Connection::Kubeconfig))
    }

    /// Begins to find out what is behind the ends of sessions.
    ///
    /// # Errors
    /// Kubernetes was asked for, and how it is to be asked makes no sense.
    pub(crate) fn start(&self) -> Result<Workloads> {
        let Some(connection) = self.connection() else { return Ok(Workloads::start(None)?) };
        let is_asked_for = self.enabled == Some(true) || self.kubeconfig.is_some();
        match self.start_asking(connection) {
            Ok(workloads) => Ok(workloads),
            Err(error) if is_asked_for => Err(error).context("Kubernetes cannot be asked"),
            Err(error) => {
                message::error(&format!("Kubernetes cannot be asked, pods are unknown: {error:#}"));
                Ok(Workloads::start(None)?)
            }
        }
    }

    fn start_asking(&self, connection: Connection) -> Result<Workloads> {
        Ok(Workloads::start(Some(self.options(connection)?))?)
    }

    /// Begins to ask for nothing but the names of pods, whether or not Kubernetes is enabled.
    ///
    /// # Errors
    /// How it is to be asked makes no sense.
    pub(crate) fn pod_names(&self) -> Result<PodNames> {
        let path = self.kubeconfig.clone();
        let connection = path.map_or(Connection::Default, Connection::Kubeconfig);
        Ok(PodNames::start(self.options(connection)?)?)
    }

    fn options(&self, connection: Connection) -> Result<Options> {
        let node = match self.node_name.clone() {
            Some(name) => name,
            None => {
                let Some(name) = workload::default_node_name() else {
                    bail!("the name of this node is not known; give it with --node-name");
                };
                message::error(&format!(
                    "the name of this node is taken to be that of the host, {name}; --node-name \
                     (NODE_NAME) says it for certain"
                ));
                name
            }
        };
        Ok(Options {
            connection,
            node,
            cluster: self.cluster_name.clone(),
            labels: self.pod_labels.clone().unwrap_or_default(),
            stale_after: Options::STALE_AFTER,
            only_pods: false,
        })
    }
}

/// Says once that something cannot be watched, and once that it can again.
#[derive(Debug, Default)]
pub(crate) struct WatchTrouble {
    told: [bool; 3],
    looked_at: Option<Instant>,
}

impl WatchTrouble {
    /// Looks, if it is time to, and says what has changed.
    pub(crate) fn look(&mut self, status: impl FnOnce() -> Option<Status>) {
        if self.looked_at.is_some_and(|at| at.elapsed() < COUNT_EVERY) {
            return;
        }
        self.looked_at = Some(Instant::now());
        let Some(status) = status() else { return };
        for (told, watch) in self.told.iter_mut().zip(&status.watches) {
            if let Some(text) = change(*told, watch) {
                *told = !*told;
                message::error(&text);
            }
        }
    }
}

/// What is to be said of a watch whose trouble was told already, or not.
fn change(told: bool, watch: &WatchStatus) -> Option<String> {
    let name = watch.resource.name();
    match (&watch.trouble, watch.knowledge) {
        // A watch that breaks off and goes on at once is none.
        (Some(trouble), Knowledge::Stale | Knowledge::Unknown) if !told => {
            Some(format!("{name} of Kubernetes cannot be watched: {trouble}"))
        }
        (None, Knowledge::Known) if told => Some(format!("{name} of Kubernetes are watched again")),
        _ => None,
    }
}

/// The part of the configuration file for Kubernetes.
pub(crate) const DEFAULT_TABLE: &str = r#"
[kubernetes]
# Whether its API is asked for pods, what they belong to, services and nodes. If nothing is said, it
# is in a pod with a service account, or with a kubeconfig.
# enabled = true

# How it is asked, in place of the service account of the pod that this runs in.
# kubeconfig = "/etc/tlsight/kubeconfig"

# The node whose pods are told, which is this one. NODE_NAME says it too; without either, it is taken
# to be the name of the host.
# node_name = "node-1"

# Name of the cluster in orchestrator.cluster.name, in place of the kubeconfig's.
# cluster_name = "production"

# Labels of pods that events have in kubernetes.labels.
# pod_labels = ["app.kubernetes.io/name"]
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_is_asked_only_where_there_is_reason_to() {
        let settings = KubernetesSettings::default();
        assert_eq!(settings.connection(), None, "the tests run in no pod");
        let path = PathBuf::from("/a/kubeconfig");
        let with_file = KubernetesSettings { kubeconfig: Some(path.clone()), ..settings.clone() };
        assert_eq!(with_file.connection(), Some(Connection::Kubeconfig(path)));
        let off = KubernetesSettings { enabled: Some(false), ..with_file };
        assert_eq!(off.connection(), None);
        let on = KubernetesSettings { enabled: Some(true), ..settings };
        assert_eq!(on.connection(), Some(Connection::Default));
    }

    #[test]
    fn the_node_has_the_name_that_manifests_give_it() {
        let name = |variables: &[(&str, &str)]| {
            let settings = KubernetesSettings::from_environment(&|name: &str| {
                Ok(variables.iter().find(|(key, _)| *key == name).map(|(_, v)| (*v).to_owned()))
            });
            settings.unwrap().node_name
        };
        assert_eq!(name(&[("NODE_NAME", "a")]).as_deref(), Some("a"));
        let both = [("NODE_NAME", "a"), ("TLSIGHT_KUBERNETES_NODE_NAME", "b")];
        assert_eq!(name(&both).as_deref(), Some("b"));
    }

    #[test]
    fn trouble_is_told_once_and_its_end_too() {
        let watch = |trouble: Option<&str>, knowledge| WatchStatus {
            resource: workload::Resource::Pods,
            knowledge,
            objects: 0,
            lists: 0,
            watches: 0,
            gone: 0,
            failures: 0,
            malformed: 0,
            too_long: 0,
            over_limit: 0,
            trouble: trouble.map(str::to_owned),
        };
        assert_eq!(change(false, &watch(Some("x"), Knowledge::Known)), None);
        assert!(change(false, &watch(Some("x"), Knowledge::Stale)).unwrap().ends_with(": x"));
        assert_eq!(change(true, &watch(Some("x"), Knowledge::Stale)), None);
        assert!(change(true, &watch(None, Knowledge::Known)).is_some());
        assert_eq!(change(false, &watch(None, Knowledge::Known)), None);
    }
}
