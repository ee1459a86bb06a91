//! The manifest of the rights that watching takes.

use std::collections::BTreeSet;

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
