//! Packets, built layer by layer from the inside out.

use flow::Direction::{self, FromInitiator};
use wire::{LinkType, Packet};

pub(crate) const CLIENT: [u8; 4] = [192, 0, 2, 1];
pub(crate) const SERVER: [u8; 4] = [198, 51, 100, 2];
pub(crate) const CLIENT_PORT: u16 = 50_000;
pub(crate) const SERVER_PORT: u16 = 443;
pub(crate) const CLIENT_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
pub(crate) const SERVER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];

pub(crate) const FIN: u8 = 1;
pub(crate) const SYN: u8 = 2;
pub(crate) const RST: u8 = 4;
pub(crate) const ACK: u8 = 16;

pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;

pub(crate) fn packet(link_type: LinkType, bytes: &[u8], timestamp_ns: i64) -> Packet<'_> {
    let wire_len = u32::try_from(bytes.len()).unwrap();
    Packet { timestamp_ns, link_type, wire_len, bytes }
}

pub(crate) fn ethernet(direction: Direction, ether_type: u16, payload: &[u8]) -> Vec<u8> {
    let (source, destination) = pick(direction, CLIENT_MAC, SERVER_MAC);
    [&destination[..], &source, &ether_type.to_be_bytes(), payload].concat()
}

pub(crate) fn vlan(id: u16, ether_type: u16, payload: &[u8]) -> Vec<u8> {
    [&id.to_be_bytes()[..], &ether_type.to_be_bytes(), payload].concat()
}

/// An IPv4 packet from the client or the server.
pub(crate) fn ipv4(direction: Direction, protocol: u8, payload: &[u8]) -> Vec<u8> {
    ipv4_fragment(direction, protocol, 0, 0x4000, payload)
}

/// The same with an identification and the 16 bits of flags and fragment offset.
pub(crate) fn ipv4_fragment(
    direction: Direction,
    protocol: u8,
    identification: u16,
    fragment: u16,
    payload: &[u8],
) -> Vec<u8> {
    let (source, destination) = pick(direction, CLIENT, SERVER);
    let total = u16::try_from(20 + payload.len()).unwrap();
    let mut bytes = vec![0x45, 0];
    bytes.extend(total.to_be_bytes());
    bytes.extend(identification.to_be_bytes());
    bytes.extend(fragment.to_be_bytes());
    bytes.extend([64, protocol, 0, 0]);
    bytes.extend(source);
    bytes.extend(destination);
    bytes.extend(payload);
    bytes
}

/// An IPv6 packet from the client or the server, whose addresses end with the IPv4 ones.
pub(crate) fn ipv6(direction: Direction, next_header: u8, payload: &[u8]) -> Vec<u8> {
    let (source, destination) = pick(direction, CLIENT, SERVER);
    let mut bytes = vec![0x60, 0, 0, 0];
    bytes.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
    bytes.extend([next_header, 64]);
    for address in [source, destination] {
        bytes.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend(address);
    }
    bytes.extend(payload);
    bytes
}

pub(crate) fn tcp(
    direction: Direction,
    (sequence, acknowledgment): (u32, u32),
    flags: u8,
    payload: &[u8],
) -> Vec<u8> {
    tcp_between(
        pick(direction, CLIENT_PORT, SERVER_PORT),
        (sequence, acknowledgment),
        flags,
        payload,
    )
}

pub(crate) fn tcp_between(
    (source, destination): (u16, u16),
    (sequence, acknowledgment): (u32, u32),
    flags: u8,
    payload: &[u8],
) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(source.to_be_bytes());
    bytes.extend(destination.to_be_bytes());
    bytes.extend(sequence.to_be_bytes());
    bytes.extend(acknowledgment.to_be_bytes());
    bytes.extend([0x60, flags, 0xff, 0xff, 0, 0, 0, 0, 2, 4, 5, 0xb4]);
    bytes.extend(payload);
    bytes
}

pub(crate) fn udp(direction: Direction, payload: &[u8]) -> Vec<u8> {
    udp_between(pick(direction, CLIENT_PORT, SERVER_PORT), payload)
}

pub(crate) fn udp_between((source, destination): (u16, u16), payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(8 + payload.len()).unwrap();
    let mut bytes = Vec::new();
    bytes.extend(source.to_be_bytes());
    bytes.extend(destination.to_be_bytes());
    bytes.extend(len.to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(payload);
    bytes
}

fn pick<T>(direction: Direction, client: T, server: T) -> (T, T) {
    if direction == FromInitiator { (client, server) } else { (server, client) }
}
