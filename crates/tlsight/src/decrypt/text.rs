//! Clear text as it is.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use forge::{ConnectionId, Record, RecordKind, Side};

use super::Output;

/// Clear text to standard output, with a line in front of each piece that says whose it is.
#[derive(Default)]
pub(super) struct Text {
    ends: HashMap<ConnectionId, [SocketAddr; 2]>,
    /// Who wrote last.
    last: Option<(ConnectionId, Side)>,
    failure: Option<io::Error>,
}

impl Text {
    fn write(&mut self, record: &Record<'_>) -> io::Result<()> {
        let connection = record.connection;
        let mut out = io::stdout().lock();
        match &record.kind {
            RecordKind::Opened(opened) => {
                self.ends.insert(connection, [opened.client, opened.server]);
            }
            RecordKind::Data { sender, bytes, .. } => {
                let Some([client, server]) = self.ends.get(&connection) else { return Ok(()) };
                if self.last.replace((connection, *sender)) != Some((connection, *sender)) {
                    let (from, to) = match sender {
                        Side::Client => (client, server),
                        Side::Server => (server, client),
                    };
                    writeln!(out, "\n== {from} > {to}")?;
                }
                if out.is_terminal() {
                    write!(out, "{}", bytes.utf8_chunks().map(shown).collect::<String>())?;
                } else {
                    out.write_all(bytes)?;
                }
            }
            RecordKind::Missing { len, .. } => {
                writeln!(out, "\n== {len} bytes are missing")?;
                self.last = None;
            }
            RecordKind::Closed(_) => drop(self.ends.remove(&connection)),
        }
        Ok(())
    }
}

/// Text that does nothing to a terminal.
fn shown(chunk: std::str::Utf8Chunk<'_>) -> String {
    let mut text = String::new();
    for letter in chunk.valid().chars() {
        match letter {
            '\n' | '\t' => text.push(letter),
            '\r' => {}
            _ if letter.is_control() => text.extend(letter.escape_default()),
            _ => text.push(letter),
        }
    }
    text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    text
}

impl Output for Text {
    fn take(&mut self, record: &Record<'_>) {
        if self.failure.is_none()
            && let Err(error) = self.write(record)
        {
            self.failure = Some(error);
        }
    }

    fn finish(&mut self) -> Result<()> {
        io::stdout().flush()?;
        self.failure.take().map_or(Ok(()), |error| Err(error.into()))
    }
}

/// Clear text to files, one for each side of each connection.
pub(super) struct Streams {
    directory: PathBuf,
    names: HashMap<ConnectionId, String>,
    failure: Option<io::Error>,
}

impl Streams {
    pub(super) fn new(directory: &Path) -> Result<Self> {
        fs::create_dir_all(directory)
            .with_context(|| format!("cannot create {}", directory.display()))?;
        Ok(Self { directory: directory.to_owned(), names: HashMap::new(), failure: None })
    }

    fn write(&mut self, record: &Record<'_>) -> io::Result<()> {
        match &record.kind {
            RecordKind::Opened(opened) => {
                let ConnectionId(number) = record.connection;
                let [client, server] = [opened.client, opened.server].map(|end| {
                    format!("{}_{}", end.ip().to_string().replace(':', "-"), end.port())
                });
                self.names.insert(record.connection, format!("{number:06}-{client}-{server}"));
                Ok(())
            }
            RecordKind::Data { sender, bytes, .. } => self.append(record, *sender, bytes),
            RecordKind::Missing { sender, len, .. } => {
                self.append(record, *sender, format!("\n[{len} bytes are missing]\n").as_bytes())
            }
            RecordKind::Closed(_) => {
                self.names.remove(&record.connection);
                Ok(())
            }
        }
    }

    /// Files are not kept open: there may be more of them than a process may have.
    fn append(&self, record: &Record<'_>, sender: Side, bytes: &[u8]) -> io::Result<()> {
        let Some(name) = self.names.get(&record.connection) else { return Ok(()) };
        let side = match sender {
            Side::Client => "client",
            Side::Server => "server",
        };
        let path = self.directory.join(format!("{name}.{side}"));
        OpenOptions::new().create(true).append(true).open(path)?.write_all(bytes)
    }
}

impl Output for Streams {
    fn take(&mut self, record: &Record<'_>) {
        if self.failure.is_none()
            && let Err(error) = self.write(record)
        {
            self.failure = Some(error);
        }
    }

    fn finish(&mut self) -> Result<()> {
        let directory = self.directory.display();
        let failure = self.failure.take();
        failure.map_or(Ok(()), |error| Err(error).context(format!("cannot write to {directory}")))
    }
}
