//! A connection whose packets come to a gate, at one of its ends.

use std::net::SocketAddr;
use std::time::Duration;

use handover::{Hold, Label, OnDeadline, Reached};
use nfqueue::{Action, Gate, GateCounts, Greeting, Hook, Limits, QueuedPacket, Reset, Told};
use wire::{SegmentFields, SeqNumber, TcpFlags, TcpPath};

/// What a gate was asked, and what it said.
pub(crate) struct World {
    pub(crate) gate: Gate<&'static str>,
    pub(crate) now_ns: u64,
    /// Numbers of packets, in the order of their verdicts.
    pub(crate) accepted: Vec<u32>,
    pub(crate) dropped: Vec<u32>,
    /// Packets whose connection the gate needs no more of.
    pub(crate) done: Vec<u32>,
    pub(crate) resets: Vec<Reset>,
    pub(crate) told: Vec<Told<&'static str>>,
    pub(crate) greetings: Vec<Greeting>,
    asked: u32,
}

/// A connection. The client is side 0.
pub(crate) struct Connection {
    ends: [SocketAddr; 2],
    /// How many bytes each side has sent.
    sent: [u32; 2],
    /// Where the numbers of each side begin.
    start: [u32; 2],
    /// The side at this host.
    here: usize,
    /// Whether what comes in is in the queue.
    sees_input: bool,
}

impl World {
    pub(crate) fn new(hold: Hold) -> Self {
        Self::with_limits(hold, Limits::default())
    }

    pub(crate) fn with_limits(hold: Hold, limits: Limits) -> Self {
        Self {
            gate: Gate::new(hold, limits),
            now_ns: 1_000_000_000,
            accepted: Vec::new(),
            dropped: Vec::new(),
            done: Vec::new(),
            resets: Vec::new(),
            told: Vec::new(),
            greetings: Vec::new(),
            asked: 0,
        }
    }

    /// Has a packet come, and gives its number.
    pub(crate) fn packet(&mut self, hook: Hook, bytes: &[u8], len: usize) -> u32 {
        self.asked += 1;
        let packet = QueuedPacket { id: self.asked, hook, bytes, len };
        self.gate.take_packet(self.now_ns, &packet);
        self.act();
        self.asked
    }

    pub(crate) fn take(&mut self, random: u8, labels: &[Label]) {
        for label in labels {
            self.gate.take_note(self.now_ns, &[random; 32], *label, "curl");
        }
        self.act();
    }

    pub(crate) fn acknowledge(&mut self, random: u8, labels: &[Label]) {
        for label in labels {
            self.gate.acknowledge(self.now_ns, &[random; 32], *label);
        }
        self.act();
    }

    pub(crate) fn deny(&mut self, random: u8) {
        self.gate.deny(self.now_ns, &[random; 32]);
        self.act();
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now_ns += u64::try_from(time.as_nanos()).unwrap();
        self.gate.time_out(self.now_ns);
        self.act();
    }

    pub(crate) fn counts(&self) -> GateCounts {
        *self.gate.counts()
    }

    /// Whether a packet waits.
    #[track_caller]
    pub(crate) fn waits(&self, id: u32) -> bool {
        let verdicts = self.accepted.iter().chain(&self.dropped).filter(|it| **it == id).count();
        assert!(verdicts < 2, "two verdicts for one packet");
        verdicts == 0
    }

    /// Packets that have come.
    pub(crate) const fn asked(&self) -> u32 {
        self.asked
    }

    fn act(&mut self) {
        while let Some(action) = self.gate.next_action() {
            match action {
                Action::Accept { id, is_done } => {
                    self.accepted.push(id);
                    self.done.extend(is_done.then_some(id));
                }
                Action::Drop { id } => self.dropped.push(id),
                Action::Reset(reset) => self.resets.push(reset),
                Action::Greeting(greeting) => self.greetings.push(greeting),
                Action::Told(told) => self.told.push(told),
            }
        }
    }
}

impl Connection {
    /// One whose handshake of TCP the gate sees.
    pub(crate) fn begin(world: &mut World, port: u16, here: usize) -> Self {
        Self::begin_between(world, [addr("192.0.2.1", port), addr("192.0.2.2", 443)], here, true)
    }

    pub(crate) fn begin_between(
        world: &mut World,
        ends: [SocketAddr; 2],
        here: usize,
        sees_input: bool,
    ) -> Self {
        // One wraps within the handshake, and no two connections begin with the same.
        let start = [u32::MAX - 100 - world.asked, 5000 + world.asked];
        let connection = Self { ends, sent: [0; 2], start, here, sees_input };
        let syn = connection.segment(0, 0, TcpFlags::SYN, &[]);
        connection.come(world, 0, &syn, syn.len());
        let syn_ack = connection.segment(1, 0, TcpFlags::SYN | TcpFlags::ACK, &[]);
        connection.come(world, 1, &syn_ack, syn_ack.len());
        connection
    }

    /// A side sends data; the number of its packet.
    #[track_caller]
    pub(crate) fn send(&mut self, world: &mut World, side: usize, data: &[u8]) -> u32 {
        let at = self.sent[side];
        self.sent[side] += u32::try_from(data.len()).unwrap();
        let id = self.send_at(world, side, at, data);
        if let Some(id) = id {
            assert!(side == self.here || !world.waits(id), "what comes in passes");
        }
        id.unwrap_or(0)
    }

