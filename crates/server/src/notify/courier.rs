//! Empties the queues of the notifiers, and tries again what failed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use event::Timestamp;
use futures_util::future::join_all;
use store::{Collection, Page, Parcel, StoreError, ViolationQuery, ViolationState};
use tokio::io::AsyncWriteExt as _;
use tokio::net::UdpSocket;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::connect::{Failure, PATIENCE, resolve, tcp};
use super::formats;
use super::notice::{Event, Notice};
use super::notifier::{Address, Notifier, SyslogFormat, SyslogTransport, Target, WebhookFormat};
use super::{all, is_reminded, push, wants};
use crate::app::App;
use crate::clock::{MINUTE, SECOND};
use crate::problem::Problem;
use crate::routes::violations::describe;

/// Says that there is something to send.
#[derive(Debug, Default)]
pub(crate) struct Courier(Notify);

impl Courier {
    /// Has the queues looked at.
    pub(crate) fn wake(&self) {
        self.0.notify_one();
    }

    /// Sends what is due, for as long as the server runs.
    pub(crate) async fn run(&self, app: &App) {
        // Not by the time of day: a clock that is set back must not keep it waiting.
        let mut reminded = Instant::now();
        loop {
            timeout(PAUSE, self.0.notified()).await.ok();
            if !app.duties.are_here(app) {
                continue;
            }
            if let Err(problem) = send_due(app).await {
                app.log(&format!(
                    "nothing can be sent: {}",
                    problem.detail().unwrap_or("the store failed")
                ));
                tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
            }
            if reminded.elapsed() >= Duration::from_nanos(formats::RESEND_EVERY.unsigned_abs()) {
                reminded = Instant::now();
                let own = app.clone();
                // A failure was logged, and it is tried again.
                app.blocking(move || remind(&own)).await.ok();
            }
        }
    }
}

/// Sends what is due, to all notifiers at once and to each one after the other.
async fn send_due(app: &App) -> Result<(), Problem> {
    let now = app.parts.clock.now();
    let parcels = app.control(move |control| control.due_parcels(now, MAX_DUE)).await?;
    let mut queues = BTreeMap::<String, Vec<Parcel>>::new();
    for parcel in parcels {
        queues.entry(parcel.notifier.clone()).or_default().push(parcel);
    }
    let sent = join_all(queues.into_iter().map(|(id, queue)| send_queue(app, id, queue))).await;
    sent.into_iter().collect()
}

async fn send_queue(app: &App, id: String, queue: Vec<Parcel>) -> Result<(), Problem> {
    let key = id.clone();
    let notifier = app.control(move |control| read(control, &key)).await?;
    let Some(notifier) = notifier else {
        return app.control(move |control| control.remove_queue(&id)).await;
    };
    let mut queue = queue.into_iter();
    while let Some(parcel) = queue.next() {
        // Another server has taken over what is left.
        if !app.duties.are_here(app) {
            return Ok(());
        }
        let number = parcel.id;
        let Ok(notices) = serde_json::from_slice::<Vec<Notice>>(&parcel.body) else {
            app.control(move |control| control.drop_parcel(number, "it cannot be read")).await?;
            continue;
        };
        match send(&notifier, &notices, app.parts.clock.now()).await {
            Ok(()) => {
                app.meter.sent(notifier.kind);
                let now = app.parts.clock.now();
                app.control(move |control| control.parcel_sent(number, now)).await?;
            }
            Err(failure) => {
                app.meter.not_sent(notifier.kind);
                let failed: Vec<_> = std::iter::once(parcel).chain(queue).collect();
                let (now, why) = (app.parts.clock.now(), failure.to_string());
                return app.control(move |control| postpone(control, &failed, now, &why)).await;
            }
        }
    }
    Ok(())
}

/// A notifier, if there is one.
pub(crate) fn read(
    control: &dyn crate::app::Control,
    id: &str,
) -> Result<Option<Notifier>, StoreError> {
    let document = control.document(Collection::Notifiers, id)?;
    Ok(document.and_then(|document| serde_json::from_slice(&document.body).ok()))
}

/// Has all of a queue wait, so that a notifier that does not answer is not asked for each parcel.
fn postpone(
    control: &dyn crate::app::Control,
    parcels: &[Parcel],
    now: Timestamp,
    why: &str,
) -> Result<(), StoreError> {
    for parcel in parcels {
        if parcel.attempts >= MAX_ATTEMPTS {
            control.drop_parcel(parcel.id, why)?;
        } else {
            let delay = FIRST_DELAY.saturating_mul(1 << parcel.attempts.min(10)).min(LONGEST_DELAY);
            control.parcel_failed(parcel.id, now.plus_nanos(delay), why)?;
        }
    }
    Ok(())
}

