//! What is known of a flow below its payload.

use std::cell::OnceCell;
use std::net::IpAddr;

use event::{Endpoint, Mac, Timestamp, Transport};

use crate::application::Direction;
use crate::key::{FlowKey, Sender};
use crate::per_direction::PerDirection;

/// What is known of a flow below its payload.
#[derive(Clone, Debug)]
pub struct Flow {
    key: FlowKey,
    initiator: Sender,
    pub(crate) roles: Roles,
    pub(crate) first_seen: Timestamp,
    pub(crate) last_seen: Timestamp,
    pub(crate) syn: Option<Timestamp>,
    pub(crate) syn_ack: Option<Timestamp>,
    pub(crate) handshake_ack: Option<Timestamp>,
    pub(crate) traffic: PerDirection<Traffic>,
    pub(crate) vlan: Option<u16>,
    pub(crate) tunnel: Option<Tunnel>,
    pub(crate) packet_truncated: bool,
    pub(crate) truncated_by_snaplen: bool,
    pub(crate) starts_mid_stream: PerDirection<bool>,
    pub(crate) gap_seen: bool,
    endpoints: OnceCell<Box<[Endpoint; 2]>>,
}

/// How it is known which side is the initiator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Roles {
    /// The sender of the first packet is taken for it.
    Guessed,
    /// A SYN or a SYN-ACK told.
    Observed,
}

/// Totals of one direction.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) packets: u64,
    pub(crate) ip_bytes: u64,
    pub(crate) mac: Option<[u8; 6]>,
}

/// What a flow was carried in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tunnel {
    /// IP in IP (RFC 2003, RFC 4213).
    IpInIp,
    /// GRE (RFC 2784).
    Gre,
    /// ERSPAN, a mirrored Ethernet port in GRE.
    Erspan,
    /// PPP in enhanced GRE (RFC 2637).
    Pptp,
    /// VXLAN (RFC 7348).
    Vxlan,
    /// GENEVE (RFC 8926).
    Geneve,
    /// GTP-U (3GPP TS 29.281).
    GtpU,
    /// Teredo (RFC 4380).
    Teredo,
    /// L2TP version 2 (RFC 2661).
    L2tp,
}

impl Flow {
    pub(crate) fn new(key: FlowKey, initiator: Sender, now: Timestamp) -> Self {
        Self {
            key,
            initiator,
            roles: Roles::Guessed,
            first_seen: now,
            last_seen: now,
            syn: None,
            syn_ack: None,
            handshake_ack: None,
            traffic: PerDirection::default(),
            vlan: None,
            tunnel: None,
            packet_truncated: false,
            truncated_by_snaplen: false,
            starts_mid_stream: PerDirection::new(false, false),
            gap_seen: false,
            endpoints: OnceCell::new(),
        }
    }

    /// TCP or UDP.
    #[must_use]
    pub const fn transport(&self) -> Transport {
        self.key.tag().transport()
    }

    /// The side that opened the flow, as far as that is known ([`Self::initiator_observed`]).
    #[must_use]
    pub fn initiator(&self) -> &Endpoint {
        let [initiator, _] = self.endpoints();
        initiator
    }

    /// The side that answered.
    #[must_use]
    pub fn responder(&self) -> &Endpoint {
        let [_, responder] = self.endpoints();
        responder
    }

    /// Address of the sender of a direction, without its text.
    #[must_use]
    pub fn source_ip(&self, direction: Direction) -> IpAddr {
        self.key.ip(self.end(direction))
    }

    /// Port of the sender of a direction.
    #[must_use]
    pub const fn source_port(&self, direction: Direction) -> u16 {
        self.key.port(self.end(direction))
    }

    /// Whether a SYN or a SYN-ACK told which side is the initiator; if not, it is the sender of the
    /// first packet seen.
    #[must_use]
    pub fn initiator_observed(&self) -> bool {
        self.roles == Roles::Observed
    }

    /// Whether the first bytes of a direction may be missing, because its SYN was not seen.
    /// Never so for UDP.
    #[must_use]
    pub const fn starts_mid_stream(&self, direction: Direction) -> bool {
        *self.starts_mid_stream.get(direction)
    }

    /// Time of the first packet.
    #[must_use]
    pub const fn first_seen(&self) -> Timestamp {
        self.first_seen
    }

    /// Time of the last packet, which is the one in hand during a call to the application.
    #[must_use]
    pub const fn last_seen(&self) -> Timestamp {
        self.last_seen
    }

    /// Time of the first SYN.
    #[must_use]
    pub const fn syn(&self) -> Option<Timestamp> {
        self.syn
    }

    /// Time of the first SYN-ACK.
    #[must_use]
    pub const fn syn_ack(&self) -> Option<Timestamp> {
        self.syn_ack
    }

    /// Time of the initiator's first ACK behind the SYN-ACK.
    #[must_use]
    pub const fn handshake_ack(&self) -> Option<Timestamp> {
        self.handshake_ack
    }

    /// Packets of a direction, counted until the flow is done.
    #[must_use]
    pub fn packets(&self, direction: Direction) -> u64 {
        self.traffic.get(direction).packets
    }

    /// Bytes of a direction with IP headers, counted until the flow is done.
    #[must_use]
    pub fn ip_bytes(&self, direction: Direction) -> u64 {
        self.traffic.get(direction).ip_bytes
    }

    /// Ethernet source address of the first packet of a direction.
    #[must_use]
    pub fn mac(&self, direction: Direction) -> Option<Mac> {
        self.traffic.get(direction).mac.map(Mac)
    }

    /// The outermost VLAN id of the first packet.
    #[must_use]
    pub const fn vlan(&self) -> Option<u16> {
        self.vlan
    }

    /// The innermost tunnel that the first packet came in.
    #[must_use]
    pub const fn tunnel(&self) -> Option<Tunnel> {
        self.tunnel
    }

    /// The virtual network of the overlay (VXLAN, GENEVE) that the flow is in.
    #[must_use]
    pub const fn virtual_network(&self) -> Option<u32> {
        self.key.tag().vni()
    }

    /// Whether the packet in hand was cut short by the capture.
    #[must_use]
    pub const fn packet_truncated(&self) -> bool {
        self.packet_truncated
    }

    /// Whether payload of any packet so far was cut off by the capture.
    #[must_use]
    pub const fn truncated_by_snaplen(&self) -> bool {
        self.truncated_by_snaplen
    }

    /// Whether bytes of a stream have been given up as missing.
    #[must_use]
    pub const fn gap_seen(&self) -> bool {
        self.gap_seen
    }

    #[inline]
    pub(crate) fn direction(&self, sender: Sender) -> Direction {
        if sender == self.initiator { Direction::FromInitiator } else { Direction::FromResponder }
    }

    /// Makes the other side the initiator. What is kept by direction goes with its sender.
    pub(crate) fn swap_roles(&mut self) {
        self.initiator = self.initiator.other();
        self.traffic.swap();
        self.starts_mid_stream.swap();
        self.endpoints = OnceCell::new();
    }

    const fn end(&self, direction: Direction) -> Sender {
        match direction {
            Direction::FromInitiator => self.initiator,
            Direction::FromResponder => self.initiator.other(),
        }
    }

    fn endpoints(&self) -> &[Endpoint; 2] {
        self.endpoints.get_or_init(|| {
            let endpoint =
                |direction| Endpoint::new(self.source_ip(direction), self.source_port(direction));
            Box::new(Direction::BOTH.map(endpoint))
        })
    }
}
