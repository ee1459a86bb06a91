//! Whether the API can be asked, and which of the rights that watching takes are given.

use std::fmt;
use std::time::Duration;

use kube::Client;
use kube::core::Request;
use kube::core::params::PostParams;
use serde::Deserialize;
use serde_json::json;
use tokio::runtime;
use tokio::time::timeout;

use super::answer::{Answer, NoAnswer};
use super::connect::{Connected, Connection, KubernetesError, connect};

/// What may be asked of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The rights that watching takes and that are not given.
    pub lacking: Vec<Right>,
}

/// A right of RBAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Right {
    /// `list`, `watch` or `get`.
    pub verb: &'static str,
    /// API group; empty for the core.
    pub group: &'static str,
    /// Plural of the kind.
    pub resource: &'static str,
}

impl Right {
    /// All that watching takes.
    pub const ALL: [Self; 8] = [
        Self { verb: "list", group: "", resource: "pods" },
        Self { verb: "watch", group: "", resource: "pods" },
        Self { verb: "list", group: "", resource: "services" },
        Self { verb: "watch", group: "", resource: "services" },
        Self { verb: "list", group: "", resource: "nodes" },
        Self { verb: "watch", group: "", resource: "nodes" },
        Self { verb: "get", group: "apps", resource: "replicasets" },
        Self { verb: "get", group: "batch", resource: "jobs" },
    ];
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)?;
        if self.group.is_empty() { Ok(()) } else { write!(f, ".{}", self.group) }
    }
}

/// Asks the API which rights are given.
///
/// # Errors
/// The configuration makes no sense, or the API does not answer within some seconds.
pub fn rights(connection: &Connection) -> Result<Access, KubernetesError> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(KubernetesError::Thread)?;
    let access = runtime.block_on(async {
        let asked = timeout(PATIENCE, async {
            let Connected { client, .. } = connect(connection).await?;
            let mut lacking = Vec::new();
            for right in Right::ALL {
                let is_given = is_given(&client, right).await;
                let is_given = is_given
                    .map_err(|error| KubernetesError::Silent { reason: error.to_string() })?;
                if !is_given {
                    lacking.push(right);
                }
            }
            Ok(Access { lacking })
        });
        asked.await.unwrap_or_else(|_| {
            Err(KubernetesError::Silent { reason: NoAnswer::Late(PATIENCE).to_string() })
        })
    });
    runtime.shutdown_background();
    access
}

async fn is_given(client: &Client, right: Right) -> Result<bool, NoAnswer> {
    let Right { verb, group, resource } = right;
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {
            "resourceAttributes": { "verb": verb, "group": group, "resource": resource },
        },
    });
    let request = Request::new("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews")
        .create(&PostParams::default(), review.to_string().into_bytes())
        .map_err(|error| NoAnswer::Failed(error.to_string()))?;
    let body = Answer::to(client, request).await?.whole(MAX_LEN).await?;
    let review: Review = serde_json::from_slice(&body).ok().ok_or(NoAnswer::Malformed)?;
    Ok(review.status.allowed)
}

#[derive(Deserialize)]
struct Review {
    status: ReviewStatus,
}

#[derive(Deserialize)]
struct ReviewStatus {
    allowed: bool,
}

/// A review is the question and a word.
const MAX_LEN: usize = 64 << 10;

/// Somebody waits for it.
const PATIENCE: Duration = Duration::from_secs(8);
