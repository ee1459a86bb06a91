//! A place in a packet between two headers, and the step over the next one.

use event::Transport;
use wire::{
    CookedV1, CookedV2, EtherType, Ethernet, FragmentRange, HeaderError, IpProtocol, Ipv4, Ipv6,
    Ipv6Extensions, LinkType, Loopback, Mpls, MplsPayload, Packet, Ppp, PppoeSession, TcpSegment,
    UdpDatagram, VlanTag,
};

use super::{Carrier, Innermost, Network, TransportView, cut_off, tunnel};
use crate::key::{Address, Tag};

/// Where the walk through a packet has come to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    pub(super) layer: Layer,
    pub(super) bytes: &'a [u8],
    /// How many bytes of this layer were on the wire behind the captured ones.
    pub(super) missing: usize,
    pub(super) carrier: Carrier,
    headers: usize,
}

/// What the bytes at a cursor are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Layer {
    Link(LinkType),
    Ethernet,
    Ppp,
    EtherType(EtherType),
    /// IP of the version that its first nibble says.
    Ip,
    /// The payload of an IP packet.
    IpPayload(IpProtocol, Ends),
}

/// The addresses of an IP packet and its length without its payload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub(super) source: Address,
    pub(super) destination: Address,
    pub(super) is_v6: bool,
    headers_len: usize,
}

/// What a walk has come to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome<'a> {
    Found(Innermost<'a>),
    Fragment(Fragment<'a>),
    Discard(Discard),
}

/// Why there is nothing to be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Discard {
    UnknownLink,
    NotIp,
    NotTcpOrUdp,
    Malformed,
    Unreadable,
    TooDeep,
}

/// A fragment of an IP datagram.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fragment<'a> {
    pub(crate) source: Address,
    pub(crate) destination: Address,
    pub(crate) tag: Tag,
    pub(crate) identification: u32,
    /// For IPv4 part of what tells datagrams apart (RFC 791), for IPv6 not (RFC 8200).
    pub(crate) protocol: Option<IpProtocol>,
    pub(crate) range: FragmentRange,
    pub(crate) payload: &'a [u8],
    pub(crate) missing: usize,
    /// How to go on when the datagram is whole.
    pub(crate) resume: Resume,
}

