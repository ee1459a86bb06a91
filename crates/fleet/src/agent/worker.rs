//! The thread that sends.

use std::sync::Arc;
use std::time::{Duration, Instant};

use event::Timestamp;
use peers::{Backoff, jittered};
use tokio::runtime;
use tokio::sync::{Notify, watch};
use tokio::time::{interval, sleep, sleep_until};
use tonic::transport::Channel;

use super::counters::Link;
use super::dial::dial;
use super::identity::Identity;
use super::join::{Standing, Trouble, enrol, renew, standing};
use super::orders::Orders;
use super::report::{Desk, Ended};
use super::settings::{ServerAddress, UplinkSettings};
use super::spooling::Spooling;
use super::{Host, Shared, add, wall_clock};
use crate::limits::MOST_TO_AGENT;
use crate::v1::fleet_client::FleetClient;

/// Joins, connects, reports, and connects again.
pub(super) struct Worker {
    settings: UplinkSettings,
    shared: Arc<Shared>,
    host: Arc<dyn Host>,
    orders: Orders,
    stored: Arc<Notify>,
    started: i64,
    /// When to try to renew again after that has failed.
    renew_after: Timestamp,
}

impl Worker {
    pub(super) fn new(settings: UplinkSettings, shared: Arc<Shared>, host: Arc<dyn Host>) -> Self {
        let orders = Orders::open(&settings.folder, &*host);
        let (stored, started) = (Arc::new(Notify::new()), wall_clock());
        Self {
            settings,
            shared,
            host,
            orders,
            stored,
            started,
            renew_after: Timestamp::from_nanos(0),
        }
    }

