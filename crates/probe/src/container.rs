//! From the path of a cgroup to the container.

use std::sync::Arc;

use event::Container;

/// The container that a cgroup with this path belongs to, in the forms that runtimes use with
/// either version of cgroups, under systemd or not.
#[must_use]
pub fn container_of(path: &str) -> Option<Container> {
    let parts: Vec<&str> = path.split('/').collect();
    let (at, id, named) = parts.iter().enumerate().rev().find_map(|(at, part)| {
        let (id, runtime) = id_of(part)?;
        Some((at, id, runtime))
    })?;
    let above = at.checked_sub(1).and_then(|above| parts.get(above)).copied().unwrap_or_default();
    let runtime = named.or_else(|| match above {
        "docker" => Some("docker"),
        "libpod_parent" => Some("podman"),
        _ if above.starts_with("libpod") || path.contains("/machine.slice/libpod") => {
            Some("podman")
        }
        _ => None,
    });
    Some(Container { id: Arc::from(id), runtime, name: None, image: None })
}

/// The id in a component of a path, and the runtime if it names that.
fn id_of(part: &str) -> Option<(&str, Option<&'static str>)> {
    let name = part.strip_suffix(".scope").unwrap_or(part);
    // containerd with systemd's names: `SLICE:cri-containerd:ID`.
    let name = name.rsplit(':').next().unwrap_or(name);
    let by_prefix = PREFIXES
        .iter()
        .find_map(|(prefix, runtime)| Some((name.strip_prefix(prefix)?, Some(*runtime))));
    let has_containerd = part.contains(":cri-containerd:").then_some("containerd");
    let (id, runtime) = by_prefix.unwrap_or((name, has_containerd));
    let is_id = id.len() == ID_LEN
        && id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    is_id.then_some((id, runtime))
}

/// What runtimes put in front of the id. CRI-O's monitor is not the container itself.
const PREFIXES: [(&str, &str); 5] = [
    ("docker-", "docker"),
    ("cri-containerd-", "containerd"),
    ("nerdctl-", "containerd"),
    ("crio-", "cri-o"),
    ("libpod-", "podman"),
];

/// Hexadecimal digits of an id: a SHA-256 or as many random bytes.
const ID_LEN: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_runtime_is_told_by_its_paths() {
        for (path, runtime) in [
            ("/docker/ID", Some("docker")),
            ("/system.slice/docker-ID.scope", Some("docker")),
            ("/kubepods/besteffort/pod3f2c/ID", None),
            (
                "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod3f2c.slice/cri-containerd-ID.scope",
                Some("containerd"),
            ),
            ("/system.slice/kubepods-pod3f2c.slice:cri-containerd:ID", Some("containerd")),
            ("/kubepods.slice/kubepods-pod3f2c.slice/crio-ID.scope", Some("cri-o")),
            ("/kubepods.slice/kubepods-pod3f2c.slice/crio-ID.scope/container", Some("cri-o")),
            ("/machine.slice/libpod-ID.scope/container", Some("podman")),
            ("/user.slice/user-1000.slice/user@1000.service/libpod-ID.scope", Some("podman")),
            ("/libpod_parent/libpod-ID", Some("podman")),
        ] {
            let id = "0123456789abcdef".repeat(4);
            let found = container_of(&path.replace("ID", &id));
            let expected = Container { id: id.into(), runtime, name: None, image: None };
            assert_eq!(found, Some(expected), "{path}");
        }
    }

    #[test]
    fn what_is_no_container_is_none() {
        let id = "0123456789abcdef".repeat(4);
        for path in ["/", "", "/system.slice/ssh.service", "/docker", "/docker/0123456789abcdef"] {
            assert_eq!(container_of(path), None, "{path}");
        }
        assert_eq!(container_of(&format!("/kubepods.slice/crio-conmon-{id}.scope")), None);
    }
}
