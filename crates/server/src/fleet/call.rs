//! The long call of an agent: it tells batches and how it does, and is told what became of them.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use fleet::limits::{MOST_LINES_LEN, MOST_TO_AGENT, WINDOW};
use fleet::v1::from_agent::Message as Said;
use fleet::v1::from_server::Message as Told;
use fleet::{Peer, v1};
use futures_util::Stream;
use policy::Naming;
use prost::Message as _;
use store::Source;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;
use tonic::{Request, Response, Status, Streaming};

use super::Entrance;
use super::enrolment::{not_admitted, peer, renew};
use super::guidance;
use super::keeping::{Job, Sender, Work};
use super::register::{Known, NotAdmitted};
use super::turn::Turns;
use crate::app::App;

/// The service for agents with a certificate.
#[derive(Clone, Debug)]
pub(super) struct Calls {
    pub(super) app: App,
    pub(super) entrance: Arc<Entrance>,
    pub(super) turns: Arc<Turns<Job>>,
}

#[tonic::async_trait]
impl v1::fleet_server::Fleet for Calls {
    type ReportStream = Answers;

    async fn renew(
        &self,
        request: Request<v1::RenewRequest>,
    ) -> Result<Response<v1::Issued>, Status> {
        let agent = self.admitted(&request).await?.agent;
        let request = request.into_inner().certificate_request;
        renew(&self.app, &self.entrance, &agent, &request).await.map(Response::new)
    }

    async fn report(
        &self,
        request: Request<Streaming<v1::FromAgent>>,
    ) -> Result<Response<Answers>, Status> {
        let certificate = self.admitted(&request).await?;
        let address = peer(&request)?.address.ip().to_canonical().to_string();
        let (told, next) = unbounded_channel();
        let waiting = Arc::new(Waiting::default());
        let answers = Answers { next, waiting: Arc::clone(&waiting) };
        let call = Call {
            app: self.app.clone(),
            turns: Arc::clone(&self.turns),
            certificate,
            address,
            told,
            waiting,
        };
        tokio::spawn(call.run(request.into_inner()));
        Ok(Response::new(answers))
    }
}

impl Calls {
    /// Whose certificate it is, if that agent may come in.
    async fn admitted<T>(&self, request: &Request<T>) -> Result<Peer, Status> {
        let Some(certificate) = peer(request)?.certificate.clone() else {
            return Err(Status::unauthenticated("there is no certificate: join with a token"));
        };
        let now = self.app.parts.clock.now();
        if certificate.not_after <= now {
            return Err(Status::unauthenticated("the certificate has expired"));
        }
        let register = &self.app.fleet.register;
        let mut admitted = register.admit(certificate.agent.as_str(), now);
        if admitted == Err(NotAdmitted::Unknown) {
            // It may have enrolled at another server just now.
            self.app.following.catch_up(&self.app).await;
            admitted = register.admit(certificate.agent.as_str(), now);
        }
        admitted.map_err(|why| not_admitted(&why))?;
        Ok(certificate)
    }
}

/// What the server tells on a call.
type ToTell = Result<Told, Status>;

/// What is told and not read yet.
#[derive(Debug, Default)]
struct Waiting {
    /// Batches that are not answered, and answers that are not read.
    batches: AtomicU32,
    /// Policies and settings that are not read.
    orders: AtomicU32,
}

/// What the agent reads.
#[derive(Debug)]
pub(super) struct Answers {
    next: UnboundedReceiver<ToTell>,
    waiting: Arc<Waiting>,
}

impl Stream for Answers {
    type Item = Result<v1::FromServer, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.next.poll_recv(context).map(|next| {
            let told = match next? {
                Ok(told) => told,
                Err(status) => return Some(Err(status)),
            };
            let count = match &told {
                Told::Kept(_) | Told::Refused(_) | Told::Later(_) => &self.waiting.batches,
                Told::Policies(_) | Told::Settings(_) | Told::Welcome(_) => &self.waiting.orders,
            };
            count.fetch_sub(1, Ordering::Relaxed);
            Some(Ok(v1::FromServer { message: Some(told) }))
        })
    }
}

