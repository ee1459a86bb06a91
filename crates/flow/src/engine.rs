//! From packets to the application.

use event::Timestamp;
use wire::Packet;

use crate::application::Application;
use crate::counters::Counters;
use crate::limits::Limits;

/// Takes packets and drives an [`Application`] with the bytes of their flows.
#[derive(Debug)]
pub struct Engine<A: Application> {
    application: A,
    limits: Limits,
    counters: Counters,
}

impl<A: Application> Engine<A> {
    /// An engine without flows.
    #[must_use]
    pub fn new(application: A, limits: Limits) -> Self {
        Self { application, limits, counters: Counters::default() }
    }

    /// Takes one packet.
    pub fn handle_packet(&mut self, packet: &Packet<'_>) {
        self.counters.packets += 1;
        self.counters.bytes += u64::from(packet.wire_len);
    }

    /// Ends the flows that have been silent for too long at `now`; for when no packets come.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        let _ = (now, self.limits);
    }

    /// Ends all flows; there are no more packets.
    pub fn finish(&mut self) {}

    /// The application.
    pub const fn application(&self) -> &A {
        &self.application
    }

    /// The application, to drain what it has made.
    pub const fn application_mut(&mut self) -> &mut A {
        &mut self.application
    }

    /// What was seen and lost so far.
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }
}
