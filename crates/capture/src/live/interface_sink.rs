//! Forged frames to an interface.

use std::time::{Duration, Instant};

use forge::Frames;

use super::device;
use super::error::LiveError;
use super::sender::{PacketSender, QueueDiscipline};
use crate::sink::{FrameSink, SinkCounters, SinkError};

/// Sends frames on an interface, many in a system call.
pub struct InterfaceSink {
    sender: PacketSender,
    mtu: u32,
    counters: SinkCounters,
    dropped_before: Option<u64>,
}

impl InterfaceSink {
    /// Opens an interface to send on. Needs the capability `CAP_NET_RAW`.
    ///
    /// # Errors
    /// [`LiveError`] if the interface is not there, or the system refuses.
    pub fn open(interface: &str) -> Result<Self, LiveError> {
        let sender = PacketSender::open(interface, QueueDiscipline::Bypassed)?;
        let mtu = sender.mtu()?;
        let dropped_before = device::dropped_frames(interface);
        Ok(Self { sender, mtu, counters: SinkCounters::default(), dropped_before })
    }

    /// Sends the first of `batch`, which waits for room, and gives how many are done with.
    fn send_some(&mut self, batch: &[&[u8]]) -> Result<usize, LiveError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.sender.send(batch) {
                Ok(0) if Instant::now() >= deadline => {
                    batch.iter().for_each(|frame| self.counters.drop(frame));
                    return Ok(batch.len());
                }
                Ok(0) => self.sender.wait_for_room(PAUSE)?,
                Ok(sent) => {
                    batch.iter().take(sent).for_each(|frame| self.counters.sent(frame));
                    return Ok(sent);
                }
                Err(error) if error.is_too_long() => {
                    batch.iter().take(1).for_each(|frame| self.counters.impossible(frame));
                    return Ok(1);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl FrameSink for InterfaceSink {
    fn send(&mut self, frames: &Frames) -> Result<(), SinkError> {
        let mut failure = None;
        let mut frames = frames.iter();
        loop {
            let mut batch: [&[u8]; PacketSender::MAX_BATCH] = [&[]; PacketSender::MAX_BATCH];
            let mut count = 0;
            for (place, frame) in batch.iter_mut().zip(frames.by_ref()) {
                *place = frame.bytes;
                count += 1;
            }
            let mut rest = batch.get(..count).unwrap_or_default();
            if rest.is_empty() {
                return failure.map_or(Ok(()), |error: LiveError| Err(error.into()));
            }
            while !rest.is_empty() && failure.is_none() {
                match self.send_some(rest) {
                    Ok(done) => rest = rest.get(done..).unwrap_or_default(),
                    Err(error) => failure = Some(error),
                }
            }
            rest.iter().for_each(|frame| self.counters.drop(frame));
        }
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    fn mtu(&self) -> Option<u32> {
        Some(self.mtu)
    }

    fn counters(&self) -> SinkCounters {
        let dropped = device::dropped_frames(self.sender.interface());
        let dropped = dropped.zip(self.dropped_before).map(|(now, then)| now.saturating_sub(then));
        SinkCounters { interface_dropped_frames: dropped, ..self.counters }
    }
}

/// How long frames wait for room before they are dropped: what comes behind them waits as well.
const PATIENCE: Duration = Duration::from_millis(100);

/// A driver that has no room may still say that it has.
const PAUSE: Duration = Duration::from_millis(1);
