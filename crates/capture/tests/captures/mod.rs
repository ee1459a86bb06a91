//! Capture files as bytes, and reading them to their end.
#![expect(dead_code, reason = "each test uses some of it")]

use std::io::{Cursor, Read};

use capture::{Block, FileReader, More, OpenError, ReadError};

/// What was read of a packet: time, link type, length on the wire, bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owned {
    pub(crate) timestamp_ns: i64,
    pub(crate) link_type: u32,
    pub(crate) wire_len: u32,
    pub(crate) bytes: Vec<u8>,
}

/// The byte order a capture is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Little,
    Big,
}

impl Order {
    pub(crate) fn u16(self, value: u16) -> [u8; 2] {
        if self == Self::Little { value.to_le_bytes() } else { value.to_be_bytes() }
    }

    pub(crate) fn u32(self, value: u32) -> [u8; 4] {
        if self == Self::Little { value.to_le_bytes() } else { value.to_be_bytes() }
    }

    pub(crate) fn u64(self, value: u64) -> [u8; 8] {
        if self == Self::Little { value.to_le_bytes() } else { value.to_be_bytes() }
    }
}

pub(crate) const ORDERS: [Order; 2] = [Order::Little, Order::Big];

pub(crate) fn packet(timestamp_ns: i64, link_type: u32, wire_len: u32, bytes: &[u8]) -> Owned {
    Owned { timestamp_ns, link_type, wire_len, bytes: bytes.to_vec() }
}

/// The header of a pcap file.
pub(crate) fn pcap_header(order: Order, magic: u32, link_type: u32) -> Vec<u8> {
    let mut bytes = order.u32(magic).to_vec();
    bytes.extend([order.u16(2), order.u16(4)].concat());
    bytes.extend([0, 0, 65535, link_type].map(|word| order.u32(word)).concat());
    bytes
}

/// A record of a pcap file.
pub(crate) fn pcap_record(
    order: Order,
    seconds: u32,
    units: u32,
    wire_len: u32,
    data: &[u8],
) -> Vec<u8> {
    let len = u32::try_from(data.len()).unwrap();
    let mut bytes = [seconds, units, len, wire_len].map(|word| order.u32(word)).concat();
    bytes.extend(data);
    bytes
}

/// A small pcap file, and where its records begin.
pub(crate) fn small_pcap() -> (Vec<u8>, Vec<usize>) {
    let mut file = pcap_header(Order::Little, 0xa1b2_c3d4, 1);
    let mut starts = Vec::new();
    for number in 0..4_u8 {
        starts.push(file.len());
        let data = vec![number; usize::from(number) * 7];
        file.extend(pcap_record(Order::Little, number.into(), 5, 100, &data));
    }
    (file, starts)
}

/// A pcapng block.
pub(crate) fn block(order: Order, kind: u32, body: &[u8]) -> Vec<u8> {
    let padded = body.len().next_multiple_of(4);
    let len = order.u32(u32::try_from(padded + 12).unwrap());
    let mut bytes = [order.u32(kind), len].concat();
    bytes.extend(body);
    bytes.resize(8 + padded, 0);
    bytes.extend(len);
    bytes
}

/// A Section Header Block.
pub(crate) fn section(order: Order) -> Vec<u8> {
    let mut body = order.u32(0x1a2b_3c4d).to_vec();
    body.extend([order.u16(1), order.u16(0)].concat());
    body.extend(order.u64(u64::MAX));
    block(order, 0x0a0d_0d0a, &body)
}

/// An option of a pcapng block.
pub(crate) fn option(order: Order, code: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = [order.u16(code), order.u16(u16::try_from(value.len()).unwrap())].concat();
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// An Interface Description Block.
pub(crate) fn interface(
    order: Order,
    link_type: u16,
    snapshot_len: u32,
    options: &[u8],
) -> Vec<u8> {
    let mut body = [order.u16(link_type), [0; 2]].concat();
    body.extend(order.u32(snapshot_len));
    body.extend(options);
    block(order, 1, &body)
}

/// An Enhanced Packet Block.
pub(crate) fn enhanced(
    order: Order,
    interface: u32,
    units: u64,
    wire_len: u32,
    data: &[u8],
) -> Vec<u8> {
    let [high, low] = [units >> 32, units & 0xffff_ffff].map(|half| u32::try_from(half).unwrap());
    let len = u32::try_from(data.len()).unwrap();
    let mut body = [interface, high, low, len, wire_len].map(|word| order.u32(word)).concat();
    body.extend(data);
    block(order, 6, &body)
}

/// A small pcapng file of all kinds of block, and where its blocks begin.
pub(crate) fn small_pcapng() -> (Vec<u8>, Vec<usize>) {
    let mut file = Vec::new();
    let mut starts = Vec::new();
    for order in ORDERS {
        for block in [
            section(order),
            interface(order, 1, 0, &option(order, 9, &[9])),
            enhanced(order, 0, 1_000_000_000, 60, b"enhanced"),
            block(order, 4, b"name resolution"),
            block(order, 3, &[&order.u32(6)[..], b"simple"].concat()),
            enhanced(order, 0, 3_000_000_000, 3, b"end"),
        ] {
            starts.push(file.len());
            file.extend(block);
        }
    }
    (file, starts)
}

/// Opens bytes as a capture named `test`.
pub(crate) fn open(bytes: &[u8]) -> Result<FileReader, OpenError> {
    FileReader::from_reader(Box::new(Cursor::new(bytes.to_vec())), "test")
}

/// Opens bytes that come a few at a time.
pub(crate) fn open_trickling(bytes: &[u8], step: usize) -> Result<FileReader, OpenError> {
    let trickle = Trickle { rest: Cursor::new(bytes.to_vec()), step };
    FileReader::from_reader(Box::new(trickle), "test")
}

/// Reads to the end, or to the error.
pub(crate) fn drain(reader: &mut FileReader) -> (Vec<Owned>, Option<ReadError>) {
    let mut packets = Vec::new();
    let mut block = Block::new();
    loop {
        match reader.read_block(&mut block) {
            Ok(More::Packets) => {
                assert!(!block.is_empty());
                assert_eq!(block.len(), block.packets().len());
                packets.extend(block.packets().map(|packet| Owned {
                    timestamp_ns: packet.timestamp_ns,
                    link_type: packet.link_type.0,
                    wire_len: packet.wire_len,
                    bytes: packet.bytes.to_vec(),
                }));
            }
            Ok(More::End) => return (packets, None),
            Err(error) => {
                assert!(block.is_empty());
                assert!(matches!(reader.read_block(&mut block), Ok(More::End)));
                return (packets, Some(error));
            }
        }
    }
}

/// Opens and reads bytes that are a good capture.
pub(crate) fn read(bytes: &[u8]) -> Vec<Owned> {
    let (packets, error) = drain(&mut open(bytes).unwrap());
    assert!(error.is_none(), "{error:?}");
    packets
}

/// Opens bytes and reads to the error that they must end in.
pub(crate) fn read_damaged(bytes: &[u8]) -> (Vec<Owned>, ReadError) {
    let (packets, error) = drain(&mut open(bytes).unwrap());
    (packets, error.expect("the capture is damaged"))
}

/// The message of the error that bytes are not opened for.
pub(crate) fn refusal(bytes: &[u8]) -> String {
    open(bytes).err().expect("it is no capture").to_string()
}

struct Trickle {
    rest: Cursor<Vec<u8>>,
    step: usize,
}

impl Read for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let len = buffer.len().min(self.step);
        self.rest.read(&mut buffer[..len])
    }
}