/// Sends notices at once, as somebody who tests a notifier wants it.
pub(crate) async fn send(
    notifier: &Notifier,
    notices: &[Notice],
    now: Timestamp,
) -> Result<(), Failure> {
    let ca = notifier.ca();
    let target = notifier.target()?;
    if let Target::Alertmanager { url, token } = &target {
        let body = formats::alertmanager(notices, now);
        return super::http::post(url, token.as_deref(), ca, body.to_string().into()).await;
    }
    for notice in notices {
        match &target {
            Target::Webhook { url, format } => {
                let body = match format {
                    WebhookFormat::Json => formats::generic(notice),
                    WebhookFormat::StackRox => formats::stackrox(notice),
                };
                super::http::post(url, None, ca, body.to_string().into()).await?;
            }
            Target::Slack { url } => {
                let body = formats::slack(notice).to_string();
                super::http::post(url, None, ca, body.into()).await?;
            }
            Target::Syslog { address, transport, format } => {
                let message = match format {
                    SyslogFormat::Json => formats::generic(notice).to_string(),
                    SyslogFormat::Cef => formats::cef(notice),
                };
                let message = formats::syslog(notice, &host_name(), &message);
                send_syslog(address, *transport, &message).await?;
            }
            Target::Email(mailbox) => {
                let text = formats::mail(notice);
                let date = mail_date(now);
                super::smtp::send(mailbox, ca, &notice.headline(), &date, &text).await?;
            }
            Target::Alertmanager { .. } => {}
        }
    }
    Ok(())
}

async fn send_syslog(
    address: &Address,
    transport: SyslogTransport,
    message: &str,
) -> Result<(), Failure> {
    let broken = |error: std::io::Error| Failure::NoConnection(address.clone(), error.kind());
    match transport {
        SyslogTransport::Udp => {
            let to = resolve(address).await?.into_iter().next();
            let to = to.ok_or_else(|| Failure::NoAddress(address.clone()))?;
            let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
            let socket = UdpSocket::bind(any).await.map_err(broken)?;
            socket.send_to(message.as_bytes(), to).await.map_err(broken)?;
        }
        SyslogTransport::Tcp => {
            let mut stream = tcp(address).await?;
            // RFC 6587 section 3.4.1: each message has its length in front of it.
            let framed = format!("{} {message}", message.len());
            let sent = async {
                stream.write_all(framed.as_bytes()).await?;
                stream.shutdown().await
            };
            match timeout(PATIENCE, sent).await {
                Ok(sent) => sent.map_err(broken)?,
                Err(_) => return Err(Failure::TooLate(address.clone())),
            }
        }
    }
    Ok(())
}

/// Tells what is active once more to those that forget it otherwise.
fn remind(app: &App) -> Result<(), StoreError> {
    let control = &*app.parts.control;
    let notifiers: Vec<_> = all(control)?.into_iter().filter(|(_, it)| is_reminded(it)).collect();
    if notifiers.is_empty() {
        return Ok(());
    }
    let (rules, now) = (app.judge.rules(), app.parts.clock.now());
    let query = ViolationQuery { state: Some(ViolationState::Active), ..ViolationQuery::default() };
    let mut page = Page::first(REMINDED_AT_ONCE);
    for _ in 0..MAX_REMINDERS {
        let found = control.violations(&query, page)?;
        let told = describe(&*app.parts.sessions, control, found.items, now)?;
        let notices: Vec<_> =
            told.into_iter().map(|it| Notice::of(it, Event::Active, &rules, now)).collect();
        for (id, notifier) in &notifiers {
            let wanted: Vec<_> =
                notices.iter().filter(|it| wants(id, notifier, it)).cloned().collect();
            // One that does not answer is reminded when it has taken what waits.
            if !wanted.is_empty() && control.queue(id)?.queued < MAX_BEHIND {
                push(app, id, &wanted)?;
            }
        }
        match found.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    app.courier.wake();
    Ok(())
}

/// The name of this host, for messages of syslog.
fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned()
}

/// A time as mail has it (RFC 5322).
fn mail_date(now: Timestamp) -> String {
    let time = time::OffsetDateTime::from_unix_timestamp(now.as_nanos().div_euclid(SECOND));
    let text =
        time.ok().and_then(|time| time.format(&time::format_description::well_known::Rfc2822).ok());
    text.unwrap_or_default()
}

/// All that may wait for some notifiers.
const MAX_DUE: usize = 4 * Parcel::MAX_QUEUED;

/// How often it is looked whether something is due that failed before.
const PAUSE: Duration = Duration::from_secs(1);

const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(10);

const FIRST_DELAY: i64 = 10 * SECOND;

const LONGEST_DELAY: i64 = 60 * MINUTE;

/// With the delays above, after some 20 hours.
const MAX_ATTEMPTS: u32 = 28;

/// Alerts in one request: some hundred kilobytes.
const REMINDED_AT_ONCE: usize = 100;

/// Of more than a thousand alerts nobody reads the rest; they are told when they begin and end.
const MAX_REMINDERS: usize = 10;

/// Requests that may wait before no reminder is added.
const MAX_BEHIND: u64 = 32;
