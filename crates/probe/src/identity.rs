//! Who the ends of a session are, written into its event.

use std::sync::Arc;

use event::{Cgroup, Party, Socket, Sockets, TlsEvent};

use crate::connection::{Connection, Side};
use crate::process::Processes;
use crate::sockets::address_of;

/// Completes an event; false if the process of a local end is not known.
pub(crate) fn complete(
    event: &mut TlsEvent,
    connection: &Connection,
    processes: &mut Processes,
) -> bool {
    let mut sockets = Sockets { lost_packets: connection.lost, ..Sockets::default() };
    let mut all_known = true;
    let side_of = |party: &Party| address_of(party).and_then(|address| connection.side_at(address));
    for (party, socket) in
        [(&mut event.client, &mut sockets.client), (&mut event.server, &mut sockets.server)]
    {
        let Some(side) = side_of(party) else { continue };
        all_known &= identify(party, socket, side, processes);
    }
    event.network.direction = match (&sockets.client, &sockets.server) {
        (Some(_), None) => Some("egress"),
        (None, Some(_)) => Some("ingress"),
        _ => None,
    };
    let local = if sockets.client.is_some() { &event.client } else { &event.server };
    event.process.clone_from(&local.process);
    event.container.clone_from(&local.container);
    event.tlsight.socket = Some(Box::new(sockets));
    all_known
}

fn identify(
    party: &mut Party,
    socket: &mut Option<Socket>,
    side: &Side,
    processes: &mut Processes,
) -> bool {
    let known = side.sender.and_then(|key| processes.get(&key));
    let path = known.and_then(|known| known.cgroup_path.clone());
    *socket = Some(Socket { netns: side.netns(), cgroup: Cgroup { id: side.cgroup, path } });
    party.process = known.map(|known| Arc::clone(&known.process));
    party.container = known.and_then(|known| known.container.clone());
    known.is_some()
}
