//! How the secrets of each process with TLS can be taken.

use anyhow::{Context as _, Result};
use probe::{KeyWay, key_ways};
use serde::Serialize;

use crate::output::clean;

/// One process and one file with TLS in it.
#[derive(Serialize)]
struct Way {
    pid: u32,
    command: String,
    file: String,
    /// Whose function a probe can be put into while the process runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    attach: Option<&'static str>,
    /// Why no probe can be.
    #[serde(skip_serializing_if = "Option::is_none")]
    obstacle: Option<String>,
    /// Whether `tlsight run` works.
    run: bool,
}

/// Looks at all processes; gives lines, or one JSON object.
///
/// # Errors
/// If there is no `/proc`.
pub(super) fn report(as_json: bool) -> Result<String> {
    let ways: Vec<Way> =
        key_ways().context("cannot look at processes")?.into_iter().map(Way::new).collect();
    if as_json {
        let object = serde_json::json!({ "processes": ways });
        return Ok(format!("{}\n", serde_json::to_string_pretty(&object)?));
    }
    Ok(ways.iter().map(Way::line).collect())
}

impl Way {
    fn new(way: KeyWay) -> Self {
        let KeyWay { pid, command, path, attach, preload } = way;
        let (attach, obstacle) = match attach {
            Ok(source) => (Some(source.name()), None),
            Err(obstacle) => (None, Some(obstacle)),
        };
        Self { pid, command, file: path, attach, obstacle, run: preload }
    }

    fn line(&self) -> String {
        let how = match (self.attach, self.run) {
            (Some(library), true) => format!("--attach or `tlsight run` ({library})"),
            (Some(library), false) => format!("--attach ({library})"),
            (None, true) => "`tlsight run`".to_owned(),
            (None, false) => {
                format!("no way: {}", self.obstacle.as_deref().unwrap_or("it is not known"))
            }
        };
        let Self { pid, command, file, .. } = self;
        format!("{pid:>8}  {:16}  {how}  {}\n", clean(command), clean(file))
    }
}
