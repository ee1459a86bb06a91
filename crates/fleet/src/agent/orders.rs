//! Policies and settings that the server has sent. They are in force after a restart, too.

use std::path::{Path, PathBuf};

use prost::Message as _;

use super::{Host, clean, files};
use crate::digest::policies_digest;
use crate::limits::MOST_TO_AGENT;
use crate::v1::{Policies, Settings};

/// What is in force of what the server has sent, and why something is not.
#[derive(Debug)]
pub(super) struct Orders {
    folder: PathBuf,
    pub(super) policies_digest: Vec<u8>,
    pub(super) policies_error: String,
    pub(super) settings_revision: u64,
    pub(super) settings_error: String,
}

impl Orders {
    /// Puts in force what an earlier process was sent.
    pub(super) fn open(folder: &Path, host: &dyn Host) -> Self {
        let mut orders = Self {
            folder: folder.to_owned(),
            policies_digest: Vec::new(),
            policies_error: String::new(),
            settings_revision: 0,
            settings_error: String::new(),
        };
        if let Some(policies) = read::<Policies>(folder, POLICIES, host) {
            orders.use_policies(policies, host);
        }
        if let Some(settings) = read::<Settings>(folder, SETTINGS, host) {
            orders.use_settings(&settings, host);
        }
        orders
    }

    /// Takes policies.
    pub(super) fn policies(&mut self, policies: Policies, host: &dyn Host) {
        let bytes = policies.encode_to_vec();
        if self.use_policies(policies, host) {
            self.keep(POLICIES, &bytes, host);
        }
    }

    /// Takes settings.
    pub(super) fn settings(&mut self, settings: &Settings, host: &dyn Host) {
        if self.use_settings(settings, host) {
            self.keep(SETTINGS, &settings.encode_to_vec(), host);
        }
    }

    /// Whether they are in force.
    fn use_policies(&mut self, policies: Policies, host: &dyn Host) -> bool {
        if policies_digest(&policies.documents).as_slice() != policies.digest {
            "the digest is not that of the documents".clone_into(&mut self.policies_error);
            return false;
        }
        match host.take_policies(policies.documents) {
            Ok(()) => {
                self.policies_digest = policies.digest;
                self.policies_error.clear();
                true
            }
            Err(error) => {
                self.policies_error = clean(&error);
                host.tell(&format!("policies of the server are not in use: {error}"));
                false
            }
        }
    }

    fn use_settings(&mut self, settings: &Settings, host: &dyn Host) -> bool {
        match host.take_settings(&settings.toml) {
            Ok(()) => {
                self.settings_revision = settings.revision;
                self.settings_error.clear();
                true
            }
            Err(error) => {
                self.settings_error = clean(&format!("revision {}: {error}", settings.revision));
                host.tell(&format!("settings of the server are not in use: {error}"));
                false
            }
        }
    }

    fn keep(&self, name: &str, bytes: &[u8], host: &dyn Host) {
        let path = self.folder.join(name);
        if let Err(error) = files::write(&path, bytes) {
            host.tell(&format!("{}: {error}; it will be sent again", path.display()));
        }
    }
}

/// What is in a file, if that can be read; the server sends it again otherwise.
fn read<M: prost::Message + Default>(folder: &Path, name: &str, host: &dyn Host) -> Option<M> {
    let path = folder.join(name);
    let told = |why: &dyn std::fmt::Display| host.tell(&format!("{}: {why}", path.display()));
    match files::read(&path, MOST_TO_AGENT as u64) {
        Ok(None) => None,
        Ok(Some(bytes)) => M::decode(bytes.as_slice()).map_err(|error| told(&error)).ok(),
        Err(error) => {
            told(&error);
            None
        }
    }
}

const POLICIES: &str = "policies";

const SETTINGS: &str = "settings";
