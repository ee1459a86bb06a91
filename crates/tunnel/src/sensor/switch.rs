//! From what agents tell to what is handed on. No I/O, no clock.

use std::collections::HashMap;

use event::Timestamp;
use forge::{ConnectionId, Ending, Opened, Record, RecordKind};

use super::AgentName;
use super::counters::{ReceiverCounters, add};
use super::flows::Flows;
use super::handing::{Piece, Said};
use super::session::{AgentStatus, Member, Session, SessionKey, Told};
use super::settings::ReceiverLimits;
use crate::format::{Hello, Records, Refusal, Reply, Report};

/// The sessions of all agents, and the flows of which they tell.
#[derive(Debug)]
pub(super) struct Switch {
    limits: ReceiverLimits,
    sessions: HashMap<SessionKey, Session>,
    flows: Flows,
    next: u64,
    pub(super) counters: ReceiverCounters,
}

/// A session on one connection to the sensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attachment {
    session: SessionKey,
    number: u64,
}

/// Takes what is handed on, and of whom it is.
pub(super) type Sink<'a> = dyn FnMut(&AgentName, &Record<'_>) + 'a;

impl Switch {
    pub(super) fn new(limits: ReceiverLimits) -> Self {
        let window_ns = u64::try_from(limits.same_flow_within.as_nanos()).unwrap_or(u64::MAX);
        Self {
            limits,
            sessions: HashMap::new(),
            flows: Flows::new(window_ns),
            next: 1,
            counters: ReceiverCounters::default(),
        }
    }

    /// An agent begins or comes back.
    ///
    /// # Errors
    /// It has too many sessions, or says that more was acknowledged than was.
    pub(super) fn attach(
        &mut self,
        agent: &AgentName,
        hello: &Hello,
        now: Timestamp,
        sink: &mut Sink<'_>,
    ) -> Result<(Attachment, Reply), Refusal> {
        let known = self
            .sessions
            .iter_mut()
            .find(|(_, session)| session.agent == *agent && session.id == hello.session);
        if let Some((&key, session)) = known {
            if hello.acknowledged > session.last {
                self.abandon(key, now, sink);
                return Err(Refusal::Contradiction);
            }
            session.attachment = session.attachment.saturating_add(1);
            (session.detached_at, session.is_taken_over) = (None, false);
            add(&mut self.counters.resumed_sessions, 1);
            let reply = Reply::Acknowledged { sequence: session.last, is_new: session.is_new };
            return Ok((Attachment { session: key, number: session.attachment }, reply));
        }
        self.make_room(agent, now, sink)?;
        let key = SessionKey(self.next);
        self.next = self.next.saturating_add(1);
        self.sessions.insert(key, Session::new(agent.clone(), hello));
        add(&mut self.counters.sessions, 1);
        let reply = Reply::Acknowledged { sequence: hello.acknowledged, is_new: true };
        Ok((Attachment { session: key, number: 0 }, reply))
    }

    /// The connection of an agent is over.
    pub(super) fn detach(&mut self, attachment: Attachment, now: Timestamp) {
        if let Ok(session) = self.session(attachment) {
            session.detached_at = Some(now);
        }
    }

    /// Takes a batch.
    ///
    /// # Errors
    /// It is not the next one, or its records make no sense; then the session is over.
    pub(super) fn take(
        &mut self,
        attachment: Attachment,
        sequence: u64,
        records: &[u8],
        now: Timestamp,
        sink: &mut Sink<'_>,
    ) -> Result<Reply, Refusal> {
        let session = self.session(attachment)?;
        if sequence <= session.last {
            return Err(Refusal::Replay);
        }
        if Some(sequence) != session.last.checked_add(1) {
            return Err(Refusal::SequenceGap);
        }
        session.is_new = false;
        let key = attachment.session;
        for record in Records::new(records) {
            let taken = record
                .map_err(|_error| Refusal::Malformed)
                .and_then(|record| self.take_record(key, &record, now, sink));
            if let Err(refusal) = taken {
                self.abandon(key, now, sink);
                return Err(refusal);
            }
        }
        add(&mut self.counters.batches, 1);
        let session = self.session(attachment)?;
        session.last = sequence;
        Ok(Reply::Acknowledged { sequence, is_new: false })
    }

