//! The folder of captures, and the programs whose outputs lie in it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::compare::Tally;
use super::session::Session;
use super::{arkime, packetbeat, suricata, tshark, zeek};
use crate::workspace;

/// What tlsight said about every capture, by the capture's path below the folder.
pub(super) type Sessions = BTreeMap<String, Output>;

/// What tlsight said about one capture.
pub(super) struct Output {
    /// The sessions.
    pub(super) sessions: Vec<Session>,
    /// Whether the capture could be read to its end.
    pub(super) complete: bool,
}

/// The sessions of one capture.
pub(super) fn sessions_of<'a>(all: &'a Sessions, capture: &str) -> &'a [Session] {
    all.get(capture).map_or(&[][..], |output| output.sessions.as_slice())
}

/// A folder of captures with expected outputs.
pub(super) struct Corpora {
    root: PathBuf,
}

impl Corpora {
    /// The folder, or nothing if there is none.
    pub(super) fn open(root: &Path) -> Option<Self> {
        root.join("tshark_counts.tsv").is_file().then(|| Self { root: root.to_path_buf() })
    }

    /// The folder that the tests use, if there is one.
    #[cfg(test)]
    pub(super) fn for_tests() -> Option<Self> {
        let found = Self::open(&workspace::root().join(super::CORPORA));
        if found.is_none() {
            println!("skipped: there is no folder {} with captures", super::CORPORA);
        }
        found
    }

    /// The path of a file of the folder.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The text of a file of the folder.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn text(&self, name: &str) -> Result<String> {
        let bytes = fs::read(self.path(name)).with_context(|| format!("cannot read {name}"))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The names of the files below `folder` whose name ends in `suffix`.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub(super) fn files(&self, folder: &str, suffix: &str) -> Result<Vec<String>> {
        let paths = workspace::files(&self.path(folder), suffix)?;
        let names = paths.iter().filter_map(|path| path.strip_prefix(&self.root).ok());
        Ok(names.map(|name| name.to_string_lossy().into_owned()).collect())
    }

    /// The names of all captures: those that tshark's table lists.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub(super) fn captures(&self) -> Result<Vec<String>> {
        Ok(tshark::read(self)?.into_iter().map(|row| row.capture).collect())
    }
}

/// Runs every oracle.
///
/// # Errors
/// If an oracle's files cannot be read.
pub(super) fn compare(
    corpora: &Corpora,
    sessions: &Sessions,
    golden: &packetbeat::Outputs,
) -> Result<Tally> {
    let mut tally = Tally::default();
    tshark::compare(corpora, sessions, &mut tally)?;
    zeek::compare(corpora, sessions, &mut tally)?;
    packetbeat::compare(corpora, golden, &mut tally)?;
    arkime::compare(corpora, sessions, &mut tally)?;
    suricata::compare(corpora, sessions, &mut tally)?;
    Ok(tally)
}

/// The oracles, in the order of the report.
pub(super) const NAMES: &[&str] = &[
    tshark::NAME,
    zeek::SSL,
    zeek::X509,
    zeek::QUIC,
    packetbeat::NAME,
    arkime::NAME,
    arkime::JA4,
    suricata::NAME,
];
