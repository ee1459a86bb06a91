//! What container runtimes keep in files of a container.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use event::Image;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::image::image;

/// What a runtime says of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Description {
    pub(crate) name: Option<Arc<str>>,
    pub(crate) image: Option<Arc<Image>>,
    /// Whose files these are, where that is certain.
    pub(crate) runtime: Option<&'static str>,
}

/// Looks for a container in the files below `root` (`/` on a host) of all runtimes.
///
/// # Errors
/// None of them has it. If one does but cannot be read or understood, that is the error.
pub(crate) fn describe(root: &Path, id: &str) -> Result<Description, Unreadable> {
    let mut found = Err(Unreadable::Absent);
    for source in SOURCES {
        let result = source(root, id);
        match result {
            Ok(description) => return Ok(description),
            Err(Unreadable::Absent) => {}
            Err(_) => found = result,
        }
    }
    found
}

/// Why a runtime's file says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// There is no such file, or it does not know the container.
    Absent,
    /// It must not be read.
    Refused,
    /// It is longer than [`MAX_FILE_LEN`].
    TooLong,
    /// It is not of the form that it should be.
    Malformed,
}

type Source = fn(&Path, &str) -> Result<Description, Unreadable>;

const SOURCES: [Source; 3] = [bundle, docker, storage];

/// The OCI bundle of containerd's CRI plug-in, or of CRI-O, with the annotations of each.
fn bundle(root: &Path, id: &str) -> Result<Description, Unreadable> {
    let mut found = Err(Unreadable::Absent);
    for (folder, runtime) in BUNDLES {
        let path = root.join(folder.replace("ID", id));
        match read::<Bundle>(&path) {
            Ok(Bundle { annotations }) if annotations.says_something() => {
                let Annotations { cri_name, name, cri_image, crio_image, .. } = annotations;
                let found = Description::new(cri_name.or(name), cri_image.or(crio_image));
                return Ok(Description { runtime: Some(runtime), ..found });
            }
            Ok(_) | Err(Unreadable::Absent) => {}
            Err(error) => found = Err(error),
        }
    }
    found
}

/// Docker's own file of a container.
fn docker(root: &Path, id: &str) -> Result<Description, Unreadable> {
    let path = root.join(format!("var/lib/docker/containers/{id}/config.v2.json"));
    let DockerContainer { name, config } = read(&path)?;
    let name = name.map(|name| name.strip_prefix('/').unwrap_or(&name).to_owned());
    Ok(Description { runtime: Some("docker"), ..Description::new(name, config.image) })
}

/// The list of containers of containers/storage: that of podman, and of CRI-O.
fn storage(root: &Path, id: &str) -> Result<Description, Unreadable> {
    let containers: Vec<StoredContainer> =
        read(&root.join("var/lib/containers/storage/overlay-containers/containers.json"))?;
    let found = containers.into_iter().find(|container| container.id == id);
    let StoredContainer { names, metadata, .. } = found.ok_or(Unreadable::Absent)?;
    // Text that is JSON itself, of which each user of the library has a form of its own.
    let metadata: StoredMetadata = serde_json::from_str(&metadata).unwrap_or_default();
    let name = metadata.metadata_name.or(metadata.name).or_else(|| names.into_iter().next());
    Ok(Description::new(name, metadata.image_name))
}

impl Description {
    fn new(name: Option<String>, reference: Option<String>) -> Self {
        let name = name.filter(|name| !name.is_empty() && name.len() <= MAX_NAME_LEN);
        let image = reference.as_deref().and_then(image);
        Self { name: name.map(Arc::from), image, runtime: None }
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, Unreadable> {
    let bytes = read_bytes(path).map_err(|error| {
        let is_absent =
            matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
        if is_absent { Unreadable::Absent } else { Unreadable::Refused }
    })?;
    if bytes.len() > MAX_FILE_LEN {
        return Err(Unreadable::TooLong);
    }
    serde_json::from_slice(&bytes).ok().ok_or(Unreadable::Malformed)
}

fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE_LEN as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[derive(Deserialize)]
struct Bundle {
    #[serde(default)]
    annotations: Annotations,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Annotations {
    #[serde(rename = "io.kubernetes.cri.container-name")]
    cri_name: Option<String>,
    #[serde(rename = "io.kubernetes.cri.image-name")]
    cri_image: Option<String>,
    #[serde(rename = "io.kubernetes.container.name")]
    name: Option<String>,
    #[serde(rename = "io.kubernetes.cri-o.ImageName")]
    crio_image: Option<String>,
}

impl Annotations {
    const fn says_something(&self) -> bool {
        self.cri_name.is_some()
            || self.name.is_some()
            || self.cri_image.is_some()
            || self.crio_image.is_some()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerContainer {
    name: Option<String>,
    #[serde(default)]
    config: DockerConfig,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerConfig {
    image: Option<String>,
}

#[derive(Deserialize)]
struct StoredContainer {
    id: String,
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    metadata: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct StoredMetadata {
    image_name: Option<String>,
    metadata_name: Option<String>,
    name: Option<String>,
}

/// Where bundles are, with `ID` for the container's. Docker's of the namespace `moby` say nothing.
const BUNDLES: [(&str, &str); 3] = [
    ("run/containerd/io.containerd.runtime.v2.task/k8s.io/ID/config.json", "containerd"),
    ("run/containers/storage/overlay-containers/ID/userdata/config.json", "cri-o"),
    ("var/lib/containers/storage/overlay-containers/ID/userdata/config.json", "cri-o"),
];

/// In bytes. A bundle has some tens of kilobytes; the list of containers of containers/storage half a
/// kilobyte each, so that thousands fit.
const MAX_FILE_LEN: usize = 4 << 20;

/// No runtime makes longer names: Kubernetes' have 63 characters, CRI-O's of several of them 320.
const MAX_NAME_LEN: usize = 512;

#[cfg(test)]
mod tests;