    /// Works until it is told to end.
    pub(super) fn run(mut self) {
        let mut spooling = self.spooling();
        match runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => {
                runtime.block_on(self.work());
                // Resolvers that take their time are not waited for.
                runtime.shutdown_background();
            }
            Err(error) => self.host.tell(&format!("nothing can be sent: {error}")),
        }
        spooling.store();
        self.sync();
    }

    async fn work(&mut self) {
        let spooling = tokio::spawn(self.spooling().run());
        let mut backoff = Backoff::new(self.settings.retry.0, self.settings.retry.1);
        let servers = self.settings.servers.clone();
        let mut end = self.shared.end.subscribe();
        let mut failed_in_turn = 0_usize;
        let mut turns = servers.iter().cycle();
        let mut server = turns.next();
        while let Some(current) = server
            && end.borrow_and_update().is_none()
        {
            let mut is_settled = false;
            let over = over(self.shared.end.subscribe());
            let ended = tokio::select! {
                ended = self.connect(current, &mut is_settled) => ended,
                () = over => Ok(Ended::Finished),
            };
            if is_settled {
                backoff.reset();
                failed_in_turn = 0;
            }
            let wait = match ended {
                Ok(Ended::Finished) => break,
                // The same server, with the new certificate.
                Ok(Ended::Renews) => continue,
                Ok(Ended::Closed) => {
                    self.down(Link::Down(Some("the server ended the connection".to_owned())));
                    jittered(self.settings.retry.0)
                }
                Err(Trouble::Refused(why)) => {
                    self.failed(false);
                    self.down(Link::Refused(why));
                    jittered(self.settings.refused_retry)
                }
                Err(trouble) => {
                    self.failed(matches!(trouble, Trouble::Improper(_)));
                    failed_in_turn = failed_in_turn.saturating_add(1);
                    let (Trouble::Failed(why) | Trouble::Refused(why) | Trouble::Improper(why)) =
                        trouble;
                    self.down(Link::Down(Some(why)));
                    // The next server at once, but for the first that was tried.
                    let is_round = failed_in_turn.is_multiple_of(servers.len());
                    if is_round { backoff.wait() } else { Duration::ZERO }
                }
            };
            server = turns.next();
            tokio::select! {
                () = sleep(wait) => {}
                _ = end.changed() => {}
            }
        }
        if self.shared.end.borrow().is_none() {
            // There is no server, which the settings do not allow.
            end.changed().await.ok();
        }
        // It ends with the uplink; what it panicked with was printed.
        spooling.await.ok();
    }

    /// One connection, from its certificate to its end.
    async fn connect(
        &mut self,
        server: &ServerAddress,
        is_settled: &mut bool,
    ) -> Result<Ended, Trouble> {
        let identity = self.identity(server).await?;
        let tls = identity.tls().map_err(|error| Trouble::Failed(error.to_string()))?;
        let channel = dial(server, tls, self.settings.ping_every).await.map_err(Trouble::Failed)?;
        if self.renew_at(&identity).as_nanos() <= wall_clock() {
            match self.renew(&channel, &identity).await {
                Ok(()) => return Ok(Ended::Renews),
                Err(Trouble::Refused(why)) => return Err(Trouble::Refused(why)),
                Err(Trouble::Failed(why) | Trouble::Improper(why)) => {
                    self.renew_after = after(RENEW_AGAIN);
                    self.host.tell(&format!(
                        "the certificate, which is good until {}, is not renewed: {why}",
                        identity.not_after
                    ));
                }
            }
        }
        let renew_at = self.renew_at(&identity);
        let mut sync = interval(SYNC_EVERY);
        let shared = Arc::clone(&self.shared);
        let desk = Desk {
            settings: &self.settings,
            shared: &self.shared,
            host: &self.host,
            stored: &self.stored,
            orders: &mut self.orders,
            started: self.started,
            renew_at,
            is_settled,
        };
        let report = desk.report(server, channel);
        let mut report = std::pin::pin!(report);
        loop {
            tokio::select! {
                ended = &mut report => return ended,
                // If it fails, so does what is written next, and that is told.
                _ = sync.tick() => { shared.spool().sync().ok(); }
            }
        }
    }

    /// Who this agent is; joins for that if it has to.
    async fn identity(&self, server: &ServerAddress) -> Result<Identity, Trouble> {
        let failed = |error: super::identity::NoIdentity| Trouble::Failed(error.to_string());
        match standing(&self.settings).map_err(failed)? {
            Standing::Member(identity) => Ok(*identity),
            Standing::Stranger(why) => Err(Trouble::Refused(why)),
            Standing::Joins(why, old) => {
                let Some(token) = &self.settings.token else {
                    return Err(Trouble::Refused(why.to_owned()));
                };
                match (enrol(&self.settings, server, token).await, old) {
                    (Ok(identity), _) => {
                        add(&mut self.shared.counters().certificates, 1);
                        let agent = identity.agent();
                        self.host.tell(&format!("joined at {server} as {agent}, because {why}"));
                        Ok(identity)
                    }
                    (Err(Trouble::Refused(why)), Some(old)) => {
                        self.host.tell(&format!(
                            "{server} does not take the token: {why}; this agent goes on as {}",
                            old.agent()
                        ));
                        Ok(*old)
                    }
                    (Err(trouble), _) => Err(trouble),
                }
            }
        }
    }

    async fn renew(&mut self, channel: &Channel, old: &Identity) -> Result<(), Trouble> {
        let mut client = FleetClient::new(channel.clone()).max_decoding_message_size(MOST_TO_AGENT);
        let identity = renew(&self.settings, &mut client, old).await?;
        add(&mut self.shared.counters().certificates, 1);
        self.host.tell(&format!("the certificate was renewed until {}", identity.not_after));
        // Whatever the server says of the next time.
        self.renew_after = after(RENEWALS_APART);
        Ok(())
    }

    /// When to renew: what the server said, and later if that has failed.
    fn renew_at(&self, identity: &Identity) -> Timestamp {
        identity.renew_at.max(self.renew_after)
    }

    fn failed(&self, is_improper: bool) {
        let mut counters = self.shared.counters();
        add(&mut counters.failed_attempts, 1);
        add(&mut counters.improper, u64::from(is_improper));
    }

    /// Says once that there is no connection, and why.
    fn down(&self, link: Link) {
        let mut current = self.shared.link();
        if *current == link {
            return;
        }
        current.clone_from(&link);
        drop(current);
        match link {
            Link::Refused(why) => self.host.tell(&format!(
                "the server does not let this agent in: {why}. What it sees is spooled"
            )),
            Link::Down(Some(why)) => {
                self.host.tell(&format!("no connection to a server: {why}"));
            }
            Link::Down(None) | Link::Up { .. } => {}
        }
    }

    fn spooling(&self) -> Spooling {
        Spooling {
            shared: Arc::clone(&self.shared),
            host: Arc::clone(&self.host),
            flush_after: self.settings.flush_after,
            stored: Arc::clone(&self.stored),
            is_failing: false,
        }
    }

    fn sync(&self) {
        if let Err(error) = self.shared.spool().sync() {
            self.host.tell(&format!("the spool: {error}"));
        }
    }
}

/// Waits until there is no more time.
async fn over(mut end: watch::Receiver<Option<Instant>>) {
    let told = end.wait_for(Option::is_some).await.map(|deadline| *deadline);
    if let Ok(Some(deadline)) = told {
        sleep_until(deadline.into()).await;
    }
}

fn after(nanos: i64) -> Timestamp {
    Timestamp::from_nanos(wall_clock()).plus_nanos(nanos)
}

/// What the power may cost.
const SYNC_EVERY: Duration = Duration::from_secs(5);

/// In nanoseconds: the last third of its life is ten days.
const RENEW_AGAIN: i64 = 3600 * 1_000_000_000;

/// In nanoseconds.
const RENEWALS_APART: i64 = 60 * 1_000_000_000;
