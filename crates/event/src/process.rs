//! Who is behind an end of a session, where that is known.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use crate::json::ToJson;
use crate::time::Timestamp;

/// ECS `process`: a process, as it was when it first sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, ToJson)]
pub struct Process {
    /// Process id on the host (of the thread group).
    pub pid: u32,
    /// Name that the kernel keeps, at most 15 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Path of the program, as its own mounts have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executable: Option<String>,
    /// Arguments, the program's name first, with spaces between. What looks like a secret is
    /// replaced; it may be switched off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command_line: Option<String>,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<Timestamp>,
    /// Its user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,
    /// The process that made it, if that was still there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<ParentProcess>,
}

/// ECS `process.parent`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, ToJson)]
pub struct ParentProcess {
    /// Process id on the host.
    pub pid: u32,
    /// Name that the kernel keeps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Path of the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executable: Option<String>,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<Timestamp>,
}

/// ECS `process.user`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema, ToJson)]
pub struct User {
    /// Real user id on the host.
    pub id: String,
}

/// ECS `container`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema, ToJson)]
pub struct Container {
    /// Full id.
    pub id: Arc<str>,
    /// `docker`, `containerd`, `cri-o` or `podman`, where the cgroup tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<&'static str>,
    /// Name, where the runtime's files tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Arc<str>>,
    /// The image that it was made from, where the runtime's files tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<Arc<Image>>,
}

/// ECS `container.image`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema, ToJson)]
pub struct Image {
    /// Name without tag and digest, or the digest alone where there is no name.
    pub name: Arc<str>,
    /// Its tag, if it has one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tag: Vec<Arc<str>>,
    /// Digests that the image was asked for by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<ImageHash>,
}

/// ECS `container.image.hash`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema, ToJson)]
pub struct ImageHash {
    /// Such as `sha256:...`.
    pub all: Vec<Arc<str>>,
}

/// `tlsight.socket`: the local sockets of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema, ToJson)]
pub struct Sockets {
    /// The client's, if it is local.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<Socket>,
    /// The server's, if it is local.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<Socket>,
    /// Packets of these sockets that the ring to this program had no room for.
    #[serde(skip_serializing_if = "is_zero")]
    pub lost_packets: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes the field by reference")]
const fn is_zero(value: &u32) -> bool {
    *value == 0
}

/// One end of `tlsight.socket`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, ToJson)]
pub struct Socket {
    /// Number of its network namespace, as `/proc/PID/ns/net` has it.
    pub netns: u32,
    /// Its cgroup: that of the process which made it.
    pub cgroup: Cgroup,
}

/// A control group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, ToJson)]
pub struct Cgroup {
    /// Its id in the hierarchy of version 2.
    pub id: u64,
    /// Path of the process's cgroup.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<Arc<str>>,
}
