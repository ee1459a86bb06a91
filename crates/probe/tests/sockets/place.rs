//! A cgroup of this process, for one test at a time.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::{env, fs, process};

use probe::{Options, SocketCapture};

/// Runs a test that captures at the sockets of this process alone, or skips it, aloud.
pub(crate) fn with_capture(options: Options, test: impl FnOnce(SocketCapture)) {
    // The process has one cgroup, and each test is to see its own sockets only.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let opened = own_cgroup().and_then(|cgroup| {
        let options = Options { cgroup: Some(cgroup), ..options };
        SocketCapture::open(&options).map_err(|error| error.to_string())
    });
    match opened {
        Ok(capture) => test(capture),
        Err(obstacle) => {
            assert!(env::var_os("CI").is_none(), "sockets cannot be tested: {obstacle}");
            println!("skipped: {obstacle}");
        }
    }
}

fn own_cgroup() -> Result<PathBuf, String> {
    let root = probe::cgroup_root().map_err(|error| error.to_string())?;
    let path = root.join(format!("tlsight-ring-{}", process::id()));
    fs::create_dir_all(&path)
        .and_then(|()| fs::write(path.join("cgroup.procs"), process::id().to_string()))
        .map_err(|error| error.to_string())?;
    Ok(path)
}
