//! One call to a server: batches to it, answers and orders from it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use event::Timestamp;
use futures_util::stream::poll_fn;
use tokio::sync::{Notify, mpsc};
use tokio::time::{MissedTickBehavior, interval, sleep, sleep_until, timeout};
use tonic::Streaming;
use tonic::transport::Channel;

use super::counters::Link;
use super::join::{Trouble, answered, trouble};
use super::orders::Orders;
use super::settings::{ServerAddress, UplinkSettings};
use super::spooling::batch;
use super::window::{Outcome, Sent, Window};
use super::{Host, Observed, Shared, add, clean, wall_clock};
use crate::limits::{MOST_LINES_LEN, MOST_TO_AGENT, MOST_TO_SERVER};
use crate::v1::fleet_client::FleetClient;
use crate::v1::{FromAgent, FromServer, Hello, Status, Welcome, from_agent, from_server};

/// Why a call ended that was welcomed, and without trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The server ends itself.
    Closed,
    /// The certificate is to be renewed.
    Renews,
    /// All is sent, or there is no more time.
    Finished,
}

/// What a call works with.
pub(super) struct Desk<'a> {
    pub(super) settings: &'a UplinkSettings,
    pub(super) shared: &'a Arc<Shared>,
    pub(super) host: &'a Arc<dyn Host>,
    pub(super) stored: &'a Notify,
    pub(super) orders: &'a mut Orders,
    /// When the process began, in nanoseconds since 1970.
    pub(super) started: i64,
    /// When the certificate is to be renewed.
    pub(super) renew_at: Timestamp,
    /// Set when a server has taken something.
    pub(super) is_settled: &'a mut bool,
}

/// A call that was welcomed.
struct Call<'a> {
    desk: Desk<'a>,
    out: mpsc::Sender<FromAgent>,
    answers: Streaming<FromServer>,
    window: Window,
}

/// What is next.
enum Turn {
    /// There may be something to send, or room for it.
    Sending,
    Answer(Result<Option<FromServer>, tonic::Status>),
    Status,
    Look,
}

impl<'a> Desk<'a> {
    /// Reports until something ends it.
    pub(super) async fn report(
        self,
        server: &ServerAddress,
        channel: Channel,
    ) -> Result<Ended, Trouble> {
        let (out, mut queue) = mpsc::channel(QUEUE);
        let message = from_agent::Message::Hello(self.hello());
        // There is room for one.
        out.try_send(FromAgent { message: Some(message) }).ok();
        let outbound = poll_fn(move |context| queue.poll_recv(context));
        let mut client = FleetClient::new(channel)
            .max_decoding_message_size(MOST_TO_AGENT)
            .max_encoding_message_size(MOST_TO_SERVER);
        let patience = self.settings.patience;
        let mut answers = answered(patience, client.report(outbound)).await?;
        let first = timeout(patience, answers.message())
            .await
            .map_err(|_error| Trouble::Failed("the server says no welcome".to_owned()))?
            .map_err(|status| trouble(&status))?;
        let Some(FromServer { message: Some(from_server::Message::Welcome(welcome)) }) = first
        else {
            return Err(Trouble::Improper("the server began without a welcome".to_owned()));
        };
        if welcome.most_lines_len < MOST_LINES_LEN {
            return Err(Trouble::Improper("the server takes shorter batches than any".to_owned()));
        }
        self.welcomed(server, &welcome);
        let window = Window::new(welcome.window);
        Call { desk: self, out, answers, window }.run().await
    }

    fn hello(&self) -> Hello {
        let about = self.settings.about.clone();
        Hello {
            host: about.host,
            version: about.version,
            clock: wall_clock(),
            capability: about.capability,
            missing: about.missing,
            settings_revision: self.orders.settings_revision,
            policies_digest: self.orders.policies_digest.clone(),
            labels: about.labels,
        }
    }

