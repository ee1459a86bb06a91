//! An agent: what it delivers is checked, stored, and passed on.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use super::connection::{Ended, Session};
use super::counters::add;
use super::hub::{LiveItem, Routes};
use super::mailbox::Mailbox;
use crate::audit::{AuditEvent, Incident};
use crate::malformed::Malformed;
use crate::seal::{ContextRecord, SealedRecord};
use crate::store::{Batch, Item, records};
use crate::wire::{Frame, IncidentKind, Refusal};
use wire::Reader;

/// Serves an agent until it leaves.
pub(super) fn run(session: &mut Session<'_>) -> Result<(), Ended> {
    let mailbox = Arc::new(Mailbox::new(Arc::clone(&session.wake)));
    session.shared.hub.agent_joined(session.number, Arc::clone(&session.wake));
    let ended = Agent::new(Arc::clone(&mailbox)).serve(session);
    session.shared.hub.agent_left(session.number);
    ended
}

struct Agent {
    mailbox: Arc<Mailbox>,
    contexts: Contexts,
    /// Number of the last delivery.
    received: u64,
    /// What was acknowledged last.
    told: [u64; 3],
    /// Version of the announcement that was told.
    announced: u64,
    items: Vec<Item>,
}

/// Contexts that were told on this connection, oldest first.
#[derive(Default)]
struct Contexts {
    names: HashSet<[u8; 16]>,
    order: VecDeque<[u8; 16]>,
}

impl Agent {
    fn new(mailbox: Arc<Mailbox>) -> Self {
        Self {
            mailbox,
            contexts: Contexts::default(),
            received: 0,
            told: [0; 3],
            announced: 0,
            items: Vec::new(),
        }
    }

    fn serve(&mut self, session: &mut Session<'_>) -> Result<(), Ended> {
        loop {
            let routes = session.shared.hub.routes();
            if routes.version != self.announced {
                self.announced = routes.version;
                Frame::Announcement(&routes.announcement).put(session.link.out());
            }
            if self.mailbox.has_failed() {
                return Err(Refusal::Storage.into());
            }
            self.acknowledge(session);
            let shared = session.shared;
            let (mut has_deliveries, mut has_pinged) = (false, false);
            let received = session.receive(&mut |name, frame| match frame {
                Frame::Context(bytes) => self.context(&routes, bytes),
                Frame::Deliver { sequence, client_random, archive, live } => {
                    has_deliveries = true;
                    let tag = shared.index_key.tag(&client_random);
                    self.archive(shared, &routes, sequence, tag, archive)?;
                    self.live(shared, &routes, name, sequence, live)
                }
                Frame::Incident { kind, sessions, client_random, reason } => {
                    add(&shared.counting.incident_sessions, sessions.into());
                    let incident = Incident {
                        agent: name.to_string(),
                        reason: reason.as_str().to_owned(),
                        sessions: sessions.into(),
                        session: client_random.map(|it| shared.index_key.tag(&it).to_string()),
                    };
                    shared.auditor.tell_some(match kind {
                        IncidentKind::FailOpen => AuditEvent::FailOpen(incident),
                        IncidentKind::Abort => AuditEvent::Abort(incident),
                        IncidentKind::Gap => AuditEvent::Gap(incident),
                    });
                    Ok(())
                }
                Frame::Ping => {
                    has_pinged = true;
                    Ok(())
                }
                Frame::Hello(_)
                | Frame::Subscribe { .. }
                | Frame::Taken(_)
                | Frame::Announcement(_)
                | Frame::Acknowledge { .. }
                | Frame::Missed(_)
                | Frame::Refused(_)
                | Frame::Live { .. } => Err(Malformed::Value.into()),
            });
            // What came in front of something that is wrong was right.
            self.hand_over(session, has_deliveries);
            received?;
            if has_pinged && session.link.queued() <= MAX_QUEUED {
                Frame::Ping.put(session.link.out());
            }
        }
    }

    /// Hands what was read to the store, all at once.
    fn hand_over(&mut self, session: &Session<'_>, has_deliveries: bool) {
        if self.items.is_empty() && !has_deliveries {
            return;
        }
        let (mailbox, last) = (Arc::clone(&self.mailbox), self.received);
        let store = session.shared.store().clone();
        let batch = Batch {
            items: std::mem::take(&mut self.items),
            agent: Arc::clone(&session.name),
            done: Box::new(move |is_stored| mailbox.stored(last, is_stored)),
        };
        match store {
            Some(store) => store.push(batch),
            None => (batch.done)(false),
        }
    }

