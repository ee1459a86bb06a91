//! From the path of a cgroup to the pod.

/// The unique id of the pod that a cgroup with this path belongs to, in the forms of the kubelet's
/// two cgroup drivers: `/kubepods/besteffort/podUID/...` and, under systemd, where `_` stands for
/// `-`, `/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-podUID.slice/...`.
///
/// That of a static pod is the hash of its configuration, which the API has as an annotation.
#[must_use]
pub fn pod_uid(path: &str) -> Option<String> {
    if !path.contains("kubepods") {
        return None;
    }
    path.split('/').rev().find_map(|part| {
        // containerd with systemd's names: `SLICE:cri-containerd:ID`.
        let slice = part.split(':').next().unwrap_or(part);
        let uid = match slice.strip_suffix(".slice") {
            Some(name) => name.rsplit_once("-pod")?.1,
            None => slice.strip_prefix("pod")?,
        };
        let uid = uid.replace('_', "-");
        is_uid(&uid).then_some(uid)
    })
}

/// A UUID (RFC 9562 section 4), or the MD5 of a static pod's configuration.
fn is_uid(text: &str) -> bool {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    match text.len() {
        UUID_LEN => text
            .bytes()
            .enumerate()
            .all(|(at, byte)| if DASHES.contains(&at) { byte == b'-' } else { is_hex(byte) }),
        MD5_LEN => text.bytes().all(is_hex),
        _ => false,
    }
}

const UUID_LEN: usize = 36;
const MD5_LEN: usize = 32;
const DASHES: [usize; 4] = [8, 13, 18, 23];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_cgroup_driver_is_understood() {
        let (uid, with_dashes) =
            ("0a1b2c3d_4e5f_6071_8293_a4b5c6d7e8f9", "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9");
        let id = "0123456789abcdef".repeat(4);
        for path in [
            format!("/kubepods/besteffort/pod{with_dashes}/{id}"),
            format!("/kubepods/pod{with_dashes}/{id}"),
            format!("/kubepods/pod{with_dashes}"),
            format!(
                "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{uid}.slice/cri-containerd-{id}.scope"
            ),
            format!("/kubepods.slice/kubepods-pod{uid}.slice/crio-{id}.scope/container"),
            format!(
                "/system.slice/containerd.service/kubepods-burstable-pod{uid}.slice:cri-containerd:{id}"
            ),
            format!("/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod{uid}.slice/{id}"),
        ] {
            assert_eq!(pod_uid(&path).as_deref(), Some(with_dashes), "{path}");
        }
        let of_a_static_pod = format!("/kubepods/burstable/pod{}/{id}", "0f".repeat(16));
        assert_eq!(pod_uid(&of_a_static_pod), Some("0f".repeat(16)));
    }

    #[test]
    fn what_is_no_pod_is_none() {
        for path in [
            "",
            "/",
            "/kubepods",
            "/kubepods/besteffort",
            "/kubepods.slice/kubepods-pod1.slice",
            "/kubepods/podXa1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9",
            "/kubepods/pod0a1b2c3d-4e5f-6071-8293+a4b5c6d7e8f9",
            "/user.slice/pod0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9",
        ] {
            assert_eq!(pod_uid(path), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn any_path_gives_a_uid_or_none(path in "/kubepods[a-z0-9_:./\u{e9}-]{0,80}") {
            prop_assert!(pod_uid(&path).is_none_or(|uid| is_uid(&uid)));
        }
    }
}