    /// The same of data at some place; `None` if it is not in the queue.
    pub(crate) fn send_at(
        &self,
        world: &mut World,
        side: usize,
        at: u32,
        data: &[u8],
    ) -> Option<u32> {
        let packet = self.segment(side, at + 1, TcpFlags::PSH | TcpFlags::ACK, data);
        self.come(world, side, &packet, packet.len())
    }

    /// A packet with data of which only the first bytes were copied.
    pub(crate) fn send_cut(
        &mut self,
        world: &mut World,
        side: usize,
        data: &[u8],
        cut: usize,
    ) -> u32 {
        let packet = self.segment(side, self.sent[side] + 1, TcpFlags::ACK, data);
        self.sent[side] += u32::try_from(data.len()).unwrap();
        self.come(world, side, &packet[..packet.len() - cut], packet.len()).unwrap()
    }

    /// A packet without data.
    pub(crate) fn signal(&self, world: &mut World, side: usize, flags: TcpFlags) -> u32 {
        let packet = self.segment(side, self.sent[side] + 1, flags | TcpFlags::ACK, &[]);
        self.come(world, side, &packet, packet.len()).unwrap()
    }

    /// What would begin another connection between the same ports.
    pub(crate) fn syn(&self, world: &mut World, side: usize, more: u32) -> u32 {
        let packet = self.segment(side, more, TcpFlags::SYN, &[]);
        self.come(world, side, &packet, packet.len()).unwrap()
    }

    /// Numbers that a side has come to.
    pub(crate) fn next(&self, side: usize) -> SeqNumber {
        SeqNumber(self.start[side]).plus(1).plus(self.sent[side])
    }

    pub(crate) const fn ends(&self) -> [SocketAddr; 2] {
        self.ends
    }

    fn come(&self, world: &mut World, side: usize, bytes: &[u8], len: usize) -> Option<u32> {
        let hook = if side == self.here { Hook::Output } else { Hook::Input };
        (side == self.here || self.sees_input).then(|| world.packet(hook, bytes, len))
    }

    fn segment(&self, side: usize, at: u32, flags: TcpFlags, data: &[u8]) -> Vec<u8> {
        let (from, to) = (self.ends[side], self.ends[1 - side]);
        let path = TcpPath::new(([0; 6], [0; 6]), None, from, to);
        let acknowledgment = SeqNumber(self.start[1 - side]).plus(1).plus(self.sent[1 - side]);
        let fields = SegmentFields {
            sequence: SeqNumber(self.start[side]).plus(at),
            acknowledgment,
            flags,
            window: 0xffff,
            options: &[],
            identification: 1,
        };
        let mut frame = Vec::new();
        path.write(&fields, data, &mut frame);
        frame.split_off(14)
    }
}

pub(crate) fn addr(ip: &str, port: u16) -> SocketAddr {
    SocketAddr::new(ip.parse().unwrap(), port)
}

/// Until a monitor has the secrets; it goes on after a second.
pub(crate) fn hold() -> Hold {
    Hold { wait: Some(Reached::Live), deadline: DEADLINE, ..Hold::default() }
}

/// The same; it is aborted after a second.
pub(crate) fn or_abort() -> Hold {
    Hold { on_deadline: OnDeadline::Abort, ..hold() }
}

pub(crate) fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut record = vec![kind, 3, 3];
    record.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
    record.extend(body);
    record
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[kind, a, b, c][..], body].concat()
}

/// A record with a client's hello.
pub(crate) fn client_hello(random: u8, offers_early_data: bool) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([random; 32]);
    body.extend([0, 0, 2, 0x13, 0x01, 1, 0]);
    let name: &[u8] = &[0, 0, 0, 9, 0, 7, 0, 0, 4, b't', b'e', b's', b't'];
    let early: &[u8] = if offers_early_data { &[0, 42, 0, 0] } else { &[] };
    body.extend(u16::try_from(name.len() + early.len()).unwrap().to_be_bytes());
    body.extend(name);
    body.extend(early);
    record(22, &message(1, &body))
}

/// A record with a server's hello.
pub(crate) fn server_hello(is_tls13: bool) -> Vec<u8> {
    server_hello_with([9; 32], is_tls13)
}

/// The hello of a server that asks for another (RFC 9846 section 4.1.3).
pub(crate) fn retry() -> Vec<u8> {
    let random = [
        0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8,
        0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8,
        0x33, 0x9c,
    ];
    server_hello_with(random, true)
}

fn server_hello_with(random: [u8; 32], is_tls13: bool) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend(random);
    body.extend([0, 0x13, 0x01, 0]);
    let versions: &[u8] = if is_tls13 { &[0, 6, 0, 43, 0, 2, 3, 4] } else { &[0, 0] };
    body.extend(versions);
    record(22, &message(2, &body))
}

/// A handshake message of a server in the clear.
pub(crate) fn certificate() -> Vec<u8> {
    record(22, &message(11, &[7; 900]))
}

pub(crate) fn change_cipher_spec() -> Vec<u8> {
    record(20, &[1])
}

/// What TLS 1.3 protects.
pub(crate) fn protected(len: usize) -> Vec<u8> {
    record(23, &vec![0xaa; len])
}

/// A handshake message that is encrypted, of TLS 1.2.
pub(crate) fn encrypted_handshake() -> Vec<u8> {
    record(22, &[0; 40])
}

pub(crate) const HANDSHAKE: [Label; 2] = [Label::ClientHandshake, Label::ServerHandshake];
pub(crate) const BOTH: [Label; 2] = [Label::ClientApplication, Label::ServerApplication];
pub(crate) const DEADLINE: Duration = Duration::from_secs(1);
