//! Parts of one download, by turns with the programs of an observer attached and without them: the same
//! processes, the same connection, the same memory.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::elsewhere::{Elsewhere, HERE};
use super::programs::Programs;
use super::traffic::{LARGE, Lane};

/// Which ends of a connection are seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Ends {
    Both,
    /// That of the server: the client is elsewhere.
    Server,
}

/// The same number of bytes of a download twice, one right after the other.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Window {
    pub(super) ends: Ends,
    pub(super) with: Part,
    pub(super) without: Part,
}

/// What the bytes of one window took.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) seconds: f64,
    /// CPU seconds of the lane: of the server, and of the client if that is seen.
    pub(super) cpu_s: f64,
}

impl Window {
    /// All those of one download.
    pub(super) fn measure(lane: &Lane, programs: &Programs, ends: Ends) -> Result<Vec<Self>> {
        programs.attach()?;
        let mut download = Download::begin(lane, ends)?;
        download.window()?;
        programs.detach()?;
        let mut part = |is_seen: bool| -> Result<Part> {
            programs.attach()?;
            if !is_seen {
                programs.detach()?;
            }
            std::thread::sleep(FILLING);
            let begin = lane.cpu_s()?;
            let seconds = download.window()?;
            let cpu_s = lane.cpu_s()? - begin;
            if is_seen {
                programs.detach()?;
            }
            Ok(Part { seconds, cpu_s })
        };
        (0..WINDOWS / 2)
            .map(|turn| {
                let first = part(turn % 2 == 0)?;
                let second = part(turn % 2 != 0)?;
                let (with, without) = if turn % 2 == 0 { (first, second) } else { (second, first) };
                Ok(Self { ends, with, without })
            })
            .collect()
    }
}

/// A download that goes on as it is asked to, until it is dropped.
struct Download {
    client: Child,
    asked: ChildStdin,
    told: BufReader<ChildStdout>,
    /// Where the client is, if it is not to be seen.
    _elsewhere: Option<Elsewhere>,
}

impl Download {
    fn begin(lane: &Lane, ends: Ends) -> Result<Self> {
        let elsewhere = (ends == Ends::Server).then(Elsewhere::make).transpose()?;
        let (mut command, server) = match &elsewhere {
            None => (lane.client(lane.clients()), "127.0.0.1"),
            Some(elsewhere) => (elsewhere.command(lane.clients()), HERE),
        };
        let mut client = command
            .args(["windows", &format!("/{}", LARGE.0), &WINDOW_LEN.to_string()])
            .arg(format!("{server}:{}", lane.port()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let asked = client.stdin.take().context("no input")?;
        let told = BufReader::new(client.stdout.take().context("no output")?);
        Ok(Self { client, asked, told, _elsewhere: elsewhere })
    }

    /// The seconds that the next window takes.
    fn window(&mut self) -> Result<f64> {
        self.asked.write_all(b"\n")?;
        let mut line = String::new();
        if self.told.read_line(&mut line)? == 0 {
            bail!("the client ended: {:?}", self.client.wait()?);
        }
        Ok(line.trim().parse()?)
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        self.client.kill().ok();
        self.client.wait().ok();
    }
}

/// Bytes of a window: many times what sockets hold.
pub(super) const WINDOW_LEN: u64 = 32 << 20;

/// Windows of a download, all of them within the large file.
const WINDOWS: u64 = 120;
const _: () = assert!((WINDOWS + 1) * WINDOW_LEN <= LARGE.1);

/// For the sockets to fill, before each window.
const FILLING: Duration = Duration::from_millis(30);
