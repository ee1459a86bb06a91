//! Flows that go on though nobody looks at them any more.

use std::net::SocketAddr;

use event::Transport;

use crate::key::{FlowKey, Sender};

/// A flow that sends much which the application does not want: whoever captures may leave its packets
/// out, but for those with SYN, FIN or RST.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BulkFlow {
    /// TCP or UDP.
    pub transport: Transport,
    /// Its two ends.
    pub ends: [SocketAddr; 2],
}

/// The bulk flows that were found since they were last taken.
#[derive(Debug, Default)]
pub(crate) struct BulkFlows {
    is_wanted: bool,
    found: Vec<BulkFlow>,
}

impl BulkFlows {
    pub(crate) const fn want(&mut self) {
        self.is_wanted = true;
    }

    /// Takes note of a flow, unless it is one of an overlay, whose packets look like others outside.
    #[cold]
    pub(crate) fn note(&mut self, key: &FlowKey) {
        if self.is_wanted && key.tag().vni().is_none() && self.found.len() < MAX_FOUND {
            let ends = [Sender::Low, Sender::High];
            let ends = ends.map(|end| SocketAddr::new(key.ip(end), key.port(end)));
            self.found.push(BulkFlow { transport: key.tag().transport(), ends });
        }
    }

    pub(crate) fn take(&mut self) -> impl Iterator<Item = BulkFlow> {
        self.found.drain(..)
    }
}

/// Flows that wait to be taken, which is done with every block of packets. One that finds no place
/// costs what it did.
const MAX_FOUND: usize = 4096;
