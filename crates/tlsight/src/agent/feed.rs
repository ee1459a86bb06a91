//! Lines on their way from the capture to the sinks, beside the output: one that hangs does not hold up the other.

use std::fmt;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use prometheus_client::encoding::DescriptorEncoder;
use spool::{Inbox, Next};

use super::LONGEST_WAIT;
use super::monitor::QUEUE_BYTES;
use super::writer::count;
use crate::outlets::Outlets;

/// The sinks, and what waits to be given to them.
#[derive(Debug)]
pub(super) struct Feed {
    queue: Inbox<Vec<u8>>,
    outlets: Outlets,
}

impl Feed {
    pub(super) fn new(outlets: Outlets) -> Self {
        Self { queue: Inbox::new(QUEUE_BYTES), outlets }
    }

    /// Takes lines; never waits.
    pub(super) fn put(&self, lines: &[u8]) {
        if self.queue.push(lines.to_vec(), lines.len()).is_err() {
            self.outlets.missed(count(lines));
        }
    }

    /// Gives the lines to the sinks, in a thread of its own, until [`Feed::stop`].
    pub(super) fn start(self: &Arc<Self>) -> JoinHandle<()> {
        let own = Arc::clone(self);
        thread::spawn(move || {
            loop {
                match own.queue.pop(LONGEST_WAIT) {
                    Next::Item(lines) => own.outlets.put("", &lines),
                    Next::Nothing => {}
                    Next::Closed => return,
                }
            }
        })
    }

    /// Ends the sinks; what they have not handed over by then waits for the next run.
    pub(super) fn stop(&self, feeding: JoinHandle<()>, patience: Duration) {
        self.queue.close();
        // Panics were printed.
        feeding.join().ok();
        self.outlets.stop(patience);
    }

    /// Writes the metrics of the sinks.
    pub(super) fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        self.outlets.encode(encoder)
    }
}
