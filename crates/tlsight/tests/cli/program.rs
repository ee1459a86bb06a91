//! Runs the program as its users do.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// What a run of the program gave.
pub(crate) struct Run {
    pub(crate) status: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("output is UTF-8")
    }

    /// The lines, each of which must be JSON.
    pub(crate) fn json(&self) -> Vec<Value> {
        let text = self.text();
        assert!(text.is_empty() || text.ends_with('\n'), "the last line is whole");
        text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
    }

    /// The lines that are sessions.
    pub(crate) fn sessions(&self) -> Vec<Value> {
        self.json().into_iter().filter(|line| line["event"]["dataset"] == "tls").collect()
    }
}

/// Runs `tlsight ARGS...` with an environment that says nothing.
pub(crate) fn tlsight<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Run {
    with_environment(args, &[])
}

/// Runs `tlsight ARGS...` with `variables` set.
pub(crate) fn with_environment<A: AsRef<OsStr>>(
    args: impl IntoIterator<Item = A>,
    variables: &[(&str, &str)],
) -> Run {
    finish(command(args, variables).stdin(Stdio::null()), None)
}

/// Runs `tlsight ARGS...` with `input` on standard input.
pub(crate) fn with_input<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>, input: &[u8]) -> Run {
    finish(command(args, &[]).stdin(Stdio::piped()), Some(input))
}

/// The command that runs `tlsight ARGS...`.
pub(crate) fn command<A: AsRef<OsStr>>(
    args: impl IntoIterator<Item = A>,
    variables: &[(&str, &str)],
) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tlsight"));
    command.args(args).env_clear().envs(variables.iter().copied());
    command
}

fn finish(command: &mut Command, input: Option<&[u8]>) -> Run {
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    if let Some(input) = input {
        let mut stdin = child.stdin.take().expect("standard input is piped");
        stdin.write_all(input).expect("the program reads its input");
    }
    let output = child.wait_with_output().expect("the program ends");
    Run {
        status: output.status.code().expect("the program is not killed"),
        stdout: output.stdout,
        stderr: String::from_utf8(output.stderr).expect("messages are UTF-8"),
    }
}

/// The folder of the captures.
pub(crate) fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata")
}

/// The capture of a case.
pub(crate) fn capture(case: &str) -> PathBuf {
    let folder = testdata().join(case);
    let mut files = folder
        .read_dir()
        .expect("the case is there")
        .map(|entry| entry.expect("the folder can be listed").path());
    files
        .find(|path| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("input."))
        })
        .expect("a case has a capture")
}

/// The bytes of the capture of a case, which is not compressed.
pub(crate) fn capture_bytes(case: &str) -> Vec<u8> {
    std::fs::read(capture(case)).expect("the capture can be read")
}

/// A file of a test's own, removed with the value.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str, bytes: &[u8]) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&path, bytes).expect("the scratch folder can be written to");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).ok();
    }
}
