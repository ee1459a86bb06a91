//! An agent, and a server whose behaviour a test chooses.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use event::Timestamp;
use fleet::agent::{Host, Link, Observed, Uplink, UplinkSettings};
use fleet::v1::enrolment_server::{Enrolment, EnrolmentServer};
use fleet::v1::fleet_server::{Fleet, FleetServer};
use fleet::v1::{
    Batch, EnrolRequest, FromAgent, FromServer, Hello, Issued, Kept, RenewRequest, Status, Welcome,
    from_agent, from_server,
};
use fleet::{AgentId, Authority, JoinToken, PeerInfo, accept, batch_name, decompress, limits};
use futures_util::{Stream, StreamExt as _, stream};
use tokio::sync::{mpsc, oneshot};
use tonic::{Request, Response, Streaming};

/// What a server that serves a test has in place of a store, whichever of its processes wrote it.
#[derive(Default)]
pub(crate) struct Book {
    /// Lines by the names of their batches.
    pub(crate) kept: BTreeMap<String, Vec<u8>>,
    /// Batches that came once more.
    pub(crate) again: u64,
    pub(crate) hellos: Vec<Hello>,
    pub(crate) statuses: Vec<Status>,
    /// Agents that are not let in any more.
    pub(crate) revoked: Vec<String>,
    /// Tokens that let somebody in, by digest.
    pub(crate) tokens: Vec<[u8; 32]>,
    pub(crate) issued: u64,
    pub(crate) renewed: u64,
    /// What the next certificates say of their renewal, from now on in seconds.
    pub(crate) renew_in: Option<i64>,
    /// Behind the welcome.
    pub(crate) orders: Vec<from_server::Message>,
    pub(crate) welcome: Option<Welcome>,
}

/// What a server answers to a batch.
pub(crate) type Answers = Arc<dyn Fn(&Batch, &mut Book) -> Vec<from_server::Message> + Send + Sync>;

/// A server that runs.
pub(crate) struct Server {
    pub(crate) port: u16,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// All that outlives a process of a server.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) authority: Arc<Authority>,
    pub(crate) book: Arc<Mutex<Book>>,
}

#[derive(Clone)]
struct Service {
    world: World,
    answers: Answers,
}

impl World {
    pub(crate) fn new() -> Self {
        let authority = Arc::new(Authority::generate(now()).unwrap());
        Self { authority, book: Arc::default() }
    }

    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap()
    }

    /// A token that lets agents in.
    pub(crate) fn token(&self) -> JoinToken {
        let token = JoinToken::generate(self.authority.fingerprint()).unwrap();
        self.book().tokens.push(token.digest());
        token
    }

    /// A server that keeps what it gets.
    pub(crate) fn serve(&self) -> Server {
        self.serve_with(0, Arc::new(keep))
    }

    /// A server at a port that answers in a way of its own.
    pub(crate) fn serve_with(&self, port: u16, answers: Answers) -> Server {
        let listener = poll(|| TcpListener::bind(("127.0.0.1", port)).ok());
        let port = listener.local_addr().unwrap().port();
        listener.set_nonblocking(true).unwrap();
        let (end, ended) = oneshot::channel();
        let service = Service { world: self.clone(), answers };
        let thread = thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                tokio::select! {
                    () = service.listen(listener) => {}
                    _ = ended => {}
                }
            });
            runtime.shutdown_background();
        });
        Server { port, end: Some(end), thread: Some(thread) }
    }

    /// All lines that were kept, in the order in which they were handed in.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut batches: Vec<_> = self
            .book()
            .kept
            .iter()
            .map(|(name, lines)| {
                let number: u64 = name.split_once(':').unwrap().1.parse().unwrap();
                (number, String::from_utf8(lines.clone()).unwrap())
            })
            .collect();
        batches.sort_unstable();
        batches.iter().flat_map(|(_, lines)| lines.lines().map(str::to_owned)).collect()
    }
}

/// Keeps a batch once, by its name.
pub(crate) fn keep(batch: &Batch, book: &mut Book) -> Vec<from_server::Message> {
    let lines = decompress(batch, limits::MOST_LINES_LEN).unwrap();
    if book.kept.insert(batch_name(batch).unwrap(), lines).is_some() {
        book.again += 1;
    }
    vec![from_server::Message::Kept(Kept { number: batch.number, rejected: 0 })]
}

