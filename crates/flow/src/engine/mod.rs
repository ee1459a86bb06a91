//! From packets to the application.

mod batch;
mod bounds;
mod flows;
mod timeouts;

use event::Timestamp;
use wire::Packet;

use crate::application::Application;
use crate::buffer_pool::BufferPool;
use crate::bulk::{BulkFlow, BulkFlows};
use crate::clock::{Clock, Tick};
use crate::connection::Connection;
use crate::counters::Counters;
use crate::decap::{Cursor, Discard, Fragment, Outcome, decapsulate};
use crate::fragment::Fragments;
use crate::hash::KeyedHash;
use crate::limits::Limits;
use crate::sighting::Lookout;
use crate::table::Table;
use timeouts::IdleLimits;

/// Takes packets and drives an [`Application`] with the bytes of their flows.
#[derive(Debug)]
pub struct Engine<A: Application> {
    application: A,
    limits: Limits,
    idle_limits: IdleLimits,
    counters: Counters,
    clock: Clock,
    bulk: BulkFlows,
    lookout: Lookout,
    table: Table<Connection<A::State>>,
    fragments: Fragments,
    buffers: BufferPool,
    /// Connections that have ended, in the boxes that will go into entries again.
    spare: Vec<Box<Connection<A::State>>>,
    /// Bytes in connections, their states and buffers.
    connection_bytes: usize,
    /// Up to when and to which slot the table has been swept.
    swept: Tick,
    sweep_slot: u32,
    /// Where the search for a flow to evict goes on.
    evict_slot: u32,
}

impl<A: Application> Engine<A> {
    /// An engine without flows.
    #[must_use]
    pub fn new(application: A, limits: Limits) -> Self {
        let hash = KeyedHash::new(limits.hash_seed);
        Self {
            application,
            limits,
            idle_limits: IdleLimits::new(&limits),
            counters: Counters::default(),
            clock: Clock::default(),
            bulk: BulkFlows::default(),
            lookout: Lookout::new(limits.hash_seed, 1),
            table: Table::new(hash),
            fragments: Fragments::new(hash, limits.max_fragment_bytes),
            buffers: BufferPool::new(limits.max_buffered_bytes / POOL_SHARE),
            spare: Vec::new(),
            connection_bytes: 0,
            swept: Tick::default(),
            sweep_slot: 0,
            evict_slot: 0,
        }
    }

    /// Takes one packet.
    #[inline]
    pub fn handle_packet(&mut self, packet: &Packet<'_>) {
        let time = self.note_packet(packet);
        let sighting = self.lookout.sight(packet);
        let slot = self.table.find_by_hash(sighting.hash);
        self.take_sighted(packet, sighting, slot, time);
    }

    /// Ends the flows that have been silent for too long at `now`; for when no packets come.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        let now = self.clock.observe(now);
        self.sweep_all(now);
        self.fragments.expire(now, &mut self.counters);
    }

    /// Begins to look for bulk flows.
    pub const fn want_bulk_flows(&mut self) {
        self.bulk.want();
    }

    /// The bulk flows that were found since this was last called.
    pub fn take_bulk_flows(&mut self) -> impl Iterator<Item = BulkFlow> {
        self.bulk.take()
    }

    /// Ends all flows; there are no more packets.
    pub fn finish(&mut self) {
        self.end_all();
        self.fragments.finish(&mut self.counters);
        self.buffers.empty();
    }

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

    /// Flows in the table, those that are done or have just ended included.
    #[must_use]
    pub const fn flows_tracked(&self) -> usize {
        self.table.len()
    }

    /// Bytes in connections, application states, stream buffers, those waiting to be used again
    /// included, and IP fragments.
    #[must_use]
    pub const fn held_bytes(&self) -> usize {
        self.connection_bytes + self.fragments.held_bytes() + self.buffers.held_bytes()
    }

    /// Counts a packet and moves the clock to its time.
    #[inline]
    fn note_packet(&mut self, packet: &Packet<'_>) -> Timestamp {
        self.counters.packets += 1;
        self.counters.bytes += u64::from(packet.wire_len);
        let captured_all = packet.bytes.len() >= packet.wire_len as usize;
        self.counters.packets_truncated += u64::from(!captured_all);
        let time = Timestamp::from_nanos(packet.timestamp_ns);
        let now = self.clock.observe(time);
        if now != self.swept {
            self.sweep(now);
        }
        time
    }

    /// Takes a packet of which nothing has been read.
    #[inline(never)]
    fn take_any(&mut self, packet: &Packet<'_>, time: Timestamp) {
        match decapsulate(packet) {
            Outcome::Found(innermost) => {
                let found = self.find(&innermost);
                self.take(&innermost, &found, time, false);
            }
            Outcome::Fragment(fragment) => self.take_fragment(fragment, time),
            Outcome::Discard(discard) => self.count_discard(discard),
        }
        if self.held_bytes() > self.limits.max_buffered_bytes {
            self.shrink();
        }
    }

    #[cold]
    fn take_fragment(&mut self, fragment: Fragment<'_>, time: Timestamp) {
        let mut fragment = fragment;
        let mut datagram;
        let mut contradictory = false;
        for _ in 0..MAX_NESTED_FRAGMENTS {
            let now = self.clock.tick();
            let Some(whole) = self.fragments.insert(&fragment, now, &mut self.counters) else {
                return;
            };
            contradictory |= whole.contradictory;
            datagram = whole.payload;
            match Cursor::resume(whole.resume, &datagram).walk() {
                Outcome::Found(innermost) => {
                    let found = self.find(&innermost);
                    return self.take(&innermost, &found, time, contradictory);
                }
                Outcome::Fragment(inner) => fragment = inner,
                Outcome::Discard(discard) => return self.count_discard(discard),
            }
        }
        self.count_discard(Discard::TooDeep);
    }

    #[cold]
    fn count_discard(&mut self, discard: Discard) {
        let counters = &mut self.counters;
        *match discard {
            Discard::UnknownLink => &mut counters.link_type_unknown,
            Discard::NotIp => &mut counters.packets_not_ip,
            Discard::NotTcpOrUdp => &mut counters.packets_not_tcp_or_udp,
            Discard::Malformed => &mut counters.headers_malformed,
            Discard::Unreadable => &mut counters.encapsulations_unreadable,
            Discard::TooDeep => &mut counters.encapsulations_too_deep,
        } += 1;
    }
}

/// Part of the bound on buffered bytes that buffers without a stream may take: few streams begin and
/// end at a time, of those that are followed.
const POOL_SHARE: usize = 32;

/// Fragments in a fragmented datagram: a tunnel in a tunnel, both over links with a smaller MTU.
const MAX_NESTED_FRAGMENTS: usize = 3;
