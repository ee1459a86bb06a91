//! Which kinds of objects there are, for clients that ask before they do anything.

use serde_json::{Value, json};

/// The answer at a path of discovery; none at any other.
pub(crate) fn document(path: &str) -> Option<Value> {
    match path {
        "/api" => return Some(json!({ "kind": "APIVersions", "versions": ["v1"] })),
        "/apis" => {
            let groups: Vec<_> =
                GROUPS.iter().filter(|group| !group.name.is_empty()).map(of_group).collect();
            return Some(json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups }));
        }
        _ => {}
    }
    let version = path.strip_prefix("/api/").or_else(|| path.strip_prefix("/apis/"))?;
    let group = GROUPS.iter().find(|group| group.version() == version)?;
    let resources: Vec<_> = group
        .kinds
        .iter()
        .map(|(name, kind, namespaced)| {
            let verbs = ["create", "get", "list", "patch", "update", "watch"];
            json!({ "name": name, "singularName": "", "kind": kind, "namespaced": namespaced, "verbs": verbs })
        })
        .collect();
    Some(json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": version,
        "resources": resources,
    }))
}

fn of_group(group: &Group) -> Value {
    let version = json!({ "groupVersion": group.version(), "version": "v1" });
    json!({ "name": group.name, "versions": [version], "preferredVersion": version })
}

struct Group {
    name: &'static str,
    /// Plural, kind, and whether it is in a namespace.
    kinds: &'static [(&'static str, &'static str, bool)],
}

impl Group {
    fn version(&self) -> String {
        if self.name.is_empty() { "v1".to_owned() } else { format!("{}/v1", self.name) }
    }
}

const GROUPS: &[Group] = &[
    Group {
        name: "",
        kinds: &[
            ("configmaps", "ConfigMap", true),
            ("namespaces", "Namespace", false),
            ("nodes", "Node", false),
            ("persistentvolumeclaims", "PersistentVolumeClaim", true),
            ("pods", "Pod", true),
            ("secrets", "Secret", true),
            ("serviceaccounts", "ServiceAccount", true),
            ("services", "Service", true),
        ],
    },
    Group {
        name: "apps",
        kinds: &[
            ("daemonsets", "DaemonSet", true),
            ("deployments", "Deployment", true),
            ("replicasets", "ReplicaSet", true),
        ],
    },
    Group { name: "networking.k8s.io", kinds: &[("networkpolicies", "NetworkPolicy", true)] },
    Group { name: "policy", kinds: &[("poddisruptionbudgets", "PodDisruptionBudget", true)] },
    Group {
        name: "rbac.authorization.k8s.io",
        kinds: &[
            ("clusterrolebindings", "ClusterRoleBinding", false),
            ("clusterroles", "ClusterRole", false),
        ],
    },
];
