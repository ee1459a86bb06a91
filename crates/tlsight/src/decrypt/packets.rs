//! Clear text as packets.

use std::path::Path;

use anyhow::Result;
use capture::{FileSink, FrameSink as _, SinkError};
use event::Timestamp;
use forge::{Forger, Frames, Record, Settings};

use super::Output;

/// A capture of sessions without TLS.
pub(super) struct Packets {
    forger: Forger,
    frames: Frames,
    sink: FileSink,
    last: Timestamp,
    failure: Option<SinkError>,
}

impl Packets {
    pub(super) fn create(path: &Path) -> Result<Self> {
        Ok(Self {
            forger: Forger::new(Settings::default()),
            frames: Frames::new(),
            sink: FileSink::create(path)?,
            last: Timestamp::default(),
            failure: None,
        })
    }

    fn send(&mut self) {
        if let Err(error) = self.sink.send(&self.frames) {
            self.failure.get_or_insert(error);
        }
        self.frames.clear();
    }
}

impl Output for Packets {
    fn take(&mut self, record: &Record<'_>) {
        self.last = self.last.max(record.at);
        self.forger.handle(record, &mut self.frames);
        if self.frames.is_full() {
            self.send();
        }
    }

    fn finish(&mut self) -> Result<()> {
        while self.forger.open_connections() > 0 {
            self.forger.finish(self.last, &mut self.frames);
            self.send();
        }
        self.send();
        self.sink.flush()?;
        self.failure.take().map_or(Ok(()), |error| Err(error.into()))
    }
}
