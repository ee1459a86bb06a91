//! Packs: policies that come with the program, each with its source.

use serde::{Deserialize, Serialize};

use crate::document::Policy;
use crate::policy_error::{Flaw, PolicyError};

/// Policies that belong together, as of a date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pack {
    /// What tells it from others.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Date of its content, as `2026-11-21`.
    pub version: String,
    /// The documents that it follows, and what was not checked against them.
    pub source: String,
    /// Whether it is on where nobody chose.
    pub default: bool,
    /// Its policies.
    pub policies: Vec<Policy>,
}

impl Pack {
    /// Reads all packs that come with the program.
    ///
    /// # Errors
    /// None, as a test shows: they are constants.
    pub fn all() -> Result<Vec<Self>, PolicyError> {
        PACKS.iter().map(|(id, text)| Self::read(id, text)).collect()
    }

    fn read(id: &str, text: &str) -> Result<Self, PolicyError> {
        let mut pack: Self =
            serde_json::from_str(text).map_err(|error| Flaw::from(error).of_field(id))?;
        for policy in &mut pack.policies {
            policy.pack = Some(pack.id.clone());
        }
        Ok(pack)
    }
}

const PACKS: &[(&str, &str)] = &[
    ("core", include_str!("../packs/core.json")),
    ("stackrox-19001", include_str!("../packs/stackrox-19001.json")),
    ("pqc-readiness", include_str!("../packs/pqc-readiness.json")),
    ("cnsa2", include_str!("../packs/cnsa2.json")),
    ("nist-800-52r2", include_str!("../packs/nist-800-52r2.json")),
    ("nist-ir8547", include_str!("../packs/nist-ir8547.json")),
    ("pci-dss-4.0.1", include_str!("../packs/pci-dss-4.0.1.json")),
    ("bsi-tr-02102-2", include_str!("../packs/bsi-tr-02102-2.json")),
    ("mozilla-modern", include_str!("../packs/mozilla-modern.json")),
    ("mozilla-intermediate", include_str!("../packs/mozilla-intermediate.json")),
    ("drift", include_str!("../packs/drift.json")),
];
