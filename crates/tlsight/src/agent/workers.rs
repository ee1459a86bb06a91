//! The workers: from packets to lines, until the run ends.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use capture::{LiveCapture, LiveError};
use event::{Losses, Timestamp};
use probe::{Batch, CutOff, SocketCapture};
use workload::Workloads;

use super::monitor::{Stage, seconds};
use super::{Agent, LONGEST_WAIT};
use crate::Outcome;
use crate::message;
use crate::pipeline::Worker;
use crate::watch::{self, COUNT_EVERY, interface_losses, wall_clock};
use crate::watch_sockets::{self, poll, socket_losses};

/// Watches the sockets.
///
/// # Errors
/// The kernel refuses to go on.
pub(super) fn watch_sockets(
    agent: &Agent<'_>,
    mut capture: SocketCapture,
    workloads: Option<Workloads>,
) -> Result<Outcome> {
    let mut worker = agent.setup.socket_worker();
    if let Some(workloads) = workloads {
        worker = worker.with_workloads(workloads);
    }
    let mut batch = Batch::default();
    let mut pulse = Pulse::new(agent, 0);
    let mut outcome = Outcome::Done;
    while !agent.setup.run.is_stopped() {
        if let Some(choices) = agent.live.changed(&mut pulse.known) {
            worker.set_settings(choices.settings);
            capture.set_command_lines(choices.command_lines);
        }
        if let Some(ring) = capture.ring_use() {
            pulse.ring(ring.used, ring.len);
        }
        if !poll(&mut capture, LONGEST_WAIT, &mut batch)? {
            outcome = Outcome::Incomplete;
            break;
        }
        pulse.packets(batch.packets().next().map(|(_, packet)| packet.timestamp_ns));
        worker.handle_batch(&batch, &mut capture)?;
        worker.end_batch(wall_clock(), Some(&mut capture))?;
        pulse.beat(|| socket_losses(&worker, &capture), &worker);
    }
    watch_sockets::take_rest(&mut worker, &mut capture, &mut batch)?;
    pulse.count(socket_losses(&worker, &capture), &worker);
    worker.finish_batches(Some(&mut capture))?;
    Ok(outcome)
}

/// Watches an interface, as one of several workers.
///
/// # Errors
/// The kernel refuses to go on, or the interface is gone.
pub(super) fn watch_interface<'a>(
    agent: &'a Agent<'a>,
    number: usize,
    mut capture: LiveCapture,
    cut_off: Option<&'a Mutex<CutOff>>,
) -> Result<Outcome> {
    let mut worker = agent.setup.worker();
    if cut_off.is_some() {
        worker.want_bulk_flows();
    }
    // One filter serves all workers.
    let mut pulse = Pulse { cut_off: cut_off.filter(|_| number == 0), ..Pulse::new(agent, number) };
    while !agent.setup.run.is_stopped() {
        if let Some(choices) = agent.live.changed(&mut pulse.known) {
            worker.set_settings(choices.settings);
        }
        let (used, all) = capture.ring_use();
        let block_len = u64::from(capture::DEFAULT_BLOCK_LEN);
        pulse.ring((used as u64).saturating_mul(block_len), (all as u64).saturating_mul(block_len));
        match capture.poll(LONGEST_WAIT) {
            Ok(Some(block)) => {
                pulse.packets(block.packets().next().map(|packet| packet.timestamp_ns));
                worker.handle_packets(block.packets())?;
            }
            Ok(None) => {}
            Err(error @ LiveError::Down { .. }) => message::error(&error.to_string()),
            Err(error) => return Err(error.into()),
        }
        worker.end_block(wall_clock())?;
        if let Some(cut_off) = cut_off {
            worker.cut_off(cut_off, wall_clock());
        }
        pulse.beat(|| interface_losses(&worker, &mut capture), &worker);
    }
    watch::take_rest(&mut worker, &mut capture)?;
    pulse.count(interface_losses(&worker, &mut capture), &worker);
    worker.finish()?;
    Ok(Outcome::Done)
}

/// What a worker tells of itself.
struct Pulse<'a> {
    agent: &'a Agent<'a>,
    worker: usize,
    cut_off: Option<&'a Mutex<CutOff>>,
    /// Number of the settings that it has.
    known: u64,
    counted_at: Option<Instant>,
    used: u64,
    peak: u64,
    len: u64,
}

impl<'a> Pulse<'a> {
    fn new(agent: &'a Agent<'a>, worker: usize) -> Self {
        Self { agent, worker, cut_off: None, known: 0, counted_at: None, used: 0, peak: 0, len: 0 }
    }

    /// Takes note of how full the ring is.
    fn ring(&mut self, used: u64, len: u64) {
        self.used = self.used.max(used);
        self.peak = self.peak.max(used);
        self.len = len;
    }

    /// Takes note of packets of which the oldest is of this time.
    fn packets(&self, oldest_ns: Option<i64>) {
        if let Some(oldest) = oldest_ns {
            let lag = wall_clock().nanos_since(Timestamp::from_nanos(oldest));
            self.agent.monitor.lag(Stage::Capture, seconds(lag));
        }
    }

    /// Says that the worker is at work and, once a second, what it has counted.
    fn beat(&mut self, losses: impl FnOnce() -> Losses, worker: &Worker<'_>) {
        self.agent.monitor.beat(self.worker);
        if self.counted_at.is_none_or(|at| at.elapsed() >= COUNT_EVERY) {
            self.count(losses(), worker);
        }
    }

    fn count(&mut self, losses: Losses, worker: &Worker<'_>) {
        self.counted_at = Some(Instant::now());
        if let Some(mut watched) = self.agent.monitor.watched(self.worker) {
            watched.losses = losses;
            watched.counters.clone_from(worker.counters());
            if let Some(cut_off) = self.cut_off {
                let cut_off = cut_off.lock().unwrap_or_else(PoisonError::into_inner);
                watched.left_in_kernel = cut_off.left_in_kernel();
            }
            watched.ring_used = std::mem::take(&mut self.used);
            watched.ring_peak = self.peak;
            watched.ring_len = self.len;
        }
    }
}

/// A worker waits no longer than [`LONGEST_WAIT`] for packets; one that was not seen for so long is
/// stuck.
pub(super) const LONGEST_SILENCE: Duration = Duration::from_secs(10);
