//! One connection to the sensor.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use peers::HandshakePlace;
use rustls::ServerConnection;

use super::audit::{Happening, RefusedHow};
use super::handshake::handshake;
use super::name::AgentName;
use super::switch::Attachment;
use super::{Shared, wall_clock};
use crate::format::{Frame, FrameReader, Malformed, Refusal, Reply, Unpacker};

/// Serves somebody from a thread, if there is a place.
pub(super) fn start(
    shared: &Arc<Shared>,
    tcp: TcpStream,
    peer: SocketAddr,
) -> Option<JoinHandle<()>> {
    let Some(place) = shared.places.handshake(peer.ip()) else {
        shared.tell(peer, None, Happening::Refused(RefusedHow::Busy));
        return None;
    };
    let own = Arc::clone(shared);
    let thread = thread::Builder::new().name("tunnel-agent".to_owned()).stack_size(STACK);
    let spawned = thread.spawn(move || {
        let number = own.next_socket.fetch_add(1, Ordering::Relaxed);
        if let Ok(socket) = tcp.try_clone() {
            own.sockets().insert(number, socket);
            if !own.is_over() {
                serve(&own, tcp, peer, place);
            }
            own.sockets().remove(&number);
        }
    });
    if spawned.is_err() {
        shared.tell(peer, None, Happening::Refused(RefusedHow::Busy));
    }
    spawned.ok()
}

fn serve(shared: &Shared, mut tcp: TcpStream, peer: SocketAddr, place: HandshakePlace) {
    // It is read from and written to with time-outs, and acknowledgements do not wait.
    let is_set = tcp.set_nonblocking(false).and_then(|()| tcp.set_nodelay(true));
    if is_set.is_err() {
        return;
    }
    let (tls, agent) = match handshake(&mut tcp, &shared.tls) {
        Ok(done) => done,
        Err(how) => {
            shared.tell(peer, None, Happening::Refused(how));
            return;
        }
    };
    drop(place);
    let Some(_place) = shared.places.connection() else {
        shared.tell(peer, Some(&agent), Happening::Refused(RefusedHow::Busy));
        return;
    };
    let mut connection = Connection::new(shared, tcp, tls, agent.clone());
    let ended = connection.run(|| shared.tell(peer, Some(&agent), Happening::Joined));
    if let Some(attachment) = connection.attachment {
        shared.hub.pass(|hub| hub.switch.detach(attachment, wall_clock()));
    }
    match ended {
        Err(Ended::Refused(how)) => {
            connection.refuse(&how);
            shared.tell(peer, Some(&agent), Happening::Refused(how));
        }
        Err(Ended::Broken) => shared.tell(peer, Some(&agent), Happening::Left),
        Ok(()) => shared.tell(peer, Some(&agent), Happening::Ended),
    }
}

struct Connection<'a> {
    shared: &'a Shared,
    tcp: TcpStream,
    tls: ServerConnection,
    agent: AgentName,
    frames: FrameReader,
    unpacker: Option<Unpacker>,
    records: Vec<u8>,
    attachment: Option<Attachment>,
    /// Bytes that the agent may still send in this second.
    allowance: Allowance,
}

/// Why a connection ended that its agent did not end.
enum Ended {
    /// It is cut.
    Broken,
    /// The agent may not go on.
    Refused(RefusedHow),
}

/// What is said to the agent, and whether that is the last of it.
enum Answer {
    Reply(Reply),
    Last(Reply),
}

impl<'a> Connection<'a> {
    fn new(shared: &'a Shared, tcp: TcpStream, tls: ServerConnection, agent: AgentName) -> Self {
        Self {
            shared,
            tcp,
            tls,
            agent,
            frames: FrameReader::default(),
            unpacker: None,
            records: Vec::new(),
            attachment: None,
            allowance: Allowance::new(shared.limits.bytes_per_second),
        }
    }

    /// Takes frames until the agent ends its session. `joined` is called when it has said hello.
    fn run(&mut self, joined: impl Fn()) -> Result<(), Ended> {
        let patience = self.shared.limits.patience;
        self.tcp.set_read_timeout(Some(patience))?;
        self.tcp.set_write_timeout(Some(patience))?;
        let mut chunk = vec![0; CHUNK];
        loop {
            let had_joined = self.attachment.is_some();
            let len = self.read(&mut chunk)?;
            self.frames.push(chunk.get(..len).unwrap_or_default());
            let mut frames = std::mem::take(&mut self.frames);
            while let Some(frame) = frames.next_frame()? {
                match self.answer(&frame)? {
                    Answer::Reply(reply) => self.reply(reply)?,
                    Answer::Last(reply) => {
                        self.reply(reply)?;
                        self.flush()?;
                        self.part();
                        return Ok(());
                    }
                }
            }
            self.frames = frames;
            self.flush()?;
            if !had_joined && self.attachment.is_some() {
                joined();
            }
        }
    }

