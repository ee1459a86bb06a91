//! What a sensor remembers of an agent.

use std::collections::HashMap;

use event::Timestamp;
use forge::{ConnectionId, Opened};

use super::AgentName;
use super::handing::Piece;
use crate::format::{Hello, Refusal, Report, SessionId};

/// Number of a session at this sensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct SessionKey(pub(super) u64);

/// A connection of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) session: SessionKey,
    pub(super) connection: ConnectionId,
}

/// One life of an agent.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) agent: AgentName,
    pub(super) id: SessionId,
    /// The batch that was taken last.
    pub(super) last: u64,
    /// Whether none was taken yet.
    pub(super) is_new: bool,
    /// Counts its connections to this sensor; only that of the last is listened to.
    pub(super) attachment: u64,
    pub(super) detached_at: Option<Timestamp>,
    pub(super) is_taken_over: bool,
    pub(super) connections: HashMap<ConnectionId, Told>,
    pub(super) report: Report,
    pub(super) delivered_bytes: u64,
}

/// What an agent tells of one connection.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) flow: u64,
    pub(super) opened_at: Timestamp,
    pub(super) opened: Box<Opened>,
    /// Position at which the flow begins, of each side; not known before the first record if it was joined
    /// late.
    base: [Option<u64>; 2],
    /// Position that is next.
    next: [u64; 2],
}

/// What is known of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentStatus {
    /// Name from the agent's certificate.
    pub agent: AgentName,
    /// Whether there is a connection.
    pub is_connected: bool,
    /// Connections that it tells of.
    pub connections: usize,
    /// Bytes of clear text of it that were handed on.
    pub delivered_bytes: u64,
    /// What it said of itself last.
    pub report: Report,
}

impl Session {
    /// A session that was not there before.
    pub(super) fn new(agent: AgentName, hello: &Hello) -> Self {
        Self {
            agent,
            id: hello.session,
            last: hello.acknowledged,
            is_new: true,
            attachment: 0,
            detached_at: None,
            is_taken_over: false,
            connections: HashMap::new(),
            report: Report::default(),
            delivered_bytes: 0,
        }
    }
}

impl Told {
    pub(super) fn new(flow: u64, opened_at: Timestamp, opened: &Opened) -> Self {
        let base = if opened.is_late { None } else { Some(0) };
        let opened = Box::new(opened.clone());
        Self { flow, opened_at, opened, base: [base; 2], next: [0; 2] }
    }

    /// Goes on behind `piece`, and gives its position in the flow.
    ///
    /// # Errors
    /// It is not behind what was told before.
    pub(super) fn advance(&mut self, piece: Piece) -> Result<u64, Refusal> {
        let ([base, _], [next, _]) = match piece.sender {
            forge::Side::Client => (self.base.each_mut(), self.next.each_mut()),
            forge::Side::Server => {
                let ([a, b], [c, d]) = (self.base.each_mut(), self.next.each_mut());
                ([b, a], [d, c])
            }
        };
        if piece.position < *next {
            return Err(Refusal::Contradiction);
        }
        let base = *base.get_or_insert(piece.position);
        *next = piece.position.saturating_add(piece.len);
        Ok(piece.position.saturating_sub(base))
    }

    /// What comes next is the beginning of another flow.
    pub(super) fn begin_anew(&mut self, flow: u64) {
        self.flow = flow;
        for (base, next) in self.base.iter_mut().zip(self.next) {
            *base = base.map(|_| next);
        }
    }
}