/// A call as it goes on.
struct Call {
    app: App,
    turns: Arc<Turns<Job>>,
    certificate: Peer,
    address: String,
    told: UnboundedSender<ToTell>,
    waiting: Arc<Waiting>,
}

impl Call {
    async fn run(self, mut said: Streaming<v1::FromAgent>) {
        let ended = self.serve(&mut said).await;
        if let Err(status) = ended {
            self.told.send(Err(status)).ok();
        }
    }

    async fn serve(&self, said: &mut Streaming<v1::FromAgent>) -> Result<(), Status> {
        let register = &self.app.fleet.register;
        let id = self.certificate.agent.as_str();
        let hello = match self.hear(said).await? {
            Some(Said::Hello(hello)) => hello,
            Some(_) => return Err(self.malformed("it did not begin with a Hello")),
            None => return Ok(()),
        };
        let mut changes = register.changes();
        let now = self.app.parts.clock.now();
        let (agent, connection) = register
            .connect(id, hello, self.address.clone(), now)
            .map_err(|why| not_admitted(&why))?;
        let _connected = Connected { app: &self.app, id, connection };
        self.order(Told::Welcome(v1::Welcome {
            agent: id.to_owned(),
            clock: now.as_nanos(),
            window: WINDOW,
            most_lines_len: MOST_LINES_LEN,
        }))?;
        let mut had = Had::of(&agent);
        self.orders(&agent, &mut had)?;
        let line = Line { turns: &self.turns, number: self.turns.join() };
        let sender = Arc::new(self.sender(&agent));
        let left = self.certificate.not_after.nanos_since(now);
        let expiry = tokio::time::sleep(Duration::from_nanos(left));
        tokio::pin!(expiry);
        loop {
            tokio::select! {
                heard = self.hear(said) => match heard? {
                    Some(Said::Batch(batch)) => self.batch(batch, &line, &sender)?,
                    Some(Said::Status(status)) => {
                        register.status(id, status, self.app.parts.clock.now());
                    }
                    Some(Said::Hello(_)) => return Err(self.malformed("a second Hello")),
                    None => return Ok(()),
                },
                changed = changes.changed() => {
                    changed.map_err(|_closed| Status::unavailable("the server ends"))?;
                    let agent = self.goes_on(connection)?;
                    self.orders(&agent, &mut had)?;
                }
                () = &mut expiry => {
                    return Err(Status::unauthenticated("the certificate has expired"));
                }
            }
        }
    }

    /// The next message; none when the agent ends the call.
    async fn hear(&self, said: &mut Streaming<v1::FromAgent>) -> Result<Option<Said>, Status> {
        match timeout(PATIENCE, said.message()).await {
            Err(_elapsed) => Err(Status::deadline_exceeded("nothing was heard for too long")),
            Ok(Ok(Some(v1::FromAgent { message: Some(message) }))) => Ok(Some(message)),
            Ok(Ok(Some(v1::FromAgent { message: None }))) => {
                Err(self.malformed("an empty message"))
            }
            Ok(Ok(None)) => Ok(None),
            // Too long, or no message at all. A connection that broke is another code.
            Ok(Err(status))
                if matches!(
                    status.code(),
                    tonic::Code::OutOfRange
                        | tonic::Code::Internal
                        | tonic::Code::ResourceExhausted
                ) =>
            {
                Err(self.malformed(status.message()))
            }
            Ok(Err(status)) => Err(status),
        }
    }

    /// Counts what makes no sense, and says so.
    fn malformed(&self, what: &str) -> Status {
        let now = self.app.parts.clock.now();
        self.app.fleet.register.malformed(self.certificate.agent.as_str(), what, now);
        Status::invalid_argument(what.to_owned())
    }

