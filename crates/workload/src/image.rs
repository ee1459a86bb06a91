//! References to images.

use std::sync::Arc;

use event::{Image, ImageHash};

/// The parts of a reference such as `registry:5000/team/app:1.2@sha256:...`; `None` if it is empty
/// or longer than any registry takes.
pub(crate) fn image(reference: &str) -> Option<Arc<Image>> {
    let is_plain = reference.bytes().all(|byte| byte.is_ascii_graphic());
    if reference.is_empty() || reference.len() > MAX_REFERENCE_LEN || !is_plain {
        return None;
    }
    let (name, digest) = match reference.split_once('@') {
        Some((name, digest)) => (name, Some(digest).filter(|digest| !digest.is_empty())),
        None if reference.starts_with("sha256:") => ("", Some(reference)),
        None => (reference, None),
    };
    // A colon before the last slash is that of the registry's port.
    let (name, tag) = match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (name, None),
    };
    let name = if name.is_empty() { digest? } else { name };
    Some(Arc::new(Image {
        name: Arc::from(name),
        tag: tag.filter(|tag| !tag.is_empty()).map(Arc::from).into_iter().collect(),
        hash: digest.map(|digest| ImageHash { all: vec![Arc::from(digest)] }),
    }))
}

/// A name has 255 characters at most, a tag 128, a digest of SHA-512 135 (OCI distribution
/// specification, "Pulling manifests").
const MAX_REFERENCE_LEN: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_of_reference_has_its_parts() {
        let digest = format!("sha256:{}", "0f".repeat(32));
        for (reference, name, tag, hash) in [
            ("nginx", "nginx", None, None),
            ("nginx:1.25", "nginx", Some("1.25"), None),
            ("localhost:5000/team/app", "localhost:5000/team/app", None, None),
            ("localhost:5000/app:v1@DIGEST", "localhost:5000/app", Some("v1"), Some(&*digest)),
            ("quay.io/a/b@DIGEST", "quay.io/a/b", None, Some(&*digest)),
            ("DIGEST", &*digest, None, Some(&*digest)),
        ] {
            let image = image(&reference.replace("DIGEST", &digest)).expect(reference);
            assert_eq!(&*image.name, name);
            assert_eq!(image.tag.first().map(|tag| &**tag), tag);
            assert_eq!(image.hash.as_ref().map(|hash| &*hash.all[0]), hash);
        }
    }

    #[test]
    fn what_is_no_reference_is_none() {
        for wrong in ["", "@", ":", "a b", "caf\u{e9}", "x\u{1b}[2J", &"x".repeat(1025)] {
            assert_eq!(image(wrong), None, "{wrong}");
        }
    }
}