    /// Takes openings that were told to a sensor which forgot them.
    ///
    /// # Errors
    /// The session is not new, or there is something else among them.
    pub(super) fn take_known(
        &mut self,
        attachment: Attachment,
        records: &[u8],
        now: Timestamp,
        sink: &mut Sink<'_>,
    ) -> Result<Reply, Refusal> {
        let session = self.session(attachment)?;
        let sequence = session.last;
        if !session.is_new {
            return Err(Refusal::Replay);
        }
        for record in Records::new(records) {
            let record = record.map_err(|_error| Refusal::Malformed)?;
            if !matches!(record.kind, RecordKind::Opened(_)) {
                return Err(Refusal::Malformed);
            }
            // It is told again if the connection was cut before the first batch.
            let is_told = self.session(attachment)?.connections.contains_key(&record.connection);
            if !is_told {
                self.take_record(attachment.session, &record, now, sink)?;
            }
        }
        Ok(Reply::Acknowledged { sequence, is_new: true })
    }

    /// The agent says what it counted.
    ///
    /// # Errors
    /// It came again on another connection.
    pub(super) fn report(
        &mut self,
        attachment: Attachment,
        report: Report,
    ) -> Result<Reply, Refusal> {
        let session = self.session(attachment)?;
        session.report = report;
        Ok(Reply::Acknowledged { sequence: session.last, is_new: session.is_new })
    }

    /// The agent has no more to say.
    pub(super) fn goodbye(&mut self, attachment: Attachment, now: Timestamp, sink: &mut Sink<'_>) {
        if self.session(attachment).is_ok() {
            self.abandon(attachment.session, now, sink);
        }
    }

    /// Time goes by: who is away for long is given up, and others take over.
    pub(super) fn tick(&mut self, now: Timestamp, sink: &mut Sink<'_>) {
        let away = |session: &Session, limit: std::time::Duration| {
            let limit = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
            session.detached_at.is_some_and(|since| now.nanos_since(since) >= limit)
        };
        let (resume, take_over) = (self.limits.resume_within, self.limits.take_over_after);
        for key in self.keys(|session| away(session, resume)) {
            self.abandon(key, now, sink);
        }
        for key in self.keys(|session| !session.is_taken_over && away(session, take_over)) {
            for connection in self.connections_of(key) {
                self.take_over(Member { session: key, connection }, true, now, sink);
            }
            if let Some(session) = self.sessions.get_mut(&key) {
                session.is_taken_over = true;
            }
        }
        self.flows.expire(now);
    }

    /// Gives all sessions up.
    pub(super) fn end(&mut self, now: Timestamp, sink: &mut Sink<'_>) {
        for key in self.keys(|_| true) {
            self.abandon(key, now, sink);
        }
    }

    /// What is known of each session.
    pub(super) fn agents(&self) -> Vec<AgentStatus> {
        let status = |key| {
            let session = self.sessions.get(&key)?;
            Some(AgentStatus {
                agent: session.agent.clone(),
                is_connected: session.detached_at.is_none(),
                connections: session.connections.len(),
                delivered_bytes: session.delivered_bytes,
                report: session.report,
            })
        };
        self.keys(|_| true).into_iter().filter_map(status).collect()
    }

    fn session(&mut self, attachment: Attachment) -> Result<&mut Session, Refusal> {
        self.sessions
            .get_mut(&attachment.session)
            .filter(|session| session.attachment == attachment.number)
            .ok_or(Refusal::Replaced)
    }

    /// Forgets the session of the agent that is away for the longest time, if it has as many as it may.
    fn make_room(
        &mut self,
        agent: &AgentName,
        now: Timestamp,
        sink: &mut Sink<'_>,
    ) -> Result<(), Refusal> {
        let own = self.keys(|session| session.agent == *agent);
        if own.len() < self.limits.sessions_of_agent {
            return Ok(());
        }
        let oldest = own
            .into_iter()
            .filter_map(|key| Some((self.sessions.get(&key)?.detached_at?, key)))
            .min()
            .ok_or(Refusal::TooManySessions)?;
        self.abandon(oldest.1, now, sink);
        Ok(())
    }