    fn welcomed(&self, server: &ServerAddress, welcome: &Welcome) {
        let clock_ahead = welcome.clock.saturating_sub(wall_clock());
        let agent = clean(&welcome.agent);
        if clock_ahead.unsigned_abs() >= NOTABLE_SKEW {
            let (seconds, how) = (
                clock_ahead.unsigned_abs() / 1_000_000_000,
                if clock_ahead > 0 { "behind" } else { "ahead of" },
            );
            self.host.tell(&format!("the clock is {seconds} s {how} that of the server"));
        }
        add(&mut self.shared.counters().connections, 1);
        let waiting = self.shared.backlog().batches;
        self.host.tell(&format!("connected to {server} as {agent}; {waiting} batches wait"));
        *self.shared.link() = Link::Up { server: server.to_string(), agent, clock_ahead };
    }

    fn status(&self) -> Status {
        let Observed { sessions, losses, cpu_milliseconds, resident_bytes } = self.host.status();
        let backlog = *self.shared.backlog();
        Status {
            clock: wall_clock(),
            started: self.started,
            spooled_batches: backlog.batches,
            spooled_bytes: backlog.bytes,
            spooled_since: backlog.since.map_or(0, Timestamp::as_nanos),
            sessions,
            losses,
            cpu_milliseconds,
            resident_bytes,
            settings_revision: self.orders.settings_revision,
            policies_digest: self.orders.policies_digest.clone(),
            settings_error: self.orders.settings_error.clone(),
            policies_error: self.orders.policies_error.clone(),
        }
    }
}

