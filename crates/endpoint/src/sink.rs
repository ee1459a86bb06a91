//! What becomes of secrets.

use handover::Tallies;
use secrets::SessionSecrets;

use crate::peer::Peer;
use crate::receipt::Receipt;

/// Takes secrets further.
pub trait Sink {
    /// Takes secrets, and says by the receipt how far they have come, also later and from other threads. It
    /// does not block for long: all processes of the host wait meanwhile.
    fn take(&mut self, secrets: SessionSecrets, receipt: Receipt);

    /// What a process tells of messages that did not come, or that it did not wait for; and the client's
    /// random of the session, if it is told of one alone.
    fn miss(&mut self, peer: &Peer, client_random: Option<&[u8; 32]>, tallies: &Tallies);
}

impl<S: Sink + ?Sized> Sink for Box<S> {
    fn take(&mut self, secrets: SessionSecrets, receipt: Receipt) {
        (**self).take(secrets, receipt);
    }

    fn miss(&mut self, peer: &Peer, client_random: Option<&[u8; 32]>, tallies: &Tallies) {
        (**self).miss(peer, client_random, tallies);
    }
}
