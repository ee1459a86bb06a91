//! `tlsight run` and `tlsight escrow agent`: the secrets that programs hand over.

mod agent;
mod attached;
mod built_in;
mod escrow_sink;
mod hellos;
mod judge;
mod preload;
mod run;

use endpoint::Peer;
use handover::Tallies;

use crate::message;

pub(crate) use agent::run as agent;
pub(crate) use run::run;

/// Says what a process could not hand over.
fn say_missed(peer: &Peer, tallies: &Tallies) {
    let name = match peer.pid {
        Some(pid) => format!("{} ({pid})", peer.command),
        None => peer.command.to_string(),
    };
    for (count, what) in in_words(tallies) {
        if count > 0 {
            message::error(&format!("{name}: {count} {what}"));
        }
    }
}

/// The counts of what was missed, and what they are of.
const fn in_words(tallies: &Tallies) -> [(u32, &'static str); 5] {
    [
        (tallies.lost, "messages could not be sent: their secrets are lost"),
        (tallies.opened, "messages were not answered in time: their sessions went on"),
        (tallies.aborted, "messages were not answered in time: their sessions were aborted"),
        (tallies.refused, "sessions were aborted because those before had waited in vain"),
        (tallies.denied, "messages were held back: no rule allows them"),
    ]
}
