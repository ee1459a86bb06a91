//! Who is enrolled, who is connected, and how all of them do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use event::Timestamp;
use fleet::v1;
use store::{AgentReport, EnrolledAgent, Revocation, StoreError};
use tokio::sync::watch;

use super::report::{Report, shortened};
use crate::app::Control;
use crate::clock::MINUTE;

/// All agents that are enrolled, in memory.
#[derive(Debug)]
pub(crate) struct Register {
    agents: Mutex<BTreeMap<String, Known>>,
    /// Grows when something changed that connected agents are to be told, or that ends their connection.
    changes: watch::Sender<u64>,
}

/// What is known of an agent.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) enrolled: EnrolledAgent,
    pub(crate) report: Report,
    pub(crate) heard: Option<Timestamp>,
    /// Whether it is connected to this server.
    pub(crate) is_connected: bool,
    /// When another server said that it is connected there.
    elsewhere: Option<Timestamp>,
    /// Since when it is, or was last.
    pub(crate) connected: Option<Timestamp>,
    /// When its last connection to this process ended.
    pub(crate) disconnected: Option<Timestamp>,
    cut_off_until: Option<Timestamp>,
    /// Number of its connection: a later one takes its place.
    connection: u64,
    /// When batches made no sense, lately.
    malformed: Vec<Timestamp>,
    is_changed: bool,
}

/// Why an agent does not come in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotAdmitted {
    /// There is no such agent, or it was forgotten.
    #[error("this agent is not known here: have it join again")]
    Unknown,
    /// It was thrown out.
    #[error("this agent's certificate was revoked")]
    Revoked,
    /// It sent too much that makes no sense.
    #[error("too many batches made no sense: come back at {0}")]
    CutOff(Timestamp),
}

impl Default for Register {
    fn default() -> Self {
        Self { agents: Mutex::default(), changes: watch::Sender::new(0) }
    }
}

impl Register {
    /// Reads who is enrolled.
    pub(crate) fn load(&self, control: &dyn Control) -> Result<(), StoreError> {
        let agents = control.enrolled_agents()?;
        let known = agents.into_iter().map(|agent| (agent.id.clone(), Known::new(agent)));
        *self.agents() = known.collect();
        Ok(())
    }

    /// Takes over who is enrolled, as other servers have decided. What is known of those who are stays.
    pub(crate) fn refresh(&self, control: &dyn Control) -> Result<(), StoreError> {
        // Read within the lock: an agent that enrols meanwhile is added behind this.
        let mut known = self.agents();
        let agents = control.enrolled_agents()?;
        let ids: BTreeSet<String> = agents.iter().map(|agent| agent.id.clone()).collect();
        known.retain(|id, _| ids.contains(id));
        for agent in agents {
            match known.get_mut(&agent.id) {
                Some(known) => known.enrolled = agent,
                None => {
                    known.insert(agent.id.clone(), Known::new(agent));
                }
            }
        }
        Ok(())
    }

    /// Takes note of what agents said to other servers.
    pub(crate) fn hear(&self, reports: &[AgentReport], now: Timestamp) {
        let mut agents = self.agents();
        for said in reports {
            let Some(agent) = agents.get_mut(&said.agent) else { continue };
            // What a server said that was killed since is there for long.
            let is_recent = now.nanos_since(said.heard) < ELSEWHERE_FOR.unsigned_abs();
            agent.elsewhere = (said.is_connected && is_recent).then_some(now);
            if !agent.is_connected {
                agent.report = serde_json::from_slice(&said.report).unwrap_or_default();
                agent.heard = agent.heard.max(Some(said.heard));
            }
        }
    }

    /// Adds an agent that has just enrolled.
    pub(crate) fn add(&self, agent: EnrolledAgent) {
        self.agents().insert(agent.id.clone(), Known::new(agent));
    }

    /// All agents, by name.
    pub(crate) fn all(&self) -> Vec<Known> {
        self.agents().values().cloned().collect()
    }

    /// Whether an agent may come in.
    pub(crate) fn admit(&self, id: &str, now: Timestamp) -> Result<(), NotAdmitted> {
        self.agents().get(id).ok_or(NotAdmitted::Unknown)?.admit(now)
    }

    /// An agent introduces itself on a new connection; returns what is known of it, and the number of the
    /// connection.
    pub(crate) fn connect(
        &self,
        id: &str,
        hello: v1::Hello,
        address: String,
        now: Timestamp,
    ) -> Result<(Known, u64), NotAdmitted> {
        let mut agents = self.agents();
        let agent = agents.get_mut(id).ok_or(NotAdmitted::Unknown)?;
        agent.admit(now)?;
        let had_another = agent.is_connected;
        agent.report.hello(hello, address, now);
        agent.connection = agent.connection.saturating_add(1);
        agent.is_connected = true;
        agent.connected = Some(now);
        agent.heard = Some(now);
        agent.is_changed = true;
        let told = (agent.clone(), agent.connection);
        drop(agents);
        if had_another {
            self.announce();
        }
        Ok(told)
    }

    /// A connection ended.
    pub(crate) fn disconnect(&self, id: &str, connection: u64, now: Timestamp) {
        if let Some(agent) = self.agents().get_mut(id).filter(|it| it.connection == connection) {
            agent.is_connected = false;
            agent.disconnected = Some(now);
            agent.is_changed = true;
        }
    }

    /// Whether a connection may go on: its agent is in, and has no later one.
    pub(crate) fn goes_on(
        &self,
        id: &str,
        connection: u64,
        now: Timestamp,
    ) -> Result<Known, Option<NotAdmitted>> {
        let agents = self.agents();
        let agent = agents.get(id).ok_or(Some(NotAdmitted::Unknown))?;
        agent.admit(now).map_err(Some)?;
        if agent.connection == connection { Ok(agent.clone()) } else { Err(None) }
    }