    /// Says how far deliveries have come, if the agent has taken what was said before.
    fn acknowledge(&mut self, session: &mut Session<'_>) {
        if session.link.queued() > MAX_QUEUED {
            return;
        }
        let (live, missed) = self.mailbox.take_live();
        add(&session.shared.counting.live_missed, missed.len() as u64);
        for sequence in missed {
            Frame::Missed(sequence).put(session.link.out());
        }
        let state = [self.received, self.mailbox.durable(), live];
        if state != self.told {
            self.told = state;
            let [received, durable, live] = state;
            Frame::Acknowledge { received, durable, live }.put(session.link.out());
        }
    }

    fn context(&mut self, routes: &Routes, bytes: &[u8]) -> Result<(), Ended> {
        let mut reader = Reader::new(bytes);
        let context = ContextRecord::parse(&mut reader)?;
        if !reader.is_empty() {
            return Err(Malformed::Value.into());
        }
        let name = context.context;
        self.contexts.add(name);
        if let Some((epoch, part)) = routes.epochs.get(&context.recipient) {
            if *part != context.part {
                return Err(Refusal::UnknownKey.into());
            }
            self.items.push(Item::Context { epoch: *epoch, name, bytes: bytes.into() });
        } else if let Some(monitor) = routes.monitors.get(&context.recipient) {
            // Without room for it its records are of no use, and are missed when they come.
            monitor.push(LiveItem::Context(bytes.into()));
        }
        Ok(())
    }

    fn archive(
        &mut self,
        shared: &super::Shared,
        routes: &Routes,
        sequence: u64,
        tag: crate::store::Tag,
        bytes: &[u8],
    ) -> Result<(), Ended> {
        if sequence <= self.received {
            return Err(Malformed::Value.into());
        }
        self.received = sequence;
        add(&shared.counting.deliveries, 1);
        let mut epoch = None;
        let parsed = records(bytes)?;
        for record in &parsed {
            let key = routes.epochs.get(&record.recipient);
            let (number, part) = key.ok_or(Refusal::UnknownKey)?;
            if *part != record.part || epoch.is_some_and(|epoch| epoch != *number) {
                return Err(Refusal::UnknownKey.into());
            }
            if !self.contexts.has(&record.context) {
                return Err(Refusal::NoContext.into());
            }
            epoch = Some(*number);
        }
        add(&shared.counting.archive_records, parsed.len() as u64);
        if let Some(epoch) = epoch {
            self.items.push(Item::Session { epoch, tag, records: bytes.into() });
        }
        Ok(())
    }

    fn live(
        &self,
        shared: &super::Shared,
        routes: &Routes,
        name: &Arc<str>,
        sequence: u64,
        bytes: &[u8],
    ) -> Result<(), Ended> {
        let mut reader = Reader::new(bytes);
        let mut found = Vec::new();
        let mut is_missed = false;
        while !reader.is_empty() {
            let begin = reader.offset();
            let record = SealedRecord::parse(&mut reader)?;
            let record_bytes = bytes.get(begin..reader.offset()).unwrap_or_default();
            let monitor = routes.monitors.get(&record.recipient);
            match monitor.filter(|it| it.tier.parts().contains(&record.part)) {
                Some(monitor) => found.push((monitor, record_bytes)),
                None => is_missed = true,
            }
        }
        add(&shared.counting.live_records, found.len() as u64);
        self.mailbox.set_out(sequence, found.len(), is_missed);
        for (monitor, record) in found {
            let item = LiveItem::Record {
                agent: Arc::clone(name),
                record: record.into(),
                sequence,
                from: Arc::clone(&self.mailbox),
            };
            if !monitor.push(item) {
                self.mailbox.arrived(sequence, false);
            }
        }
        Ok(())
    }
}

impl Contexts {
    fn add(&mut self, name: [u8; 16]) {
        if self.names.insert(name) {
            self.order.push_back(name);
        }
        if self.order.len() > MAX_CONTEXTS
            && let Some(oldest) = self.order.pop_front()
        {
            self.names.remove(&oldest);
        }
    }

    fn has(&self, name: &[u8; 16]) -> bool {
        self.names.contains(name)
    }
}

/// Bytes that an agent did not read, beyond which it is told nothing more but what is newest.
const MAX_QUEUED: usize = 64 << 10;

/// Contexts of one agent: five parts for the archive and for some dozens of monitors, of the last ten
/// minutes.
const MAX_CONTEXTS: usize = 4096;
