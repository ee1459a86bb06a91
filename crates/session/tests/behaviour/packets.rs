//! Packets, built layer by layer.

/// Which side sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

/// Addresses and ports of a flow, told apart by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flow {
    pub(crate) is_ipv6: bool,
    pub(crate) number: u32,
    pub(crate) server_port: u16,
}

impl Default for Flow {
    fn default() -> Self {
        Self { is_ipv6: false, number: 0, server_port: 443 }
    }
}

pub(crate) const FIN: u8 = 1;
pub(crate) const SYN: u8 = 2;
pub(crate) const RST: u8 = 4;
pub(crate) const ACK: u8 = 16;

/// An Ethernet frame with a TCP segment.
pub(crate) fn segment(
    flow: Flow,
    side: Side,
    (sequence, acknowledgment): (u32, u32),
    flags: u8,
    payload: &[u8],
) -> Vec<u8> {
    let mut tcp = ports(flow, side);
    tcp.extend(sequence.to_be_bytes());
    tcp.extend(acknowledgment.to_be_bytes());
    tcp.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    tcp.extend(payload);
    ethernet(flow, side, 6, &tcp)
}

/// An Ethernet frame with a UDP datagram.
pub(crate) fn datagram(flow: Flow, side: Side, payload: &[u8]) -> Vec<u8> {
    let mut udp = ports(flow, side);
    udp.extend(u16::try_from(8 + payload.len()).unwrap().to_be_bytes());
    udp.extend([0, 0]);
    udp.extend(payload);
    ethernet(flow, side, 17, &udp)
}

/// The client's address has the upper bits of the number, its port the lower ones.
fn ports(flow: Flow, side: Side) -> Vec<u8> {
    let client = 20_000 + u16::try_from(flow.number % PORTS).unwrap();
    let (source, destination) = pick(side, client, flow.server_port);
    [source.to_be_bytes(), destination.to_be_bytes()].concat()
}

fn ethernet(flow: Flow, side: Side, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let (source, destination) = pick(side, [2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    let ether_type: u16 = if flow.is_ipv6 { 0x86dd } else { 0x0800 };
    let mut frame = [&destination[..], &source, &ether_type.to_be_bytes()].concat();
    let host = (flow.number / PORTS).to_be_bytes();
    let (source, destination) = pick(side, [10, host[1], host[2], host[3]], [192, 0, 2, 2]);
    if flow.is_ipv6 {
        frame.extend([0x60, 0, 0, 0]);
        frame.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
        frame.extend([protocol, 64]);
        for address in [source, destination] {
            frame.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0]);
            frame.extend(address);
        }
    } else {
        frame.extend([0x45, 0]);
        frame.extend(u16::try_from(20 + payload.len()).unwrap().to_be_bytes());
        frame.extend([0, 0, 0x40, 0, 64, protocol, 0, 0]);
        frame.extend(source);
        frame.extend(destination);
    }
    frame.extend(payload);
    frame
}

fn pick<T>(side: Side, client: T, server: T) -> (T, T) {
    match side {
        Side::Client => (client, server),
        Side::Server => (server, client),
    }
}

const PORTS: u32 = 40_000;
