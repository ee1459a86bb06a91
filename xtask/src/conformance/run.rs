//! Running tlsight over the captures.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::thread;

use anyhow::{Context, Result, anyhow, bail};

use super::oracle::{Corpora, Output, Sessions};
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

    fn variables(&self) -> [(&'static str, String); 4] {
        [
            ("TLSIGHT_SEND_CERTIFICATES", self.send_certificates.to_string()),
            ("TLSIGHT_INCLUDE_RAW_CERTIFICATES", self.include_raw_certificates.to_string()),
            ("TLSIGHT_INCLUDE_DETAILED_FIELDS", self.include_detailed_fields.to_string()),
            ("TLSIGHT_FINGERPRINTS", self.fingerprints.join(",")),
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
        self.each(&captures, |capture| Ok((capture.clone(), self.read(capture, &settings)?)))
    }

    /// The sessions of Packetbeat's captures, under its settings.
    ///
    /// # Errors
    /// If the program cannot be run on one of them.
    pub(super) fn golden(&self) -> Result<packetbeat::Outputs> {
        let golden = packetbeat::read(self.corpora)?;
        self.each(&golden, |case: &Golden| {
            Ok((case.file.clone(), self.read(&case.capture, &case.settings)?.sessions))
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

    fn read(&self, capture: &str, settings: &Settings) -> Result<Output> {
        let output = Command::new(&self.program)
            .args(["read", "--json"])
            .arg(self.corpora.path(capture))
            .envs(settings.variables())
            .output()
            .with_context(|| format!("cannot run {}", self.program.display()))?;
        let complete = match output.status.code() {
            Some(0) => true,
            Some(1) => false,
            _ => bail!("{capture}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr)),
        };
        let text =
            String::from_utf8(output.stdout).with_context(|| format!("output of {capture}"))?;
        let sessions: Result<Vec<_>, _> = text.lines().map(Session::parse).collect();
        let sessions = sessions.with_context(|| format!("output of {capture}"))?;
        Ok(Output { sessions: sessions.into_iter().flatten().collect(), complete })
    }
}

/// Programs that run at the same time: as many as the smallest CI machine has cores.
const AT_A_TIME: usize = 2;
