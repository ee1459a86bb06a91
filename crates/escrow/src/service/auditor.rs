//! Writes the audit log from a thread of its own. What others may cause as often as they like has so many
//! lines a second, and the rest is a number.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::audit::{AuditEvent, AuditLog};
use crate::clock::wall_clock;

/// Takes what happens.
pub(super) struct Auditor {
    teller: Teller,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// The same for other threads.
#[derive(Clone)]
pub(super) struct Teller {
    sender: Arc<Mutex<Option<SyncSender<AuditEvent>>>>,
    second: Arc<Mutex<Second>>,
    say: Arc<dyn Fn(&str) + Send + Sync>,
}

struct Second {
    since: Instant,
    told: u32,
    unmentioned: u64,
}

impl Auditor {
    pub(super) fn start(log: AuditLog, say: Box<dyn Fn(&str) + Send + Sync>) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(MAX_EVENTS);
        let say: Arc<dyn Fn(&str) + Send + Sync> = Arc::from(say);
        let second = Second { since: Instant::now(), told: 0, unmentioned: 0 };
        let teller = Teller {
            sender: Arc::new(Mutex::new(Some(sender))),
            second: Arc::new(Mutex::new(second)),
            say,
        };
        let own = teller.clone();
        let thread = thread::Builder::new().name("escrow-audit".to_owned());
        let thread = thread.spawn(move || write(log, &receiver, &own))?;
        Ok(Self { teller, thread: Mutex::new(Some(thread)) })
    }

    pub(super) fn teller(&self) -> Teller {
        self.teller.clone()
    }

    /// Takes what happens seldom.
    pub(super) fn tell(&self, event: AuditEvent) {
        self.teller.tell(event);
    }

    /// Takes what others cause.
    pub(super) fn tell_some(&self, event: AuditEvent) {
        self.teller.tell_some(event);
    }

    /// Writes what is there, and ends.
    pub(super) fn stop(&self) {
        self.teller.flush_unmentioned();
        drop(self.teller.sender.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A panic was printed.
            thread.join().ok();
        }
    }
}

impl Teller {
    pub(super) fn tell(&self, event: AuditEvent) {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // After the end nobody listens.
        if let Some(sender) = sender
            && let Err(error) = sender.send(event)
        {
            self.say(&format!("not in the audit log: {:?}", error.0));
        }
    }

    fn tell_some(&self, event: AuditEvent) {
        let unmentioned = {
            let mut second = self.second();
            let is_over = second.since.elapsed() >= Duration::from_secs(1);
            if is_over {
                (second.since, second.told) = (Instant::now(), 0);
            }
            if second.told >= MAX_TOLD_A_SECOND {
                second.unmentioned = second.unmentioned.saturating_add(1);
                return;
            }
            second.told = second.told.saturating_add(1);
            if is_over { std::mem::take(&mut second.unmentioned) } else { 0 }
        };
        if unmentioned > 0 {
            self.tell(AuditEvent::Unmentioned { count: unmentioned });
        }
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(sender) = sender else { return };
        if let Err(TrySendError::Full(_)) = sender.try_send(event) {
            let mut second = self.second();
            second.unmentioned = second.unmentioned.saturating_add(1);
        }
    }

    fn flush_unmentioned(&self) {
        let unmentioned = std::mem::take(&mut self.second().unmentioned);
        if unmentioned > 0 {
            self.tell(AuditEvent::Unmentioned { count: unmentioned });
        }
    }

    /// Tells the operator.
    pub(super) fn say(&self, what: &str) {
        (self.say)(what);
    }

    fn second(&self) -> std::sync::MutexGuard<'_, Second> {
        self.second.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write(mut log: AuditLog, receiver: &Receiver<AuditEvent>, teller: &Teller) {
    while let Ok(event) = receiver.recv() {
        let mut events = vec![event];
        while let Ok(event) = receiver.try_recv() {
            events.push(event);
        }
        if let Err(error) = log.append(wall_clock(), &events) {
            for event in &events {
                teller.say(&format!("not in the audit log: {error}: {event:?}"));
            }
        }
    }
}

/// Events that wait for the disk.
const MAX_EVENTS: usize = 1024;

const MAX_TOLD_A_SECOND: u32 = 64;