impl Server {
    /// Kills it, with all its connections.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.end.take();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

impl Service {
    async fn listen(&self, listener: TcpListener) {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let authority = &self.world.authority;
        let identity = authority.issue_server(&[], now()).unwrap();
        let config = fleet::server_config(&identity, &[authority.certificate().to_vec()]).unwrap();
        let incoming = stream::unfold(listener, move |listener| {
            let config = Arc::clone(&config);
            async move {
                loop {
                    let (tcp, _) = listener.accept().await.unwrap();
                    if let Ok(accepted) = accept(tcp, Arc::clone(&config)).await {
                        return Some((Ok::<_, std::io::Error>(accepted), listener));
                    }
                }
            }
        });
        let fleet = FleetServer::new(self.clone())
            .max_decoding_message_size(limits::MOST_TO_SERVER)
            .max_encoding_message_size(usize::MAX);
        tonic::transport::Server::builder()
            .add_service(EnrolmentServer::new(self.clone()))
            .add_service(fleet)
            .serve_with_incoming(Box::pin(incoming))
            .await
            .unwrap();
    }

    fn member<T>(&self, request: &Request<T>) -> Result<AgentId, tonic::Status> {
        let peer = request.extensions().get::<PeerInfo>().unwrap().certificate.clone();
        let peer = peer.ok_or_else(|| tonic::Status::unauthenticated("no certificate"))?;
        if self.world.book().revoked.contains(&peer.agent.to_string()) {
            return Err(tonic::Status::permission_denied("this agent was revoked"));
        }
        Ok(peer.agent)
    }

    fn issue(&self, request: &[u8], agent: &AgentId) -> Result<Response<Issued>, tonic::Status> {
        let authority = &self.world.authority;
        let issued = authority.issue_agent(request, agent, now());
        let issued = issued.map_err(|error| tonic::Status::invalid_argument(error.to_string()))?;
        let mut message = issued.message(vec![authority.certificate().to_vec()]);
        if let Some(seconds) = self.world.book().renew_in {
            message.renew_at = now().as_nanos() / 1_000_000_000 + seconds;
        }
        Ok(Response::new(message))
    }
}

#[tonic::async_trait]
impl Enrolment for Service {
    async fn enrol(
        &self,
        request: Request<EnrolRequest>,
    ) -> Result<Response<Issued>, tonic::Status> {
        let request = request.into_inner();
        let token: JoinToken = request.token.parse().unwrap();
        if !self.world.book().tokens.contains(&token.digest()) {
            return Err(tonic::Status::permission_denied("the token is not known"));
        }
        let number = {
            let mut book = self.world.book();
            book.issued += 1;
            book.issued
        };
        let agent = AgentId::new(format!("{}-{number}", request.host)).unwrap();
        self.issue(&request.certificate_request, &agent)
    }
}

#[tonic::async_trait]
impl Fleet for Service {
    type ReportStream = Pin<Box<dyn Stream<Item = Result<FromServer, tonic::Status>> + Send>>;

    async fn renew(
        &self,
        request: Request<RenewRequest>,
    ) -> Result<Response<Issued>, tonic::Status> {
        let agent = self.member(&request)?;
        self.world.book().renewed += 1;
        self.issue(&request.into_inner().certificate_request, &agent)
    }

