//! Objects, as their authors and Kubernetes write them.

use serde_json::{Value, json};

/// A pod that runs.
#[must_use]
pub fn pod(namespace: &str, name: &str, uid: &str, node: &str, ip: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": uid,
            "labels": { "app.kubernetes.io/name": name, "pod-template-hash": "5d8" },
            "managedFields": [{ "manager": "kubelet", "fieldsV1": { "f:status": {} } }],
        },
        "spec": { "nodeName": node, "containers": [{ "name": "main", "image": "image:1" }] },
        "status": { "phase": "Running", "podIP": ip, "podIPs": [{ "ip": ip }] },
    })
}

/// An object of `apps` or `batch`, such as a `ReplicaSet`.
#[must_use]
pub fn owner(api_version: &str, kind: &str, namespace: &str, name: &str, uid: &str) -> Value {
    json!({
        "apiVersion": api_version,
        "kind": kind,
        "metadata": { "name": name, "namespace": namespace, "uid": uid },
        "spec": { "replicas": 1 },
    })
}

/// `object`, controlled by `controller`.
#[must_use]
pub fn owned_by(mut object: Value, controller: &Value) -> Value {
    let reference = json!([{
        "apiVersion": controller["apiVersion"],
        "kind": controller["kind"],
        "name": controller["metadata"]["name"],
        "uid": controller["metadata"]["uid"],
        "controller": true,
        "blockOwnerDeletion": true,
    }]);
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("ownerReferences".to_owned(), reference);
    }
    object
}

/// A service with an address.
#[must_use]
pub fn service(namespace: &str, name: &str, uid: &str, ip: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": { "name": name, "namespace": namespace, "uid": uid },
        "spec": { "type": "ClusterIP", "clusterIP": ip, "clusterIPs": [ip] },
        "status": { "loadBalancer": {} },
    })
}

/// A node with an address.
#[must_use]
pub fn node(name: &str, uid: &str, ip: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": { "name": name, "uid": uid },
        "status": { "addresses": [
            { "type": "InternalIP", "address": ip },
            { "type": "Hostname", "address": name },
        ] },
    })
}