/// Where to go on in a datagram that was put together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resume {
    protocol: IpProtocol,
    ends: Ends,
    carrier: Carrier,
    headers: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(packet: &Packet<'a>) -> Self {
        let wire_len = usize::try_from(packet.wire_len).unwrap_or(usize::MAX);
        Self {
            layer: Layer::Link(packet.link_type),
            bytes: packet.bytes,
            missing: wire_len.saturating_sub(packet.bytes.len()),
            carrier: Carrier::default(),
            headers: 0,
        }
    }

    pub(crate) fn resume(resume: Resume, datagram: &'a [u8]) -> Self {
        Self {
            layer: Layer::IpPayload(resume.protocol, resume.ends),
            bytes: datagram,
            missing: 0,
            carrier: resume.carrier,
            headers: resume.headers,
        }
    }

    /// Walks on to the innermost segment or datagram, or to a fragment.
    pub(crate) fn walk(mut self) -> Outcome<'a> {
        while self.headers < MAX_HEADERS {
            self.headers += 1;
            match self.step() {
                Ok(Step::On(next)) => self = next,
                Ok(Step::End(outcome)) => return outcome,
                Err(discard) => return Outcome::Discard(discard),
            }
        }
        Outcome::Discard(Discard::TooDeep)
    }

    fn step(self) -> Result<Step<'a>, Discard> {
        match self.layer {
            Layer::Link(link) => self.link(link).map(Step::On),
            Layer::Ethernet => self.ethernet().map(Step::On),
            Layer::Ppp => {
                let frame = Ppp::parse(self.bytes)?;
                Ok(Step::On(self.to(Layer::EtherType(frame.protocol.ether_type()), frame.payload)))
            }
            Layer::EtherType(ether_type) => self.ether_type(ether_type).map(Step::On),
            Layer::Ip => match self.bytes.first().map(|byte| byte >> 4) {
                Some(4) => self.ipv4(),
                Some(6) => self.ipv6(),
                Some(_) => Err(Discard::NotIp),
                None => Err(Discard::Malformed),
            },
            Layer::IpPayload(protocol, ends) => self.ip_payload(protocol, ends),
        }
    }

    fn link(self, link: LinkType) -> Result<Self, Discard> {
        let (ether_type, source_mac, payload) = match link {
            LinkType::ETHERNET => return Ok(self.to(Layer::Ethernet, self.bytes)),
            LinkType::PPP | LinkType::PPP_HDLC => return Ok(self.to(Layer::Ppp, self.bytes)),
            LinkType::PPP_ETHER => (EtherType::PPPOE_SESSION, None, self.bytes),
            LinkType::NULL | LinkType::LOOP => {
                let packet = Loopback::parse(self.bytes)?;
                (packet.ether_type, None, packet.payload)
            }
            LinkType::LINUX_SLL => {
                let packet = CookedV1::parse(self.bytes)?;
                (packet.ether_type, packet.source, packet.payload)
            }
            LinkType::LINUX_SLL2 => {
                let packet = CookedV2::parse(self.bytes)?;
                (packet.ether_type, packet.source, packet.payload)
            }
            LinkType::SOCKET => {
                let (number, packet) = self.bytes.split_first_chunk().ok_or(Discard::Malformed)?;
                let mut next = self.to(Layer::Ip, packet);
                next.carrier.vni = Some(u32::from_be_bytes(*number));
                return Ok(next);
            }
            LinkType::RAW
            | LinkType::RAW_DLT
            | LinkType::RAW_OPENBSD
            | LinkType::IPV4
            | LinkType::IPV6 => return Ok(self.to(Layer::Ip, self.bytes)),
            LinkType(_) => return Err(Discard::UnknownLink),
        };
        let mut next = self.to(Layer::EtherType(ether_type), payload);
        next.carrier.source_mac = source_mac;
        Ok(next)
    }

    fn ethernet(self) -> Result<Self, Discard> {
        let frame = Ethernet::parse(self.bytes)?;
        let mut next = self.to(Layer::EtherType(frame.ether_type), frame.payload);
        next.carrier.source_mac = next.carrier.source_mac.or(Some(frame.source));
        Ok(next)
    }

    fn ether_type(self, ether_type: EtherType) -> Result<Self, Discard> {
        match ether_type {
            EtherType::IPV4 | EtherType::IPV6 => Ok(self.to(Layer::Ip, self.bytes)),
            EtherType::VLAN | EtherType::SERVICE_VLAN | EtherType::OLD_SERVICE_VLAN => {
                let tag = VlanTag::parse(self.bytes)?;
                let mut next = self.to(Layer::EtherType(tag.ether_type), tag.payload);
                next.carrier.vlan = next.carrier.vlan.or(Some(tag.id));
                Ok(next)
            }
            EtherType::MPLS | EtherType::MPLS_UPSTREAM => {
                let stack = Mpls::parse(self.bytes)?;
                let layer = match stack.payload_type {
                    MplsPayload::Ipv4 | MplsPayload::Ipv6 => Layer::Ip,
                    MplsPayload::Ethernet => Layer::Ethernet,
                    MplsPayload::Unknown => return Err(Discard::Unreadable),
                };
                Ok(self.to(layer, stack.payload))
            }
            EtherType::PPPOE_SESSION => {
                let session = PppoeSession::parse(self.bytes)?;
                Ok(self.to(Layer::Ppp, session.payload))
            }
            EtherType::ETHERNET => Ok(self.to(Layer::Ethernet, self.bytes)),
            EtherType(_) => Err(Discard::NotIp),
        }
    }

    fn ipv4(self) -> Result<Step<'a>, Discard> {
        let ip = Ipv4::parse(self.bytes)?;
        let ends = Ends {
            source: Address::from_v4(ip.source),
            destination: Address::from_v4(ip.destination),
            is_v6: false,
            headers_len: ip.header_len,
        };
        let next =
            self.to(Layer::IpPayload(ip.protocol, ends), ip.payload).announced(ip.payload_len);
        match ip.fragment {
            None => Ok(Step::On(next)),
            Some(range) => {
                let identification = u32::from(ip.identification);
                Ok(next.fragment(ip.protocol, ends, identification, range))
            }
        }
    }

    fn ipv6(self) -> Result<Step<'a>, Discard> {
        let ip = Ipv6::parse(self.bytes)?;
        let ends = Ends {
            source: Address::from_v6(ip.source),
            destination: Address::from_v6(ip.destination),
            is_v6: true,
            headers_len: Ipv6::HEADER_LEN,
        };
        let next =
            self.to(Layer::IpPayload(ip.next_header, ends), ip.payload).announced(ip.payload_len);
        Ok(Step::On(next))
    }

    fn ip_payload(self, protocol: IpProtocol, ends: Ends) -> Result<Step<'a>, Discard> {
        let (network, found) = (self.network(ends), Outcome::Found);
        match protocol {
            IpProtocol::TCP => {
                let segment = TcpSegment::parse(self.bytes)?;
                let len = self.bytes.len().saturating_add(self.missing);
                let missing = cut_off(&segment, len).ok_or(Discard::Malformed)?;
                let transport = TransportView::Tcp(segment);
                Ok(Step::End(found(Innermost { network, transport, missing })))
            }
            IpProtocol::UDP => {
                let datagram = UdpDatagram::parse(self.bytes)?;
                let inside = self.to(self.layer, datagram.payload).announced(datagram.payload_len);
                if let Some(next) = tunnel::in_udp(&inside, &datagram) {
                    return Ok(Step::On(next));
                }
                let (transport, missing) = (TransportView::Udp(datagram), inside.missing);
                Ok(Step::End(found(Innermost { network, transport, missing })))
            }
            _ if ends.is_v6 || protocol == IpProtocol::AUTHENTICATION => {
                let upper = Ipv6Extensions::parse(protocol, self.bytes)?;
                let headers_len = ends.headers_len + upper.header_len;
                let ends = Ends { headers_len, ..ends };
                let next = self.to(Layer::IpPayload(upper.protocol, ends), upper.payload);
                match upper.fragment {
                    Some((identification, range)) if ends.is_v6 => {
                        Ok(next.fragment(upper.protocol, ends, identification, range))
                    }
                    Some(_) => Err(Discard::Malformed),
                    None if upper.header_len == 0 => tunnel::in_ip(next, protocol).map(Step::On),
                    None => Ok(Step::On(next)),
                }
            }
            _ => tunnel::in_ip(self, protocol).map(Step::On),
        }
    }

    fn fragment(
        self,
        protocol: IpProtocol,
        ends: Ends,
        identification: u32,
        range: FragmentRange,
    ) -> Step<'a> {
        let (carrier, headers) = (self.carrier, self.headers);
        Step::End(Outcome::Fragment(Fragment {
            source: ends.source,
            destination: ends.destination,
            tag: Tag::new(ends.is_v6, Transport::Udp, carrier.vni),
            identification,
            protocol: (!ends.is_v6).then_some(protocol),
            range,
            payload: self.bytes,
            missing: self.missing,
            resume: Resume { protocol, ends, carrier, headers },
        }))
    }

    fn network(&self, ends: Ends) -> Network {
        let payload_len = self.bytes.len().saturating_add(self.missing);
        Network {
            source: ends.source,
            destination: ends.destination,
            is_v6: ends.is_v6,
            len: ends.headers_len.saturating_add(payload_len),
            carrier: self.carrier,
        }
    }

    /// Goes on to `bytes`, a part of the present ones.
    pub(super) const fn to(self, layer: Layer, bytes: &'a [u8]) -> Self {
        Self { layer, bytes, ..self }
    }

    /// Takes the length that a header announced for the present bytes.
    fn announced(self, len: Option<usize>) -> Self {
        let missing = match len {
            Some(len) => len.saturating_sub(self.bytes.len()),
            None => self.missing,
        };
        Self { missing, ..self }
    }
}

enum Step<'a> {
    On(Cursor<'a>),
    End(Outcome<'a>),
}

impl From<HeaderError> for Discard {
    fn from(error: HeaderError) -> Self {
        match error {
            HeaderError::TooMany => Self::TooDeep,
            HeaderError::Truncated(_)
            | HeaderError::Version
            | HeaderError::HeaderLength
            | HeaderError::PayloadLength
            | HeaderError::Reserved => Self::Malformed,
        }
    }
}

/// Headers in a packet. A mirrored (ERSPAN) frame of an overlay (VXLAN) in a provider's network
/// (two VLAN tags, MPLS) that carries a mobile user's tunnel (GTP-U) has about 20.
const MAX_HEADERS: usize = 32;