    /// An agent says how it does.
    pub(crate) fn status(&self, id: &str, status: v1::Status, now: Timestamp) {
        if let Some(agent) = self.agents().get_mut(id) {
            let before = agent.heard.replace(now);
            agent.report.status(status, now, before);
            agent.is_changed = true;
        }
    }

    /// An agent was heard of.
    pub(crate) fn heard(&self, id: &str, now: Timestamp) {
        if let Some(agent) = self.agents().get_mut(id) {
            agent.heard = Some(now);
            agent.is_changed = true;
        }
    }

    /// Lines of a batch made no sense.
    pub(crate) fn rejected(&self, id: &str, lines: u64) {
        if let Some(agent) = self.agents().get_mut(id) {
            agent.report.rejected_lines = agent.report.rejected_lines.saturating_add(lines);
        }
    }

    /// A batch made no sense. Too many of them, and the agent is kept out for a while.
    pub(crate) fn malformed(&self, id: &str, reason: &str, now: Timestamp) {
        let is_out = self.agents().get_mut(id).is_some_and(|agent| {
            agent.report.malformed = agent.report.malformed.saturating_add(1);
            agent.report.malformed_last = shortened(reason, MAX_REASON);
            agent.is_changed = true;
            agent.malformed.retain(|at| now.nanos_since(*at) < MALFORMED_MEMORY.unsigned_abs());
            agent.malformed.push(now);
            let is_too_much = agent.malformed.len() >= MOST_MALFORMED;
            if is_too_much {
                agent.malformed.clear();
                agent.cut_off_until = Some(now.plus_nanos(CUT_OFF));
            }
            is_too_much
        });
        if is_out {
            self.announce();
        }
    }

    /// Throws an agent out at once.
    pub(crate) fn revoke(&self, id: &str, revocation: Revocation) {
        if let Some(agent) = self.agents().get_mut(id) {
            agent.enrolled.revoked = Some(revocation);
        }
        self.announce();
    }

    /// Notes when the last certificate of an agent ends.
    pub(crate) fn renewed(&self, id: &str, not_after: Timestamp) {
        if let Some(agent) = self.agents().get_mut(id) {
            agent.enrolled.not_after = not_after;
        }
    }

    /// Has each connection look at what changed.
    pub(crate) fn announce(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Tells of changes.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Keeps what was said since the last time.
    pub(crate) fn save(&self, control: &dyn Control) -> Result<(), StoreError> {
        let mut reports = Vec::new();
        for agent in self.agents().values_mut().filter(|agent| agent.is_changed) {
            agent.is_changed = false;
            let report = serde_json::to_vec(&agent.report).unwrap_or_default();
            if let Some(heard) = agent.heard
                && report.len() <= EnrolledAgent::MAX_REPORT_LEN
            {
                let (agent, is_connected) = (agent.enrolled.id.clone(), agent.is_connected);
                reports.push(AgentReport { agent, heard, is_connected, report });
            }
        }
        if reports.is_empty() { Ok(()) } else { control.note_agents(&reports) }
    }

    fn agents(&self) -> MutexGuard<'_, BTreeMap<String, Known>> {
        self.agents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn new(enrolled: EnrolledAgent) -> Self {
        // What another version wrote may be unknown: then the agent says it anew.
        let report = serde_json::from_slice(&enrolled.report).unwrap_or_default();
        Self {
            report,
            heard: enrolled.heard,
            is_connected: false,
            elsewhere: None,
            connected: None,
            disconnected: None,
            cut_off_until: None,
            connection: 0,
            malformed: Vec::new(),
            is_changed: false,
            enrolled,
        }
    }

    fn admit(&self, now: Timestamp) -> Result<(), NotAdmitted> {
        if self.enrolled.revoked.is_some() {
            return Err(NotAdmitted::Revoked);
        }
        match self.cut_off(now) {
            Some(until) => Err(NotAdmitted::CutOff(until)),
            None => Ok(()),
        }
    }

    /// Until when it is kept out, if it is.
    pub(crate) fn cut_off(&self, now: Timestamp) -> Option<Timestamp> {
        // A clock that was set back does not keep it out for longer.
        let is_so =
            |until: &Timestamp| (1..=CUT_OFF.unsigned_abs()).contains(&until.nanos_since(now));
        self.cut_off_until.filter(is_so)
    }

    /// Whether it is connected, to whichever server.
    pub(crate) fn is_connected_anywhere(&self, now: Timestamp) -> bool {
        let is_fresh = |at: Timestamp| now.nanos_since(at) < ELSEWHERE_FOR.unsigned_abs();
        self.is_connected || self.elsewhere.is_some_and(is_fresh)
    }

    /// Whether a batch of it made no sense a while ago.
    pub(crate) fn malformed_lately(&self, now: Timestamp) -> bool {
        self.malformed
            .last()
            .is_some_and(|at| now.nanos_since(*at) < MALFORMED_MEMORY.unsigned_abs())
    }
}

/// What another server says of an agent is good for so long: it says so each ten seconds.
const ELSEWHERE_FOR: i64 = MINUTE;

/// An honest agent sends none at all.
const MOST_MALFORMED: usize = 20;

/// For how long one is remembered.
const MALFORMED_MEMORY: i64 = 10 * MINUTE;

/// For how long an agent is kept out: it costs nothing meanwhile.
const CUT_OFF: i64 = 5 * MINUTE;

const MAX_REASON: usize = 200;
