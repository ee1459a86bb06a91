//! The manifests that are deployed.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use workload::Right;
use yaml_rust2::{Yaml, YamlLoader};

#[test]
fn the_manifest_gives_the_rights_that_are_needed_and_no_others() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/kubernetes/rbac.yaml");
    let objects = YamlLoader::load_from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let role = objects.iter().find(|object| object["kind"].as_str() == Some("ClusterRole"));
    let texts = |list: &Yaml| -> Vec<String> {
        list.as_vec().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let mut given = BTreeSet::new();
    for rule in role.unwrap()["rules"].as_vec().unwrap() {
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
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/kubernetes/sidecar.yaml");
    let objects = YamlLoader::load_from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let [map, pod] = &objects[..] else { panic!("{} objects", objects.len()) };
    assert_known::<ConfigMap>(map);
    assert_known::<Pod>(pod);
}

/// What is not known is not there any more when an object is written again.
fn assert_known<T: DeserializeOwned + Serialize>(object: &Yaml) {
    let written = json(object);
    let read: T = serde_json::from_value(written.clone()).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), written);
}

fn json(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::String(text) => text.as_str().into(),
        Yaml::Integer(number) => (*number).into(),
        Yaml::Boolean(is_so) => (*is_so).into(),
        Yaml::Array(list) => list.iter().map(json).collect(),
        Yaml::Hash(fields) => fields
            .iter()
            .map(|(name, value)| (name.as_str().unwrap().to_owned(), json(value)))
            .collect(),
        Yaml::Real(_) | Yaml::Alias(_) | Yaml::Null | Yaml::BadValue => panic!("{yaml:?}"),
    }
}