    async fn report(
        &self,
        request: Request<Streaming<FromAgent>>,
    ) -> Result<Response<Self::ReportStream>, tonic::Status> {
        let agent = self.member(&request)?;
        let (out, mut queue) = mpsc::channel(64);
        let service = self.clone();
        let mut messages = request.into_inner();
        tokio::spawn(async move {
            while let Some(Ok(message)) = messages.next().await {
                for answer in service.answer(&agent, message) {
                    let is_end = answer.is_err();
                    if out.send(answer).await.is_err() || is_end {
                        return;
                    }
                }
            }
        });
        Ok(Response::new(Box::pin(stream::poll_fn(move |context| queue.poll_recv(context)))))
    }
}

impl Service {
    fn answer(&self, agent: &AgentId, said: FromAgent) -> Vec<Result<FromServer, tonic::Status>> {
        let mut book = self.world.book();
        if book.revoked.contains(&agent.to_string()) {
            return vec![Err(tonic::Status::permission_denied("this agent was revoked"))];
        }
        let answers = match said.message.unwrap() {
            from_agent::Message::Hello(hello) => {
                book.hellos.push(hello);
                let usual = Welcome {
                    agent: agent.to_string(),
                    clock: now().as_nanos(),
                    window: 8,
                    most_lines_len: limits::MOST_LINES_LEN,
                };
                let welcome = book.welcome.clone().unwrap_or(usual);
                let mut all = vec![from_server::Message::Welcome(welcome)];
                all.extend(book.orders.iter().cloned());
                all
            }
            from_agent::Message::Batch(batch) => (self.answers)(&batch, &mut book),
            from_agent::Message::Status(status) => {
                book.statuses.push(status);
                Vec::new()
            }
        };
        answers.into_iter().map(|message| Ok(FromServer { message: Some(message) })).collect()
    }
}

/// The program that an agent is a part of.
#[derive(Default)]
pub(crate) struct Program {
    pub(crate) told: Mutex<Vec<String>>,
    pub(crate) policies: Mutex<Vec<Vec<String>>>,
    pub(crate) settings: Mutex<Vec<String>>,
}

impl Host for Program {
    fn status(&self) -> Observed {
        Observed { sessions: 42, losses: [("gaps".to_owned(), 3)].into(), ..Observed::default() }
    }

    fn take_policies(&self, documents: Vec<String>) -> Result<(), String> {
        self.policies.lock().unwrap().push(documents);
        Ok(())
    }

    fn take_settings(&self, toml: &str) -> Result<(), String> {
        if toml.contains("nonsense") {
            return Err("unknown key nonsense".to_owned());
        }
        self.settings.lock().unwrap().push(toml.to_owned());
        Ok(())
    }

    fn tell(&self, message: &str) {
        self.told.lock().unwrap().push(message.to_owned());
    }
}

impl Program {
    pub(crate) fn was_told(&self, what: &str) -> bool {
        self.told.lock().unwrap().iter().any(|message| message.contains(what))
    }
}

/// Settings of an agent that does not wait for long.
pub(crate) fn settings(folder: &Path, ports: &[u16], token: Option<JoinToken>) -> UplinkSettings {
    let servers = ports.iter().map(|port| format!("127.0.0.1:{port}").parse().unwrap()).collect();
    let mut settings = UplinkSettings::new(servers, folder.join("agent"), |_line| 1);
    settings.token = token;
    settings.about.host = "node".to_owned();
    settings.flush_after = Duration::from_millis(10);
    settings.retry = (Duration::from_millis(20), Duration::from_millis(200));
    settings.refused_retry = Duration::from_millis(200);
    settings.status_every = Duration::from_millis(50);
    settings
}

pub(crate) fn start(settings: UplinkSettings) -> (Uplink, Arc<Program>) {
    let program = Arc::new(Program::default());
    let host = Arc::<Program>::clone(&program);
    (Uplink::start(settings, host).unwrap(), program)
}

/// Hands lines in, each in a batch of its own as far as the server's window shows.
pub(crate) fn push(uplink: &Uplink, lines: std::ops::Range<u32>) {
    for number in lines {
        assert!(uplink.push(format!("line {number}\n").as_bytes()));
        if number % 10 == 0 {
            poll(|| (uplink.meter().backlog().batches > 0 || kept(uplink) > 0).then_some(()));
        }
    }
}

pub(crate) fn expected(lines: std::ops::Range<u32>) -> Vec<String> {
    lines.map(|number| format!("line {number}")).collect()
}

pub(crate) fn kept(uplink: &Uplink) -> u64 {
    uplink.meter().counters().kept_sessions
}

pub(crate) fn is_up(uplink: &Uplink) -> bool {
    matches!(uplink.meter().link(), Link::Up { .. })
}

/// Waits for something that has to happen.
pub(crate) fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "it never came to this: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn poll<T>(mut get: impl FnMut() -> Option<T>) -> T {
    let mut got = None;
    wait("there is something", || {
        got = get();
        got.is_some()
    });
    got.unwrap()
}

pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap())
}

const PATIENCE: Duration = Duration::from_secs(180);
