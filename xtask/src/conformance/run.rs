//! Running tlsight over the captures.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;

use anyhow::{Context, Result, anyhow, ensure};

use super::oracle::{Corpora, Sessions};
use super::packetbeat::{self, Golden};
use super::session::Session;

/// The settings that Packetbeat's golden files differ in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) send_certificates: bool,
    pub(super) include_raw_certificates: bool,
    pub(super) include_detailed_fields: bool,
    pub(super) fingerprints: Vec<String>,
}

impl Settings {
    /// Everything that an event can carry.
    pub(super) fn everything() -> Self {
        Self {
            send_certificates: true,
            include_raw_certificates: true,
            include_detailed_fields: true,
            fingerprints: ["md5", "sha1", "sha256"].map(str::to_owned).to_vec(),
        }
    }

    fn arguments(&self) -> Vec<String> {
        vec![
            format!("--send-certificates={}", self.send_certificates),
            format!("--include-raw-certificates={}", self.include_raw_certificates),
            format!("--include-detailed-fields={}", self.include_detailed_fields),
            format!("--fingerprints={}", self.fingerprints.join(",")),
        ]
    }
}

/// The program and the captures.
pub(super) struct Runner<'a> {
    pub(super) program: PathBuf,
    pub(super) corpora: &'a Corpora,
}

impl Runner<'_> {
    /// The sessions of every capture.
    ///
    /// # Errors
    /// If the program cannot be run on one of them.
    pub(super) fn all(&self) -> Result<Sessions> {
        let captures = self.corpora.captures()?;
        let settings = Settings::everything();
        self.each(&captures, |capture| Ok((capture.clone(), self.sessions(capture, &settings)?)))
    }

    /// The sessions of Packetbeat's captures, under its settings.
    ///
    /// # Errors
    /// If the program cannot be run on one of them.
    pub(super) fn golden(&self) -> Result<packetbeat::Outputs> {
        let golden = packetbeat::read(self.corpora)?;
        self.each(&golden, |case: &Golden| {
            Ok((case.file.clone(), self.sessions(&case.capture, &case.settings)?))
        })
    }

    /// Runs two programs at a time.
    fn each<T: Sync, V: Send>(
        &self,
        items: &[T],
        run: impl Fn(&T) -> Result<(String, V)> + Sync,
    ) -> Result<BTreeMap<String, V>> {
        let next = Mutex::new(items.iter());
        let worker = || {
            let mut done = Vec::new();
            loop {
                let item = next.lock().map_err(|_poisoned| anyhow!("a worker panicked"))?.next();
                match item {
                    Some(item) => done.push(run(item)?),
                    None => return Ok::<_, anyhow::Error>(done),
                }
            }
        };
        thread::scope(|scope| {
            let workers = [(); AT_A_TIME].map(|()| scope.spawn(worker));
            let mut all = BTreeMap::new();
            for worker in workers {
                all.extend(worker.join().map_err(|_panic| anyhow!("a worker panicked"))??);
            }
            Ok(all)
        })
    }

    fn sessions(&self, capture: &str, settings: &Settings) -> Result<Vec<Session>> {
        let path = self.corpora.path(capture);
        let mut command = Command::new(&self.program);
        command.args(["read", "--json"]).args(settings.arguments());
        let unzipped = (path.extension().is_some_and(|end| end == "gz")).then(|| unzip(&path));
        let mut unzipped = unzipped.transpose()?;
        match unzipped.as_mut().and_then(|child| child.stdout.take()) {
            Some(stdout) => command.arg("-").stdin(stdout),
            None => command.arg(&path),
        };
        let output =
            command.output().with_context(|| format!("cannot run {}", self.program.display()))?;
        // The command owns the reading end of the pipe: gzip would wait on it for ever.
        drop(command);
        if let Some(mut child) = unzipped {
            child.wait()?;
        }
        let errors = String::from_utf8_lossy(&output.stderr);
        // A damaged capture ends in an error after the events of its sound part.
        ensure!(
            output.status.code().is_some_and(|code| code < 2),
            "{capture}: {}: {errors}",
            output.status
        );
        let text =
            String::from_utf8(output.stdout).with_context(|| format!("output of {capture}"))?;
        let sessions = text.lines().map(Session::parse);
        let sessions: Result<Vec<Option<Session>>, _> = sessions.collect();
        let sessions = sessions.with_context(|| format!("output of {capture}"))?;
        Ok(sessions.into_iter().flatten().collect())
    }
}

fn unzip(path: &Path) -> Result<std::process::Child> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut gzip = Command::new("gzip");
    gzip.arg("-dc").stdin(file).stdout(Stdio::piped()).spawn().context("cannot run gzip")
}

/// Programs that run at the same time: as many as the smallest CI machine has cores.
const AT_A_TIME: usize = 2;