    fn take_record(
        &mut self,
        key: SessionKey,
        record: &Record<'_>,
        now: Timestamp,
        sink: &mut Sink<'_>,
    ) -> Result<(), Refusal> {
        let member = Member { session: key, connection: record.connection };
        match &record.kind {
            RecordKind::Opened(opened) => self.open(member, record.at, opened, sink),
            RecordKind::Data { sender, position, bytes } => {
                let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                add(&mut self.counters.received_bytes, len);
                let piece = Piece { sender: *sender, position: *position, len, at: record.at };
                self.hand_on(member, piece, Said::Bytes(bytes), sink)
            }
            RecordKind::Missing { sender, position, len, cause } => {
                add(&mut self.counters.missing_bytes, *len);
                let piece =
                    Piece { sender: *sender, position: *position, len: *len, at: record.at };
                self.hand_on(member, piece, Said::Missing(*cause), sink)
            }
            RecordKind::Closed(ending) => {
                self.close(member, record.at, *ending, now, sink);
                Ok(())
            }
        }
    }

    fn open(
        &mut self,
        member: Member,
        at: Timestamp,
        opened: &Opened,
        sink: &mut Sink<'_>,
    ) -> Result<(), Refusal> {
        let Some(session) = self.sessions.get_mut(&member.session) else { return Ok(()) };
        if session.connections.contains_key(&member.connection) {
            return Err(Refusal::Contradiction);
        }
        if session.connections.len() >= self.limits.connections_of_agent {
            add(&mut self.counters.refused_connections, 1);
            return Ok(());
        }
        let twin = self.flows.twin(&session.agent, opened, at);
        let flow = match twin.and_then(|number| Some((number, self.flows.flow(number)?))) {
            Some((number, flow)) => {
                flow.follower = Some(member);
                add(&mut self.counters.duplicate_connections, 1);
                number
            }
            None => {
                let number = self.flows.add(session.agent.clone(), opened, at, member);
                add(&mut self.counters.connections, 1);
                let kind = RecordKind::Opened(Box::new(opened.clone()));
                sink(&session.agent, &Record { connection: ConnectionId(number), at, kind });
                number
            }
        };
        session.connections.insert(member.connection, Told::new(flow, at, opened));
        Ok(())
    }

