//! How a program is made to hand over its secrets.

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use handover::{Settings, VARIABLE};

use crate::message;

/// The library to preload: the one that is asked for, or the one that came with this program.
///
/// # Errors
/// If there is none.
pub(super) fn library(asked: Option<&Path>) -> Result<PathBuf> {
    if let Some(path) = asked {
        return path.canonicalize().with_context(|| format!("cannot find {}", path.display()));
    }
    let program = env::current_exe().context("cannot tell where this program is")?;
    let folder = program.parent().unwrap_or(Path::new("/"));
    let places = [folder.join(NAME), folder.join("../lib/tlsight").join(NAME)];
    let found = places.iter().find_map(|place| place.canonicalize().ok());
    found.with_context(|| {
        format!("there is no {NAME} in {} or ../lib/tlsight: name it with --shim", folder.display())
    })
}

/// A command that hands its secrets over as the settings say.
///
/// # Errors
/// If that cannot be told it.
pub(super) fn command(words: &[OsString], shim: &Path, settings: &Settings) -> Result<Command> {
    let Some((program, arguments)) = words.split_first() else { bail!("there is no program") };
    let Some(text) = settings.to_text() else {
        bail!("white space and commas cannot be told a program in a path, a pattern or a network");
    };
    if shim.as_os_str().as_encoded_bytes().iter().any(|byte| b" :\t\n".contains(byte)) {
        bail!("{} cannot be preloaded: its path has a colon or white space", shim.display());
    }
    if has_other_rights(program) {
        let program = program.display();
        message::error(&format!(
            "{program} runs with the rights of another user: nothing is preloaded into it"
        ));
    }
    let mut preload = shim.as_os_str().to_owned();
    if let Some(others) = env::var_os(PRELOAD).filter(|others| !others.is_empty()) {
        preload.push(":");
        preload.push(others);
    }
    let mut command = Command::new(program);
    command.args(arguments).env(PRELOAD, preload).env(VARIABLE, text);
    Ok(command)
}

/// Whether the loader will ignore what is to be preloaded (ld.so(8), secure-execution mode).
fn has_other_rights(program: &OsStr) -> bool {
    let folders = env::var_os("PATH").unwrap_or_default();
    let is_path = program.as_encoded_bytes().contains(&b'/');
    let own = is_path.then(|| PathBuf::from(program));
    let file = own.or_else(|| {
        env::split_paths(&folders).map(|folder| folder.join(program)).find(|file| file.is_file())
    });
    let mode = file.and_then(|file| file.metadata().ok()).map(|it| it.permissions().mode());
    mode.is_some_and(|mode| mode & SET_ID != 0)
}

const NAME: &str = "libtlsight_shim.so";

/// The variable of ld.so(8).
const PRELOAD: &str = "LD_PRELOAD";

/// `S_ISUID` and `S_ISGID`.
const SET_ID: u32 = 0o6000;
