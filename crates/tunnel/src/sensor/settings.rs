//! How a sensor receives, and what it bears.

use std::net::SocketAddr;
use std::time::Duration;

/// Settings of a [`Receiver`](super::Receiver).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiverSettings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Its bounds.
    pub limits: ReceiverLimits,
}

/// What a sensor bears. All bounds but `agents` and `handshakes` are for each agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiverLimits {
    /// Most agents that are connected at a time. Each takes a thread and less than a megabyte.
    pub agents: usize,
    /// Most connections on which the handshake is not over.
    pub handshakes: usize,
    /// Most of these from one address.
    pub handshakes_of_address: usize,
    /// Most sessions of one agent, those included that may come back: one that is started again and again
    /// leaves some behind.
    pub sessions_of_agent: usize,
    /// Most connections of which an agent tells at a time.
    pub connections_of_agent: usize,
    /// Most bytes of clear text a second; an agent that has more waits. None is no bound.
    pub bytes_per_second: Option<u64>,
    /// How long an agent may be silent.
    pub patience: Duration,
    /// How long an agent that is away may come back to its session.
    pub resume_within: Duration,
    /// How long an agent is away before the agent at the other end of a connection goes on for it.
    pub take_over_after: Duration,
    /// How far apart two agents may see the same connection begin. Also how long one that ended is
    /// remembered.
    pub same_flow_within: Duration,
}

impl Default for ReceiverLimits {
    fn default() -> Self {
        Self {
            agents: 1024,
            handshakes: 128,
            handshakes_of_address: 32,
            sessions_of_agent: 4,
            connections_of_agent: 65_536,
            bytes_per_second: None,
            patience: Duration::from_secs(30),
            resume_within: Duration::from_secs(120),
            take_over_after: Duration::from_secs(3),
            same_flow_within: Duration::from_secs(10),
        }
    }
}