    fn answer(&mut self, frame: &Frame<'_>) -> Result<Answer, Ended> {
        let now = wall_clock();
        let hub = &self.shared.hub;
        let Some(attachment) = self.attachment else {
            let Frame::Hello(hello) = frame else { return Err(Malformed::Magic.into()) };
            let (attachment, reply) = hub.pass(|hub| {
                hub.with(|switch, sink| switch.attach(&self.agent, hello, now, sink))
            })?;
            self.attachment = Some(attachment);
            return Ok(Answer::Reply(reply));
        };
        let reply = match frame {
            Frame::Hello(_) => return Err(Refusal::Malformed.into()),
            Frame::Batch { sequence, len, packed } => {
                self.unpack(packed, *len)?;
                self.allowance.spend(self.records.len(), self.shared);
                let records = &self.records;
                hub.pass(|hub| {
                    let reply = hub.with(|switch, sink| {
                        switch.take(attachment, *sequence, records, now, sink)
                    });
                    hub.consumer.flush(now);
                    reply
                })?
            }
            Frame::Known { len, packed } => {
                self.unpack(packed, *len)?;
                let records = &self.records;
                hub.pass(|hub| {
                    hub.with(|switch, sink| switch.take_known(attachment, records, now, sink))
                })?
            }
            Frame::Heartbeat(report) => hub.pass(|hub| hub.switch.report(attachment, *report))?,
            Frame::Goodbye(report) => {
                let reply = hub.pass(|hub| {
                    let reply = hub.switch.report(attachment, *report);
                    hub.with(|switch, sink| switch.goodbye(attachment, now, sink));
                    hub.consumer.flush(now);
                    reply
                })?;
                return Ok(Answer::Last(reply));
            }
        };
        Ok(Answer::Reply(reply))
    }

    fn unpack(&mut self, packed: &[u8], len: u32) -> Result<(), Ended> {
        let unpacker = match &mut self.unpacker {
            Some(unpacker) => unpacker,
            None => self.unpacker.insert(Unpacker::new()?),
        };
        Ok(unpacker.unpack(packed, len, &mut self.records)?)
    }

    /// Reads clear text, at least one byte.
    fn read(&mut self, chunk: &mut [u8]) -> Result<usize, Ended> {
        loop {
            match self.tls.reader().read(chunk) {
                Ok(0) => return Err(Ended::Broken),
                Ok(len) => return Ok(len),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
            match self.tls.read_tls(&mut self.tcp) {
                Ok(0) => return Err(Ended::Broken),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            }
            if let Err(error) = self.tls.process_new_packets() {
                return Err(Ended::Refused(RefusedHow::Handshake(error.to_string())));
            }
        }
    }

    fn reply(&mut self, reply: Reply) -> Result<(), Ended> {
        Ok(self.tls.writer().write_all(&reply.to_bytes())?)
    }

    fn flush(&mut self) -> Result<(), Ended> {
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.tcp)?;
        }
        Ok(())
    }

    /// Says why the agent may not go on, if there is a word for it.
    fn refuse(&mut self, how: &RefusedHow) {
        let refusal = match how {
            RefusedHow::Protocol(refusal) => *refusal,
            RefusedHow::Format(Malformed::Version(_)) => Refusal::Version,
            RefusedHow::Format(_) => Refusal::Malformed,
            RefusedHow::Busy
            | RefusedHow::NoCertificate
            | RefusedHow::BadCertificate(_)
            | RefusedHow::NoName
            | RefusedHow::Handshake(_)
            | RefusedHow::Silent => return,
        };
        if self.reply(Reply::Refused(refusal)).is_ok() {
            self.part();
        }
    }

    /// Ends the connection so that the agent reads what was said last: bytes that are still to come would
    /// have the system reset it.
    fn part(&mut self) {
        self.tls.send_close_notify();
        let is_said = self.flush().is_ok() && self.tcp.shutdown(Shutdown::Write).is_ok();
        if is_said && self.tcp.set_read_timeout(Some(LAST_PATIENCE)).is_ok() {
            let deadline = Instant::now() + LAST_PATIENCE;
            let mut rest = vec![0; CHUNK];
            while Instant::now() < deadline && self.tcp.read(&mut rest).is_ok_and(|len| len > 0) {}
        }
    }
}

/// Bytes that an agent may send.
struct Allowance {
    per_second: Option<u64>,
    /// When the bytes that came are paid for.
    paid_until: Instant,
}

impl Allowance {
    fn new(per_second: Option<u64>) -> Self {
        Self { per_second, paid_until: Instant::now() }
    }

    /// Waits until so many bytes more may come.
    fn spend(&mut self, bytes: usize, shared: &Shared) {
        let Some(per_second) = self.per_second else { return };
        let nanos = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(1_000_000_000);
        let cost = Duration::from_nanos(nanos / per_second.max(1)).min(LONGEST_WAIT);
        let now = Instant::now();
        let wait = self.paid_until.saturating_duration_since(now);
        self.paid_until = self.paid_until.max(now) + cost;
        if !wait.is_zero() {
            shared.wait(None, wait);
        }
    }
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) {
            Self::Refused(RefusedHow::Silent)
        } else {
            Self::Broken
        }
    }
}

impl From<Malformed> for Ended {
    fn from(malformed: Malformed) -> Self {
        Self::Refused(RefusedHow::Format(malformed))
    }
}

impl From<Refusal> for Ended {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(RefusedHow::Protocol(refusal))
    }
}

/// What one read takes: a few TLS records.
const CHUNK: usize = 64 << 10;

/// Certificates are verified and records handed on, nothing of which is recursive.
const STACK: usize = 1 << 20;

/// For an agent to read why it is refused.
const LAST_PATIENCE: Duration = Duration::from_secs(1);

/// For one batch, whatever the bound.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