impl Call<'_> {
    async fn run(mut self) -> Result<Ended, Trouble> {
        self.desk.shared.spool().rewind();
        let mut end = self.desk.shared.end.subscribe();
        let mut status = interval(self.desk.settings.status_every);
        let mut look = interval(LOOK_EVERY.min(self.desk.settings.patience));
        status.set_missed_tick_behavior(MissedTickBehavior::Delay);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_queue_full = self.send()?;
            if let Some(deadline) = *end.borrow_and_update()
                && (Instant::now() >= deadline || self.is_done())
            {
                return Ok(Ended::Finished);
            }
            let pause = self.window.pause();
            let turn = tokio::select! {
                answer = self.answers.message() => Turn::Answer(answer),
                () = self.desk.stored.notified() => Turn::Sending,
                permit = self.out.reserve(), if is_queue_full => {
                    drop(permit);
                    Turn::Sending
                }
                () = until(pause), if pause.is_some() => Turn::Sending,
                _ = status.tick() => Turn::Status,
                _ = look.tick() => Turn::Look,
                _ = end.changed() => Turn::Sending,
            };
            match turn {
                Turn::Sending => {}
                Turn::Answer(answer) => match answer.map_err(|status| trouble(&status))? {
                    None => return Ok(Ended::Closed),
                    Some(answer) => self.take(answer).await?,
                },
                Turn::Status => {
                    let message = Some(from_agent::Message::Status(self.desk.status()));
                    // The next one says all that this one does.
                    self.out.try_send(FromAgent { message }).ok();
                }
                Turn::Look => self.look()?,
            }
            if self.desk.renew_at.as_nanos() <= wall_clock() && self.window.is_empty() {
                return Ok(Ended::Renews);
            }
        }
    }

    /// Sends as many batches as there is room for; true if only the queue to the connection is full.
    fn send(&mut self) -> Result<bool, Trouble> {
        if self.window.resumes(Instant::now()) {
            self.desk.shared.spool().rewind();
        }
        let wants_renewal = self.desk.renew_at.as_nanos() <= wall_clock();
        while self.window.has_room() && !wants_renewal {
            // One place is left for a status.
            if self.out.capacity() <= 1 {
                return Ok(true);
            }
            let entry = self.desk.shared.spool().read();
            let entry = entry.map_err(|error| Trouble::Failed(format!("the spool: {error}")))?;
            let Some(entry) = entry else { break };
            let (number, sessions) = (entry.id.number, entry.weight);
            let Some(batch) = batch(entry) else { continue };
            let len = batch.lines.len() as u64;
            let message = Some(from_agent::Message::Batch(batch));
            if self.out.try_send(FromAgent { message }).is_err() {
                // The call has ended, and the answers will say why.
                break;
            }
            self.window.sent(Sent { number, sessions, at: Instant::now() });
            let mut counters = self.desk.shared.counters();
            add(&mut counters.sent_batches, 1);
            add(&mut counters.sent_bytes, len);
            add(&mut counters.sent_sessions, sessions);
        }
        self.desk.shared.look_at_spool();
        Ok(false)
    }

    async fn take(&mut self, answer: FromServer) -> Result<(), Trouble> {
        use from_server::Message;
        let shared = Arc::clone(self.desk.shared);
        match answer.message {
            Some(Message::Kept(kept)) => {
                if let Outcome::Done(sent) = self.window.done(kept.number).map_err(improper)? {
                    let mut counters = shared.counters();
                    add(&mut counters.kept_batches, 1);
                    add(&mut counters.kept_sessions, sent.sessions);
                    add(&mut counters.rejected_lines, kept.rejected.into());
                    drop(counters);
                    self.forget(sent.number);
                }
            }
            Some(Message::Refused(refused)) => {
                if let Outcome::Done(sent) = self.window.done(refused.number).map_err(improper)? {
                    let mut counters = shared.counters();
                    add(&mut counters.refused_batches, 1);
                    add(&mut counters.refused_sessions, sent.sessions);
                    drop(counters);
                    self.forget(sent.number);
                    let reason = clean(&refused.reason);
                    self.desk.host.tell(&format!(
                        "the server refuses a batch, which is lost with {} sessions: {reason}",
                        sent.sessions
                    ));
                }
            }
            Some(Message::Later(later)) => {
                let now = Instant::now();
                self.window.later(later.number, later.milliseconds, now).map_err(improper)?;
                add(&mut shared.counters().postponed, 1);
            }
            Some(Message::Policies(policies)) => {
                self.desk.orders.policies(policies, &**self.desk.host);
                sleep(ORDERS_APART).await;
            }
            Some(Message::Settings(settings)) => {
                self.desk.orders.settings(&settings, &**self.desk.host);
                sleep(ORDERS_APART).await;
            }
            Some(Message::Welcome(_)) => {
                return Err(Trouble::Improper("the server said welcome twice".to_owned()));
            }
            // Of a later version.
            None => {}
        }
        Ok(())
    }

    /// Drops a batch that the server is done with, and all before it.
    fn forget(&mut self, number: u64) {
        *self.desk.is_settled = true;
        if let Err(error) = self.desk.shared.spool().acknowledge(number) {
            self.desk.host.tell(&format!("the spool: {error}; batches may be sent again"));
        }
        self.desk.shared.look_at_spool();
    }

    /// Looks after what is to come in time.
    fn look(&self) -> Result<(), Trouble> {
        let patience = self.desk.settings.patience;
        if self.window.waits_since().is_some_and(|since| since.elapsed() >= patience) {
            return Err(Trouble::Failed("the server leaves batches unanswered".to_owned()));
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.window.is_empty() && self.desk.shared.is_empty()
    }
}

async fn until(pause: Option<Instant>) {
    if let Some(pause) = pause {
        sleep_until(pause.into()).await;
    }
}

fn improper(error: super::window::Improper) -> Trouble {
    Trouble::Improper(error.to_string())
}

/// Messages between here and the connection: what is to be sent waits in the spool, not in memory.
const QUEUE: usize = 4;

const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A server that sends nothing but orders does not keep the agent busy with them.
const ORDERS_APART: Duration = Duration::from_millis(200);

/// In nanoseconds: what no network is to blame for.
const NOTABLE_SKEW: u64 = 30 * 1_000_000_000;
