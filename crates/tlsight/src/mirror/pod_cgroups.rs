//! Where the cgroups of pods are.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use workload::pod_uid;

/// The hierarchy of cgroups of version 2, as far as there are pods in it.
pub(crate) struct PodCgroups {
    root: PathBuf,
    /// Cgroups below which the kubelet has put those of all pods.
    places: BTreeSet<PathBuf>,
    searched_at: Option<Instant>,
}

impl PodCgroups {
    /// A hierarchy, by the directory of its root.
    pub(crate) const fn below(root: PathBuf) -> Self {
        Self { root, places: BTreeSet::new(), searched_at: None }
    }

    /// The directories of each pod, by its unique id, at this moment.
    pub(crate) fn find(&mut self) -> BTreeMap<String, Vec<PathBuf>> {
        if self.searched_at.is_none_or(|at| at.elapsed() >= SEARCH_EVERY) {
            self.searched_at = Some(Instant::now());
            self.places = self.search();
        }
        let mut pods: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        let mut left: Vec<PathBuf> = self.places.iter().flat_map(|it| with_pods(it)).collect();
        let mut looks = 0;
        while let Some(path) = left.pop() {
            let below = path.strip_prefix(&self.root).ok().and_then(Path::to_str);
            if let Some(uid) = below.and_then(pod_uid) {
                pods.entry(uid).or_default().push(path);
            } else if looks < MAX_CGROUPS {
                looks += 1;
                left.extend(children(&path));
            }
        }
        pods
    }

    /// Cgroups in which there is one with pods.
    fn search(&self) -> BTreeSet<PathBuf> {
        let mut places = BTreeSet::new();
        let mut left = vec![(self.root.clone(), 0)];
        let mut looks = 0;
        while let Some((path, depth)) = left.pop() {
            if looks == MAX_CGROUPS {
                break;
            }
            looks += 1;
            for child in children(&path) {
                if is_of_pods(&child) {
                    places.insert(path.clone());
                } else if depth < MAX_DEPTH {
                    left.push((child, depth + 1));
                }
            }
        }
        places
    }
}

/// Cgroups in another one that have pods in them, by their names.
fn with_pods(path: &Path) -> impl Iterator<Item = PathBuf> {
    children(path).filter(|child| is_of_pods(child))
}

fn is_of_pods(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.contains("kubepods"))
}

fn children(path: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|it| it.path())
}

/// The kubelet puts its pods somewhere when it begins, and no process of theirs runs at once.
const SEARCH_EVERY: Duration = Duration::from_secs(5);

/// Deepest cgroup with pods in it that is found: those of a node in a container are five levels down.
const MAX_DEPTH: usize = 8;

/// Cgroups that are looked into: hosts have some hundreds. Pods that are not found are not allowed.
const MAX_CGROUPS: usize = 20_000;

#[cfg(test)]
mod tests {
    use super::*;

    const UID: &str = "1a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";

    #[test]
    fn pods_are_found_under_both_drivers_and_on_nodes_in_containers() {
        let root = Root::new("drivers");
        let made = [
            root.make(&format!("kubepods/besteffort/pod{UID}")),
            root.make(&format!(
                "a.scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod{}.slice",
                "2a1b2c3d_4e5f_6071_8293_a4b5c6d7e8f9"
            )),
        ];
        fs::create_dir(made[0].join("0123")).unwrap();
        root.make("system.slice/podman.service");
        let found = PodCgroups::below(root.0.clone()).find();
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[UID], made[..1]);
        assert_eq!(found["2a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"], made[1..]);
    }

    #[test]
    fn pods_that_come_and_go_are_seen_at_the_next_look() {
        let root = Root::new("changes");
        root.make("kubepods/burstable");
        let mut cgroups = PodCgroups::below(root.0.clone());
        assert!(cgroups.find().is_empty());
        let path = root.make(&format!("kubepods/burstable/pod{UID}"));
        assert_eq!(cgroups.find()[UID], std::slice::from_ref(&path));
        fs::remove_dir(path).unwrap();
        assert!(cgroups.find().is_empty());
    }

    /// A directory that is removed in the end.
    struct Root(PathBuf);

    impl Root {
        fn new(test: &str) -> Self {
            let name = format!("tlsight-pod-cgroups-{test}-{}", std::process::id());
            let root = Self(std::env::temp_dir().join(name));
            fs::create_dir_all(&root.0).unwrap();
            root
        }

        fn make(&self, path: &str) -> PathBuf {
            let path = self.0.join(path);
            fs::create_dir_all(&path).unwrap();
            path
        }
    }

    impl Drop for Root {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).ok();
        }
    }
}
