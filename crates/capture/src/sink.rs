//! Where forged frames go.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use forge::{Frame, Frames};
use wire::{LinkType, Packet};

use crate::PcapngWriter;
#[cfg(target_os = "linux")]
use crate::live::LiveError;

/// Takes forged frames: a file, an interface, a device.
pub trait FrameSink {
    /// Sends the frames of a batch. Those that cannot be sent are dropped and counted.
    ///
    /// # Errors
    /// [`SinkError`] if the sink takes nothing at present; what is left of the batch is counted as
    /// dropped. An interface that is down may be up the next time.
    fn send(&mut self, frames: &Frames) -> Result<(), SinkError>;

    /// Makes what was sent visible to others.
    ///
    /// # Errors
    /// [`SinkError`] if that fails.
    fn flush(&mut self) -> Result<(), SinkError>;

    /// The longest IP packet that it takes in bytes, if there is a bound.
    fn mtu(&self) -> Option<u32>;

    /// What became of the frames so far.
    fn counters(&self) -> SinkCounters;
}

/// What became of the frames that a sink was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SinkCounters {
    /// Frames sent.
    pub frames: u64,
    /// Their bytes, from the Ethernet header on.
    pub bytes: u64,
    /// Frames that there was no room for, or for which the sink failed.
    pub dropped_frames: u64,
    /// Their bytes.
    pub dropped_bytes: u64,
    /// Frames that the sink can never take: too long, or at a time that it cannot tell. They are
    /// among those dropped.
    pub impossible_frames: u64,
    /// Frames that the interface dropped after it had taken them, if it tells; of all that send there.
    pub interface_dropped_frames: Option<u64>,
}

/// Why a sink takes nothing.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// A file.
    #[error("{path}: {source}")]
    File {
        /// Its path.
        path: Box<str>,
        /// What the system said.
        source: io::Error,
    },
    /// An interface.
    #[cfg(target_os = "linux")]
    #[error(transparent)]
    Interface(#[from] LiveError),
}

/// Writes frames to a pcapng file, with their times and comments.
pub struct FileSink<W: Write = BufWriter<File>> {
    writer: PcapngWriter<W>,
    path: Box<str>,
    counters: SinkCounters,
}

impl FileSink {
    /// Creates the file, or empties it.
    ///
    /// # Errors
    /// [`SinkError::File`] if it cannot be written.
    pub fn create(path: &Path) -> Result<Self, SinkError> {
        let shown = path.display().to_string();
        let file = File::create(path)
            .map_err(|source| SinkError::File { path: shown.as_str().into(), source })?;
        Self::new(BufWriter::new(file), &shown)
    }
}

impl<W: Write> FileSink<W> {
    /// Writes to `output`, which should be buffered; errors call it `path`.
    ///
    /// # Errors
    /// [`SinkError::File`] if it cannot be written.
    pub fn new(output: W, path: &str) -> Result<Self, SinkError> {
        match PcapngWriter::new(output, LinkType::ETHERNET, INTERFACE) {
            Ok(writer) => Ok(Self { writer, path: path.into(), counters: SinkCounters::default() }),
            Err(source) => Err(SinkError::File { path: path.into(), source }),
        }
    }

    /// Flushes what is buffered and gives the output back.
    ///
    /// # Errors
    /// [`SinkError::File`] if it cannot be written.
    pub fn finish(self) -> Result<W, SinkError> {
        let path = self.path;
        self.writer.finish().map_err(|source| SinkError::File { path, source })
    }

    fn failed(&self, source: io::Error) -> SinkError {
        SinkError::File { path: self.path.clone(), source }
    }
}

impl<W: Write> FrameSink for FileSink<W> {
    fn send(&mut self, frames: &Frames) -> Result<(), SinkError> {
        let mut failure = None;
        for frame in frames.iter() {
            if failure.is_some() {
                self.counters.drop(frame.bytes);
                continue;
            }
            match self.writer.write(&packet(&frame), frame.comment) {
                Ok(()) => self.counters.sent(frame.bytes),
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                    self.counters.impossible(frame.bytes);
                }
                Err(error) => {
                    self.counters.drop(frame.bytes);
                    failure = Some(error);
                }
            }
        }
        failure.map_or(Ok(()), |error| Err(self.failed(error)))
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        self.writer.flush().map_err(|error| self.failed(error))
    }

    fn mtu(&self) -> Option<u32> {
        None
    }

    fn counters(&self) -> SinkCounters {
        self.counters
    }
}

impl SinkCounters {
    pub(crate) const fn sent(&mut self, frame: &[u8]) {
        self.frames = self.frames.saturating_add(1);
        self.bytes = self.bytes.saturating_add(frame.len() as u64);
    }

    pub(crate) const fn drop(&mut self, frame: &[u8]) {
        self.dropped_frames = self.dropped_frames.saturating_add(1);
        self.dropped_bytes = self.dropped_bytes.saturating_add(frame.len() as u64);
    }

    pub(crate) const fn impossible(&mut self, frame: &[u8]) {
        self.drop(frame);
        self.impossible_frames = self.impossible_frames.saturating_add(1);
    }
}

fn packet<'a>(frame: &Frame<'a>) -> Packet<'a> {
    Packet {
        timestamp_ns: frame.at.as_nanos(),
        link_type: LinkType::ETHERNET,
        wire_len: u32::try_from(frame.bytes.len()).unwrap_or(u32::MAX),
        bytes: frame.bytes,
    }
}

/// What readers of the file show as where its packets come from.
const INTERFACE: &str = "mirror";