    fn hand_on(
        &mut self,
        member: Member,
        piece: Piece,
        said: Said<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<(), Refusal> {
        let counters = &mut self.counters;
        let Some(session) = self.sessions.get_mut(&member.session) else { return Ok(()) };
        let Some(told) = session.connections.get_mut(&member.connection) else {
            add(&mut counters.stray_bytes, said.data_len());
            return Ok(());
        };
        let begin = told.advance(piece)?;
        let Some(flow) = self.flows.flow(told.flow).filter(|flow| flow.leader == member) else {
            add(&mut counters.duplicate_bytes, said.data_len());
            return Ok(());
        };
        if flow.has_ended() {
            add(&mut counters.duplicate_bytes, said.data_len());
            return Ok(());
        }
        let number = ConnectionId(told.flow);
        let delivered =
            flow.hand_on(number, Piece { position: begin, ..piece }, said, counters, |record| {
                sink(&session.agent, record);
            });
        add(&mut session.delivered_bytes, delivered);
        Ok(())
    }

    fn close(
        &mut self,
        member: Member,
        at: Timestamp,
        ending: Ending,
        now: Timestamp,
        sink: &mut Sink<'_>,
    ) {
        // Who does not follow it any longer is not its end, if the other end still does.
        if ending == Ending::Abandoned && self.take_over(member, false, now, sink) {
            self.forget(member);
            return;
        }
        let Some(told) = self.forget(member) else { return };
        let Some(flow) = self.flows.flow(told.flow) else { return };
        if flow.leader != member {
            flow.follower = flow.follower.filter(|follower| *follower != member);
            flow.is_followed_to_end |= ending != Ending::Abandoned;
            return;
        }
        if !flow.has_ended() {
            let kind = RecordKind::Closed(ending);
            let record = Record { connection: ConnectionId(told.flow), at, kind };
            if let Some(session) = self.sessions.get(&member.session) {
                sink(&session.agent, &record);
            }
            self.flows.end(told.flow, now);
        }
    }

    /// Has the other end go on where `member` stopped; false if there is none, or `member` does not tell
    /// the flow.
    fn take_over(
        &mut self,
        member: Member,
        may_return: bool,
        now: Timestamp,
        sink: &mut Sink<'_>,
    ) -> bool {
        let Some(number) = self.told(member).map(|told| told.flow) else { return false };
        let Some(flow) = self.flows.flow(number) else { return false };
        let (leader, last_at, is_whole) = (flow.leader, flow.last_at, flow.is_whole);
        let Some(follower) = flow.follower.filter(|_| !flow.has_ended() && leader == member) else {
            return false;
        };
        let Some(session) = self.sessions.get_mut(&follower.session) else { return false };
        let is_there = session.detached_at.is_none();
        let Some(told) = session.connections.get_mut(&follower.connection) else { return false };
        if !is_there {
            return false;
        }
        add(&mut self.counters.takeovers, 1);
        let returning = may_return.then_some(member);
        if is_whole && !told.opened.is_late {
            self.flows.hand_over(number, session.agent.clone(), returning);
            return true;
        }
        // Their positions have nothing in common: what follows is another connection.
        let closed = RecordKind::Closed(Ending::Abandoned);
        sink(
            &session.agent,
            &Record { connection: ConnectionId(number), at: last_at, kind: closed },
        );
        let opened = Opened { is_late: true, ..Opened::clone(&told.opened) };
        let new = self.flows.add(session.agent.clone(), &opened, told.opened_at, follower);
        told.begin_anew(new);
        let kind = RecordKind::Opened(Box::new(opened));
        sink(&session.agent, &Record { connection: ConnectionId(new), at: last_at, kind });
        add(&mut self.counters.connections, 1);
        self.flows.end(number, now);
        if let (Some(flow), Some(member)) = (self.flows.flow(new), returning) {
            flow.follower = Some(member);
            if let Some(told) = self
                .sessions
                .get_mut(&member.session)
                .and_then(|session| session.connections.get_mut(&member.connection))
            {
                told.begin_anew(new);
                told.opened.is_late = true;
            }
        }
        true
    }

    /// The session is over, and with it its connections.
    fn abandon(&mut self, key: SessionKey, now: Timestamp, sink: &mut Sink<'_>) {
        for connection in self.connections_of(key) {
            let member = Member { session: key, connection };
            let at = self
                .told(member)
                .map(|told| told.flow)
                .and_then(|flow| self.flows.flow(flow))
                .map_or(now, |flow| flow.last_at);
            self.close(member, at, Ending::Abandoned, now, sink);
        }
        self.sessions.remove(&key);
    }

    fn told(&self, member: Member) -> Option<&Told> {
        self.sessions.get(&member.session)?.connections.get(&member.connection)
    }

    fn forget(&mut self, member: Member) -> Option<Told> {
        self.sessions.get_mut(&member.session)?.connections.remove(&member.connection)
    }

    fn keys(&self, is_wanted: impl Fn(&Session) -> bool) -> Vec<SessionKey> {
        let mut keys: Vec<_> = self
            .sessions
            .iter()
            .filter(|(_, session)| is_wanted(session))
            .map(|(key, _)| *key)
            .collect();
        keys.sort_unstable();
        keys
    }

    fn connections_of(&self, key: SessionKey) -> Vec<ConnectionId> {
        let session = self.sessions.get(&key);
        let mut connections: Vec<_> =
            session.into_iter().flat_map(|session| session.connections.keys().copied()).collect();
        connections.sort_unstable();
        connections
    }
}
