//! Connections as they are handed on: those that two agents tell, from their two ends, once.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

use event::Timestamp;
use forge::{Opened, Side};

use super::AgentName;
use super::session::Member;

/// One connection as it is handed on.
#[derive(Debug)]
pub(super) struct Flow {
    /// Who told of it first.
    agent: AgentName,
    ends: (SocketAddr, SocketAddr),
    side: Option<Side>,
    opened_at: Timestamp,
    /// Time of its last record.
    pub(super) last_at: Timestamp,
    /// Whether positions count from the connection's beginning.
    pub(super) is_whole: bool,
    /// Bytes of each side that were handed on, or said to be missing.
    told: [u64; 2],
    /// Whose records are handed on.
    pub(super) leader: Member,
    /// Who tells the same from the other end.
    pub(super) follower: Option<Member>,
    /// Whether the other end has told all that it will.
    pub(super) is_followed_to_end: bool,
    /// Since when the end is told.
    ended: Option<Timestamp>,
}

/// All flows that are open, and those that ended a moment ago.
#[derive(Debug)]
pub(super) struct Flows {
    flows: BTreeMap<u64, Flow>,
    by_ends: HashMap<(SocketAddr, SocketAddr), Vec<u64>>,
    ended: VecDeque<(Timestamp, u64)>,
    next: u64,
    window_ns: u64,
}

impl Flows {
    pub(super) fn new(window_ns: u64) -> Self {
        Self {
            flows: BTreeMap::new(),
            by_ends: HashMap::new(),
            ended: VecDeque::new(),
            next: 1,
            window_ns,
        }
    }

    /// Adds a flow, with `leader` telling it.
    pub(super) fn add(
        &mut self,
        agent: AgentName,
        opened: &Opened,
        at: Timestamp,
        leader: Member,
    ) -> u64 {
        let number = self.next;
        self.next = self.next.saturating_add(1);
        let ends = ends(opened);
        let same_ends = self.by_ends.entry(ends).or_default();
        if same_ends.len() >= MAX_SAME_ENDS {
            same_ends.remove(0);
        }
        same_ends.push(number);
        let flow = Flow {
            agent,
            ends,
            side: opened.origin.as_ref().map(|origin| origin.side),
            opened_at: at,
            last_at: at,
            is_whole: !opened.is_late,
            told: [0; 2],
            leader,
            follower: None,
            is_followed_to_end: false,
            ended: None,
        };
        self.flows.insert(number, flow);
        number
    }

    /// The flow that another agent told of, whose other end this is.
    pub(super) fn twin(&self, agent: &AgentName, opened: &Opened, at: Timestamp) -> Option<u64> {
        // Each host has its own.
        if is_of_host(opened.client.ip()) || is_of_host(opened.server.ip()) {
            return None;
        }
        let side = opened.origin.as_ref().map(|origin| origin.side);
        let numbers = self.by_ends.get(&ends(opened))?;
        let distance =
            |flow: &Flow| flow.opened_at.nanos_since(at).max(at.nanos_since(flow.opened_at));
        numbers
            .iter()
            .filter_map(|number| Some((*number, self.flows.get(number)?)))
            .filter(|(_, flow)| flow.agent != *agent && flow.may_be_followed())
            .filter(|(_, flow)| side.is_none() || flow.side != side)
            .map(|(number, flow)| {
                // When one that was joined late began is not known.
                let is_open = flow.ended.is_none() && (opened.is_late || !flow.is_whole);
                (if is_open { 0 } else { distance(flow) }, number)
            })
            .filter(|(distance, _)| *distance <= self.window_ns)
            .min()
            .map(|(_, number)| number)
    }

    /// Another agent tells the flow from here on, beginning with what was not told yet. The one that did
    /// may come back as the other end.
    pub(super) fn hand_over(&mut self, number: u64, agent: AgentName, returning: Option<Member>) {
        if let Some(flow) = self.flows.get_mut(&number)
            && let Some(follower) = flow.follower.take()
        {
            (flow.agent, flow.leader, flow.follower) = (agent, follower, returning);
            flow.side = flow.side.map(Side::opposite);
        }
    }

    pub(super) fn flow(&mut self, number: u64) -> Option<&mut Flow> {
        self.flows.get_mut(&number)
    }

    /// The end of a flow is told. It is kept for as long as its other end may still come.
    pub(super) fn end(&mut self, number: u64, now: Timestamp) {
        if let Some(flow) = self.flows.get_mut(&number)
            && flow.ended.is_none()
        {
            flow.ended = Some(now);
            self.ended.push_back((now, number));
        }
        while self.ended.len() > MAX_ENDED {
            self.forget_oldest();
        }
    }

    /// Forgets flows that ended long ago.
    pub(super) fn expire(&mut self, now: Timestamp) {
        while self.ended.front().is_some_and(|(ended, _)| now.nanos_since(*ended) > self.window_ns)
        {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((_, number)) = self.ended.pop_front() else { return };
        let Some(flow) = self.flows.remove(&number) else { return };
        if let Some(numbers) = self.by_ends.get_mut(&flow.ends) {
            numbers.retain(|other| *other != number);
            if numbers.is_empty() {
                self.by_ends.remove(&flow.ends);
            }
        }
    }
}

impl Flow {
    /// Whether its end is told.
    pub(super) const fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// How much of a side was handed on, or said to be missing.
    pub(super) const fn told(&mut self, sender: Side) -> &mut u64 {
        let [client, server] = &mut self.told;
        match sender {
            Side::Client => client,
            Side::Server => server,
        }
    }

    const fn may_be_followed(&self) -> bool {
        self.follower.is_none() && !self.is_followed_to_end
    }
}

fn ends(opened: &Opened) -> (SocketAddr, SocketAddr) {
    let canonical = |end: SocketAddr| SocketAddr::new(end.ip().to_canonical(), end.port());
    (canonical(opened.client), canonical(opened.server))
}

/// Whether the address is another one on each host.
fn is_of_host(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unicast_link_local(),
    }
}

/// An agent that uses the same ports again and again is not searched for long.
const MAX_SAME_ENDS: usize = 8;

/// Short connections of a few seconds.
const MAX_ENDED: usize = 65_536;