    fn goes_on(&self, connection: u64) -> Result<Known, Status> {
        let now = self.app.parts.clock.now();
        let id = self.certificate.agent.as_str();
        self.app.fleet.register.goes_on(id, connection, now).map_err(|why| match why {
            Some(why) => not_admitted(&why),
            None => Status::aborted("the agent has another connection"),
        })
    }

    /// Puts a batch in its line.
    fn batch(&self, batch: v1::Batch, line: &Line<'_>, sender: &Arc<Sender>) -> Result<(), Status> {
        if self.waiting.batches.fetch_add(1, Ordering::Relaxed) >= WINDOW {
            return Err(self.malformed("more batches than the window has room for"));
        }
        self.app.fleet.register.heard(&sender.agent, self.app.parts.clock.now());
        let (number, len) = (batch.number, batch.encoded_len());
        let (work, len) =
            if self.turns.has_room(len) { (Work::Keep(batch), len) } else { (Work::Decline, 0) };
        line.turns.push(line.number, Job { number, work, sender: Arc::clone(sender) }, len);
        Ok(())
    }

    fn sender(&self, agent: &Known) -> Sender {
        let labels = guidance::labels(agent);
        let host = agent.enrolled.host.clone();
        Sender {
            agent: agent.enrolled.id.clone(),
            source: Source {
                id: agent.enrolled.id.clone(),
                host: host.clone(),
                version: agent.report.version.clone(),
            },
            naming: Naming {
                host: Some(host).filter(|host| !host.is_empty()),
                cluster: agent.enrolled.labels.get(CLUSTER).cloned(),
                labels: labels.into_iter().filter(|(key, _)| key != CLUSTER).collect(),
                ..Naming::default()
            },
            answers: self.told.clone(),
        }
    }

    /// Tells the agent which policies and settings it is to have, where it has others.
    fn orders(&self, agent: &Known, had: &mut Had) -> Result<(), Status> {
        let guidance = &self.app.fleet.guidance;
        let policies = guidance.policies(&self.app.judge.rules());
        if policies.digest != had.policies {
            had.policies.clone_from(&policies.digest);
            if policies.encoded_len() < MOST_TO_AGENT {
                self.order(Told::Policies((*policies).clone()))?;
            } else {
                self.app.log("the policies are too long to be sent to agents");
            }
        }
        let settings = guidance.settings(agent);
        if settings.revision != had.settings {
            had.settings = settings.revision;
            self.order(Told::Settings(settings))?;
        }
        Ok(())
    }

    fn order(&self, order: Told) -> Result<(), Status> {
        if self.waiting.orders.fetch_add(1, Ordering::Relaxed) >= MOST_ORDERS {
            return Err(Status::resource_exhausted("the agent does not read what it is told"));
        }
        self.told.send(Ok(order)).ok();
        Ok(())
    }
}

/// What the agent has, or was sent.
struct Had {
    policies: Vec<u8>,
    settings: u64,
}

impl Had {
    fn of(agent: &Known) -> Self {
        let digest = data_encoding::HEXLOWER.decode(agent.report.policies_digest.as_bytes());
        Self { policies: digest.unwrap_or_default(), settings: agent.report.settings_revision }
    }
}

/// A connection is over when this goes.
struct Connected<'a> {
    app: &'a App,
    id: &'a str,
    connection: u64,
}

impl Drop for Connected<'_> {
    fn drop(&mut self) {
        let now = self.app.parts.clock.now();
        self.app.fleet.register.disconnect(self.id, self.connection, now);
    }
}

/// The place of a connection among those that wait.
struct Line<'a> {
    turns: &'a Turns<Job>,
    number: u64,
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        self.turns.leave(self.number);
    }
}

/// An agent says every ten seconds how it does.
const PATIENCE: Duration = Duration::from_secs(90);

/// Policies and settings that an agent has not read yet; they rarely change.
const MOST_ORDERS: u32 = 16;

/// The label that names the cluster of an agent.
const CLUSTER: &str = "cluster";
