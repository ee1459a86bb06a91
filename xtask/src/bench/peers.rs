//! The programs that are measured.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::captures::Capture;

/// A program and how it is called.
#[derive(Debug)]
pub(super) struct Peer {
    /// What the table calls it.
    pub(super) name: String,
    program: PathBuf,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Floor,
    Tlsight { workers: u32 },
    Suricata,
    Tshark,
}

impl Peer {
    /// The loop that touches headers and does nothing else.
    pub(super) fn floor(program: PathBuf) -> Self {
        Self { name: "floor: headers".to_owned(), program, kind: Kind::Floor }
    }

    /// tlsight with this many workers, complete records as NDJSON.
    pub(super) fn tlsight(program: &Path, workers: u32) -> Self {
        let name = format!("tlsight, {workers} worker{}", if workers == 1 { "" } else { "s" });
        Self { name, program: program.to_owned(), kind: Kind::Tlsight { workers } }
    }

    /// The peers that are installed.
    pub(super) fn installed() -> Vec<Self> {
        let peer = |name: &str, program: &str, kind| {
            Some(Self { name: name.to_owned(), program: find(program)?, kind })
        };
        let suricata = peer("Suricata, bypass", "suricata", Kind::Suricata);
        let tshark = peer("tshark, JA3 and SNI", "tshark", Kind::Tshark);
        suricata.into_iter().chain(tshark).collect()
    }

    /// Whether it is so slow that it is run once, and not on bulk transfers.
    pub(super) fn is_slow(&self) -> bool {
        self.kind == Kind::Tshark
    }

    pub(super) fn is_tlsight(&self) -> bool {
        matches!(self.kind, Kind::Tlsight { .. })
    }

    /// Whether it writes a record for each session.
    pub(super) fn writes_records(&self) -> bool {
        matches!(self.kind, Kind::Tlsight { .. } | Kind::Suricata)
    }

    /// The command that reads `capture`. Records go to standard output, or to `records` where a
    /// program wants a file; logs go to `work`.
    pub(super) fn command(
        &self,
        capture: &Capture,
        root: &Path,
        work: &Path,
        records: &Path,
    ) -> Result<Vec<OsString>> {
        let mut command: Vec<OsString> = vec![self.program.clone().into()];
        let file = capture.path.as_os_str().to_owned();
        match self.kind {
            Kind::Floor => command.extend(["read-hdr".into(), file]),
            Kind::Tlsight { workers } => {
                command.extend(["read", "--json", "--workers"].map(OsString::from));
                command.extend([workers.to_string().into(), file]);
            }
            Kind::Suricata => {
                let logs = work.join("suricata");
                std::fs::create_dir_all(&logs)?;
                command.extend(["--runmode", "single", "-k", "none", "-c"].map(OsString::from));
                command.push(root.join("xtask/bench/suricata.yaml").into());
                command.extend(["-S".into(), "/dev/null".into(), "-l".into(), logs.into()]);
                let mut eve = OsString::from("outputs.0.eve-log.filename=");
                eve.push(records);
                command.extend(["--set".into(), eve, "-r".into(), file]);
            }
            Kind::Tshark => {
                command.extend(
                    ["-n", "-2", "-T", "fields", "-Y", "tls.handshake"].map(OsString::from),
                );
                for field in TSHARK_FIELDS {
                    command.extend(["-e".into(), field.into()]);
                }
                command.extend(["-r".into(), file]);
            }
        }
        Ok(command)
    }
}

/// The program `name` on the path of this process.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// The build of tlsight that is installed, made first.
pub(super) fn build_tlsight(root: &Path) -> Result<PathBuf> {
    let status = std::process::Command::new("cargo")
        .args(["build", "--profile", "dist", "--locked", "--package", "tlsight"])
        .current_dir(root)
        .status()
        .context("cargo cannot be run")?;
    anyhow::ensure!(status.success(), "tlsight does not build: {status}");
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Ok(target.join("dist/tlsight"))
}

const TSHARK_FIELDS: [&str; 5] = [
    "tls.handshake.type",
    "tls.handshake.extensions_server_name",
    "tls.handshake.ja3",
    "tls.handshake.ja3s",
    "tls.handshake.ciphersuite",
];
