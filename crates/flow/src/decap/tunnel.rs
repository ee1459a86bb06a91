//! Tunnels in IP and in UDP.

use wire::{
    EnhancedGre, Erspan, EtherType, Ethernet, Geneve, Gre, GtpU, IpProtocol, L2tp, Ppp, Teredo,
    UdpDatagram, Vxlan,
};

use super::cursor::{Cursor, Discard, Layer};
use crate::flow::Tunnel;

/// Goes into the tunnel that an IP packet with `protocol` carries.
pub(super) fn in_ip(cursor: Cursor<'_>, protocol: IpProtocol) -> Result<Cursor<'_>, Discard> {
    let (tunnel, next) = match protocol {
        IpProtocol::IPV4 | IpProtocol::IPV6 => (Tunnel::IpInIp, cursor.to(Layer::Ip, cursor.bytes)),
        IpProtocol::GRE => in_gre(cursor)?,
        IpProtocol::MPLS => {
            (Tunnel::IpInIp, cursor.to(Layer::EtherType(EtherType::MPLS), cursor.bytes))
        }
        IpProtocol::ETHERNET => (Tunnel::IpInIp, cursor.to(Layer::Ethernet, cursor.bytes)),
        IpProtocol(_) => return Err(Discard::NotTcpOrUdp),
    };
    Ok(next.inside(tunnel))
}

/// Goes into the tunnel that a UDP datagram carries, at whose payload `cursor` is; `None` if it
/// carries none, whatever its ports say.
pub(super) fn in_udp<'a>(cursor: &Cursor<'a>, datagram: &UdpDatagram<'_>) -> Option<Cursor<'a>> {
    let bytes = cursor.bytes;
    let either = |port| datagram.source_port == port || datagram.destination_port == port;
    match datagram.destination_port {
        Vxlan::PORT | Vxlan::PORT_LINUX => {
            let vxlan = Vxlan::parse(bytes).ok()?;
            let frame = Ethernet::parse(vxlan.payload).ok()?;
            let next = cursor.to(Layer::Ethernet, vxlan.payload).inside(Tunnel::Vxlan);
            frame.ether_type.is_common().then(|| next.in_network(vxlan.vni))
        }
        Geneve::PORT => {
            let geneve = Geneve::parse(bytes).ok()?;
            let known = geneve.ether_type == EtherType::ETHERNET || geneve.ether_type.is_common();
            let layer = Layer::EtherType(geneve.ether_type);
            let next = cursor.to(layer, geneve.payload).inside(Tunnel::Geneve);
            known.then(|| next.in_network(geneve.vni))
        }
        _ if either(GtpU::PORT) => {
            let payload = GtpU::parse(bytes).ok()?.payload;
            is_ip(payload).then(|| cursor.to(Layer::Ip, payload).inside(Tunnel::GtpU))
        }
        _ if either(Teredo::PORT) => {
            let payload = Teredo::parse(bytes).ok()?.payload;
            Some(cursor.to(Layer::Ip, payload).inside(Tunnel::Teredo))
        }
        _ if either(L2tp::PORT) => {
            let payload = L2tp::parse(bytes).ok()?.payload;
            Ppp::parse(payload).ok()?;
            Some(cursor.to(Layer::Ppp, payload).inside(Tunnel::L2tp))
        }
        _ => None,
    }
}

fn in_gre(cursor: Cursor<'_>) -> Result<(Tunnel, Cursor<'_>), Discard> {
    let Ok(gre) = Gre::parse(cursor.bytes) else {
        let Ok(enhanced) = EnhancedGre::parse(cursor.bytes) else {
            return Err(Discard::Unreadable);
        };
        if enhanced.payload.is_empty() {
            return Err(Discard::NotTcpOrUdp);
        }
        return Ok((Tunnel::Pptp, cursor.to(Layer::Ppp, enhanced.payload)));
    };
    match gre.ether_type {
        EtherType::ERSPAN | EtherType::ERSPAN_III => {
            let Ok(erspan) = Erspan::parse(&gre) else {
                return Err(Discard::Unreadable);
            };
            Ok((Tunnel::Erspan, cursor.to(Layer::Ethernet, erspan.payload)))
        }
        ether_type => Ok((Tunnel::Gre, cursor.to(Layer::EtherType(ether_type), gre.payload))),
    }
}

fn is_ip(payload: &[u8]) -> bool {
    payload.first().is_some_and(|byte| matches!(byte >> 4, 4 | 6))
}

impl Cursor<'_> {
    fn inside(mut self, tunnel: Tunnel) -> Self {
        self.carrier.tunnel = Some(tunnel);
        self
    }

    fn in_network(mut self, vni: u32) -> Self {
        self.carrier.vni = Some(vni);
        self
    }
}
