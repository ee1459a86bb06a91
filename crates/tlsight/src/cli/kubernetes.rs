//! How the API of Kubernetes is asked.

use std::path::PathBuf;

use clap::Args;

use super::either;
use crate::kubernetes::KubernetesSettings;

/// How the API of Kubernetes is asked.
#[derive(Debug, Args)]
#[command(next_help_heading = "Kubernetes")]
#[group(id = "kubernetes_args", multiple = true)]
pub(crate) struct KubernetesArgs {
    /// Ask the API of Kubernetes [default: in a pod that may, or with --kubeconfig]
    #[arg(long, overrides_with = "no_kubernetes")]
    kubernetes: bool,

    /// Do not ask it
    #[arg(long, overrides_with = "kubernetes")]
    no_kubernetes: bool,

    #[command(flatten)]
    api: ApiArgs,

    /// Name of the cluster in the events [default: that in the kubeconfig]
    #[arg(long, value_name = "NAME")]
    cluster_name: Option<String>,

    /// Label of pods that events have; all others are left out
    #[arg(long, value_name = "KEY", value_delimiter = ',')]
    pod_label: Vec<String>,
}

/// Which API is asked, and for which node.
#[derive(Debug, Args)]
#[command(next_help_heading = "Kubernetes")]
#[group(id = "kubernetes_api_args", multiple = true)]
pub(crate) struct ApiArgs {
    /// How the API of Kubernetes is asked [default: as the pod's service account]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,

    /// This node's name in the cluster [default: NODE_NAME, or the host's name]
    #[arg(long, value_name = "NAME")]
    node_name: Option<String>,
}

impl ApiArgs {
    /// The settings that flags give.
    pub(crate) fn settings(&self) -> KubernetesSettings {
        KubernetesSettings {
            kubeconfig: self.kubeconfig.clone(),
            node_name: self.node_name.clone(),
            ..KubernetesSettings::default()
        }
    }
}

impl KubernetesArgs {
    /// The settings that flags give.
    pub(crate) fn settings(&self) -> KubernetesSettings {
        KubernetesSettings {
            enabled: either(self.kubernetes, self.no_kubernetes),
            cluster_name: self.cluster_name.clone(),
            pod_labels: (!self.pod_label.is_empty()).then(|| self.pod_label.clone()),
            ..self.api.settings()
        }
    }
}
