//! What happens, as it happens: one stream for each client that looks on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// Hands what happens to whoever looks on. Nobody who looks on makes anybody wait.
#[derive(Debug)]
pub(crate) struct Live {
    sender: broadcast::Sender<Happening>,
    clients: Arc<AtomicUsize>,
    dropped: Arc<AtomicU64>,
}

/// What happened, as JSON that all clients share.
#[derive(Clone, Debug)]
pub(crate) enum Happening {
    Session(Arc<str>),
    Violation(Arc<str>),
}

/// What one client is told next.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    This(Happening),
    /// So much happened while the client was busy with reading.
    Dropped(u64),
}

/// One client's stream.
#[derive(Debug)]
pub(crate) struct Watching {
    receiver: broadcast::Receiver<Happening>,
    clients: Arc<AtomicUsize>,
    dropped: Arc<AtomicU64>,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            sender: broadcast::Sender::new(MAX_WAITING),
            clients: Arc::default(),
            dropped: Arc::default(),
        }
    }
}

impl Live {
    /// Whether anybody looks on: if not, nothing needs to be written as JSON.
    pub(crate) fn is_watched(&self) -> bool {
        self.sender.receiver_count() > 0
    }

    /// Tells all that look on.
    pub(crate) fn tell(&self, happening: Happening) {
        // An error says that nobody looks on.
        self.sender.send(happening).ok();
    }

    /// A new client's stream; none if there are too many.
    pub(crate) fn watch(&self) -> Option<Watching> {
        let clients = Arc::clone(&self.clients);
        if clients.fetch_add(1, Ordering::Relaxed) >= MAX_CLIENTS {
            clients.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        let receiver = self.sender.subscribe();
        Some(Watching { receiver, clients, dropped: Arc::clone(&self.dropped) })
    }

    /// How many look on.
    pub(crate) fn clients(&self) -> usize {
        self.clients.load(Ordering::Relaxed)
    }

    /// How much was not told to a client that was too slow, in total.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Watching {
    /// What is next; none when the server ends.
    pub(crate) async fn next(&mut self) -> Option<Told> {
        match self.receiver.recv().await {
            Ok(happening) => Some(Told::This(happening)),
            Err(RecvError::Lagged(count)) => {
                self.dropped.fetch_add(count, Ordering::Relaxed);
                Some(Told::Dropped(count))
            }
            Err(RecvError::Closed) => None,
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.clients.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A second of a busy host, a megabyte in all. What is older when a client gets to it, it is told as a
/// number.
const MAX_WAITING: usize = 1024;

/// Some people with some tabs.
const MAX_CLIENTS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_slow_client_is_told_how_much_it_missed() {
        let live = Live::default();
        let mut slow = live.watch().unwrap();
        for number in 0..MAX_WAITING + 7 {
            live.tell(Happening::Session(number.to_string().into()));
        }
        assert!(matches!(slow.next().await, Some(Told::Dropped(7))));
        let Some(Told::This(Happening::Session(next))) = slow.next().await else { panic!() };
        assert_eq!(&*next, "7");
        assert_eq!(live.dropped(), 7);
    }

    #[test]
    fn clients_have_a_bound_and_give_their_place_back() {
        let live = Live::default();
        let all: Vec<_> = (0..MAX_CLIENTS).map(|_| live.watch().unwrap()).collect();
        assert!(live.watch().is_none() && live.is_watched());
        drop(all);
        assert_eq!(live.clients(), 0);
        assert!(live.watch().is_some() && !live.is_watched());
    }
}
