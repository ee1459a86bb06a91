//! The thread that sends.

use std::io;
use std::os::fd::AsFd as _;
use std::sync::mpsc::{self, TryRecvError};
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use peers::Backoff;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustls::crypto::aws_lc_rs;

use super::channel::Channel;
use super::dial::{Dialed, Target};
use super::session::{Session, Step};
use super::settings::SenderSettings;
use super::spool::Spool;
use super::{Link, Shared};
use crate::format::SessionId;

/// Connects, sends, and connects again.
pub(super) struct Worker {
    settings: SenderSettings,
    target: Target,
    shared: Arc<Shared>,
    tell: Box<dyn Fn(&Link) + Send>,
    session: Session,
    state: State,
    backoff: Backoff,
}

enum State {
    Waiting { until: Instant },
    Dialing(mpsc::Receiver<Result<Dialed, String>>),
    Connected(Box<Channel>),
}

impl Worker {
    pub(super) fn new(
        settings: SenderSettings,
        target: Target,
        spool: Option<Spool>,
        shared: Arc<Shared>,
        tell: Box<dyn Fn(&Link) + Send>,
    ) -> io::Result<Self> {
        let mut id = [0; 16];
        fill_random(&mut id)?;
        Ok(Self {
            session: Session::new(SessionId(id), spool, Arc::clone(&shared), &settings)?,
            backoff: Backoff::new(settings.retry.0, settings.retry.1),
            state: State::Waiting { until: Instant::now() },
            settings,
            target,
            shared,
            tell,
        })
    }

    /// Works until it is told to end.
    pub(super) fn run(mut self) {
        loop {
            let now = Instant::now();
            let deadline = self.shared.deadline();
            if deadline.is_some_and(|deadline| now >= deadline) {
                break;
            }
            self.session.tidy(now);
            let is_connected = matches!(self.state, State::Connected(_));
            if deadline.is_some() && !is_connected && self.session.is_done() {
                break;
            }
            let wake_at = match self.step(now, deadline.is_some()) {
                Ok(Step::Goodbye) => break,
                Ok(Step::Until(until)) => until,
                Err(why) => {
                    self.hang_up(now, why);
                    continue;
                }
            };
            let wake_at = deadline.map_or(wake_at, |deadline| wake_at.min(deadline));
            self.wait(wake_at.saturating_duration_since(now));
        }
        if let State::Connected(channel) = self.state {
            channel.close();
        }
        self.session.give_up();
    }

    fn step(&mut self, now: Instant, is_ending: bool) -> Result<Step, String> {
        match &mut self.state {
            State::Waiting { until } if *until <= now => {
                self.state = State::Dialing(self.dial());
                Ok(Step::Until(now + self.settings.heartbeat))
            }
            State::Waiting { until } => Ok(Step::Until(*until)),
            State::Dialing(dialed) => match dialed.try_recv() {
                Ok(dialed) => {
                    let mut channel = Box::new(Channel::new(dialed?));
                    self.session.begin(&mut channel, now).map_err(|error| error.to_string())?;
                    self.state = State::Connected(channel);
                    Ok(Step::Until(now))
                }
                Err(TryRecvError::Empty) => Ok(Step::Until(now + self.settings.heartbeat)),
                Err(TryRecvError::Disconnected) => Err("no thread to connect from".to_owned()),
            },
            State::Connected(channel) => {
                let was_greeted = self.session.is_greeted();
                let step = self.session.step(channel, now, is_ending)?;
                if !was_greeted && self.session.is_greeted() {
                    self.change(Link::Up);
                }
                if self.session.is_settled() {
                    self.backoff.reset();
                }
                Ok(step)
            }
        }
    }

    /// Connects in another thread: the resolver and the network may take their time.
    fn dial(&self) -> mpsc::Receiver<Result<Dialed, String>> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let (target, shared) = (self.target.clone(), Arc::clone(&self.shared));
        let spawned = thread::Builder::new().name("tunnel-dial".to_owned()).spawn(move || {
            // It is not there any more if the agent ended meanwhile.
            sender.send(target.dial()).ok();
            shared.wake();
        });
        // Without a thread the channel is closed, and that is found.
        drop(spawned);
        receiver
    }

    fn hang_up(&mut self, now: Instant, why: String) {
        let was_connected = matches!(self.state, State::Connected(_));
        self.session.end();
        {
            let counters = &mut self.shared.outbox().counters;
            if !was_connected {
                counters.failed_attempts = counters.failed_attempts.saturating_add(1);
            }
        }
        let wait = self.backoff.wait();
        self.state = State::Waiting { until: now + wait };
        self.change(Link::Down(Some(why)));
    }

    fn change(&self, link: Link) {
        let mut current = self.shared.link.lock().unwrap_or_else(PoisonError::into_inner);
        if *current != link {
            current.clone_from(&link);
            drop(current);
            (self.tell)(&link);
        }
    }

    /// Waits until the socket is ready, somebody wakes it, or the time is over.
    fn wait(&self, timeout: Duration) {
        let timeout = Timespec::try_from(timeout).unwrap_or_default();
        let wake = PollFd::new(&self.shared.wake, PollFlags::IN);
        let result = if let State::Connected(channel) = &self.state {
            let mut events = PollFlags::IN;
            events.set(PollFlags::OUT, channel.has_to_write());
            let socket = PollFd::from_borrowed_fd(channel.socket().as_fd(), events);
            poll(&mut [wake, socket], Some(&timeout))
        } else {
            poll(&mut [wake], Some(&timeout))
        };
        // An interrupted wait is a short one.
        result.ok();
        let mut count = [0; 8];
        // It is not to be read if nobody woke it.
        rustix::io::read(&self.shared.wake, &mut count).ok();
    }
}

fn fill_random(bytes: &mut [u8]) -> io::Result<()> {
    aws_lc_rs::default_provider()
        .secure_random
        .fill(bytes)
        .map_err(|_error| io::Error::other("no random numbers"))
}
