//! A monitor: gets what agents have sealed to its key.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use super::connection::{Ended, Session};
use super::hub::{LiveItem, MonitorBox, Subscription};
use super::mailbox::Mailbox;
use crate::audit::AuditEvent;
use crate::clock::now_ms;
use crate::keys::{NotTrusted, Signed, Statement, read_statements};
use crate::malformed::Malformed;
use crate::tier::Tier;
use crate::wire::{Frame, Refusal};

/// Serves a monitor until it leaves.
pub(super) fn run(session: &mut Session<'_>) -> Result<(), Ended> {
    let mut monitor = Monitor {
        place: None,
        on_their_way: VecDeque::new(),
        taken: 0,
        taken_at: Instant::now(),
        expires_ms: u64::MAX,
    };
    let ended = monitor.serve(session);
    monitor.end(session);
    ended
}

struct Monitor {
    place: Option<Arc<MonitorBox>>,
    /// Records that were sent and not taken.
    on_their_way: VecDeque<(u64, Arc<Mailbox>)>,
    /// How many were taken.
    taken: u64,
    /// When the last was taken, or there were none.
    taken_at: Instant,
    /// Until when its key may be sealed to.
    expires_ms: u64,
}

impl Monitor {
    fn serve(&mut self, session: &mut Session<'_>) -> Result<(), Ended> {
        loop {
            self.send(session);
            let mut wanted = Vec::new();
            let mut has_pinged = false;
            session.receive(&mut |_, frame| match frame {
                Frame::Subscribe { grant, key } if wanted.is_empty() => {
                    wanted.push((grant.to_owned(), key.to_owned()));
                    Ok(())
                }
                Frame::Taken(count) => self.take(count),
                Frame::Ping => {
                    has_pinged = true;
                    Ok(())
                }
                Frame::Hello(_)
                | Frame::Context(_)
                | Frame::Deliver { .. }
                | Frame::Incident { .. }
                | Frame::Subscribe { .. }
                | Frame::Announcement(_)
                | Frame::Acknowledge { .. }
                | Frame::Missed(_)
                | Frame::Refused(_)
                | Frame::Live { .. } => Err(Malformed::Value.into()),
            })?;
            for (grant, key) in wanted {
                self.subscribe(session, grant, key)?;
                Frame::Ping.put(session.link.out());
            }
            if has_pinged && session.link.queued() < MAX_QUEUED {
                Frame::Ping.put(session.link.out());
            }
            if now_ms() >= self.expires_ms {
                return Err(Refusal::NotGranted.into());
            }
            let is_stuck = self.taken_at.elapsed() >= session.shared.settings.limits.patience;
            if !self.on_their_way.is_empty() && is_stuck {
                return Err(Ended::Silent);
            }
        }
    }

    fn send(&mut self, session: &mut Session<'_>) {
        let Some(place) = &self.place else { return };
        while session.link.queued() < MAX_QUEUED && self.on_their_way.len() < MAX_ON_THEIR_WAY {
            match place.pop() {
                Some(LiveItem::Context(bytes)) => Frame::Context(&bytes).put(session.link.out()),
                Some(LiveItem::Record { agent, record, sequence, from }) => {
                    Frame::Live { agent: &agent, record: &record }.put(session.link.out());
                    if self.on_their_way.is_empty() {
                        self.taken_at = Instant::now();
                    }
                    self.on_their_way.push_back((sequence, from));
                }
                None => break,
            }
        }
    }

    fn take(&mut self, count: u64) -> Result<(), Ended> {
        while self.taken < count {
            let Some((sequence, from)) = self.on_their_way.pop_front() else {
                return Err(Malformed::Value.into());
            };
            from.arrived(sequence, true);
            self.taken = self.taken.saturating_add(1);
        }
        self.taken_at = Instant::now();
        Ok(())
    }

    fn subscribe(
        &mut self,
        session: &Session<'_>,
        grant: String,
        key: String,
    ) -> Result<(), Ended> {
        let shared = session.shared;
        let admitted = admitted(session, &grant, &key);
        let (tier, id, expires_ms) = admitted.map_err(|_error| Refusal::NotGranted)?;
        let place = match &self.place {
            Some(place) if place.tier == tier => Arc::clone(place),
            Some(_) => return Err(Refusal::NotGranted.into()),
            None => {
                let max_bytes = shared.settings.limits.monitor_queue_bytes;
                Arc::new(MonitorBox::new(tier, Arc::clone(&session.wake), max_bytes))
            }
        };
        let subscription = Subscription { grant, key, keys: vec![id], place: Arc::clone(&place) };
        if !shared.hub.subscribe(session.number, subscription, shared.settings.limits.monitors) {
            return Err(Refusal::Busy.into());
        }
        self.place = Some(place);
        self.expires_ms = expires_ms;
        shared.auditor.tell(AuditEvent::MonitorJoined {
            name: session.name.to_string(),
            tier: tier.to_string(),
            key: data_encoding::HEXLOWER.encode(&id),
        });
        Ok(())
    }

    fn end(self, session: &Session<'_>) {
        let Some(place) = self.place else { return };
        session.shared.hub.monitor_left(session.number);
        for (sequence, from) in self.on_their_way {
            from.arrived(sequence, false);
        }
        for item in place.end() {
            if let LiveItem::Record { sequence, from, .. } = item {
                from.arrived(sequence, false);
            }
        }
        session.shared.auditor.tell(AuditEvent::MonitorLeft { name: session.name.to_string() });
    }
}

/// What a monitor may have, the name of its key, and until when.
fn admitted(
    session: &Session<'_>,
    grant: &str,
    key: &str,
) -> Result<(Tier, [u8; 16], u64), NotTrusted> {
    let settings = &session.shared.settings;
    let parse = |text| Signed::parse(text).map_err(|_error| NotTrusted::Value);
    let (grant, key) = (parse(grant)?, parse(key)?);
    // One that is not in the folder any more is revoked.
    let known = read_statements(&settings.grants).unwrap_or_default();
    if !known.iter().any(|known| known.statement() == grant.statement()) {
        return Err(NotTrusted::NotGranted(session.name.to_string()));
    }
    let (monitor, tier, sealing) = settings.trust.monitor(&grant, &key, now_ms())?;
    if *monitor.name != *session.name {
        return Err(NotTrusted::Signature(session.name.to_string()));
    }
    let granted_ms = match grant.statement() {
        Statement::Grant(grant) => grant.not_after_ms,
        Statement::Epoch(_) | Statement::MonitorKey(_) | Statement::Request(_) => 0,
    };
    Ok((tier, sealing.id(), monitor.not_after_ms.min(granted_ms)))
}

/// Bytes that a monitor did not read, beyond which others wait in its queue.
const MAX_QUEUED: usize = 256 << 10;

/// Records that a monitor did not take, beyond which others wait in its queue.
const MAX_ON_THEIR_WAY: usize = 64 << 10;
