//! The form of inputs that are more than one message: a flag byte, a length, and so many bytes,
//! again and again. The last may be cut short, so every input means something.

use wire::{LinkType, Packet, Reader};

/// Datagrams with a flag byte each.
pub struct Datagrams<'a>(Reader<'a>);

impl<'a> Datagrams<'a> {
    /// Cuts up `input`.
    pub fn new(input: &'a [u8]) -> Self {
        Self(Reader::new(input))
    }
}

impl<'a> Iterator for Datagrams<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let flags = self.0.u8().ok()?;
        let len = usize::from(self.0.u16().ok()?);
        Some((flags, self.0.take(len.min(self.0.remaining())).ok()?))
    }
}

/// Appends a datagram in the form that [`Datagrams`] reads; what does not fit is cut off.
pub fn put_datagram(flags: u8, datagram: &[u8], input: &mut Vec<u8>) {
    let len = u16::try_from(datagram.len()).unwrap_or(u16::MAX);
    input.push(flags);
    input.extend(len.to_be_bytes());
    input.extend(datagram.iter().take(usize::from(len)));
}

/// Packets: the flag byte of each tells its link type and how much later than the last it comes.
pub struct Packets<'a> {
    datagrams: Datagrams<'a>,
    timestamp_ns: i64,
}

impl<'a> Packets<'a> {
    /// Cuts up `input`.
    pub fn new(input: &'a [u8]) -> Self {
        Self { datagrams: Datagrams::new(input), timestamp_ns: 1_700_000_000_000_000_000 }
    }
}

impl<'a> Iterator for Packets<'a> {
    type Item = Packet<'a>;

    fn next(&mut self) -> Option<Packet<'a>> {
        let (flags, bytes) = self.datagrams.next()?;
        self.timestamp_ns += STEPS_NS[usize::from(flags >> 4) % STEPS_NS.len()];
        let link_type = LINK_TYPES[usize::from(flags & 0x0f) % LINK_TYPES.len()];
        let wire_len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        Some(Packet { timestamp_ns: self.timestamp_ns, link_type, wire_len, bytes })
    }
}

/// Appends a packet in the form that [`Packets`] reads, or nothing if its link type has no number
/// there.
pub fn put_packet(packet: &Packet<'_>, input: &mut Vec<u8>) {
    let Some(link_type) = LINK_TYPES.iter().position(|known| *known == packet.link_type) else {
        return;
    };
    put_datagram(u8::try_from(link_type).unwrap_or_default(), packet.bytes, input);
}

const LINK_TYPES: [LinkType; 13] = [
    LinkType::ETHERNET,
    LinkType::RAW,
    LinkType::NULL,
    LinkType::LOOP,
    LinkType::PPP,
    LinkType::PPP_HDLC,
    LinkType::PPP_ETHER,
    LinkType::LINUX_SLL,
    LinkType::LINUX_SLL2,
    LinkType::IPV4,
    LinkType::IPV6,
    LinkType::RAW_DLT,
    LinkType(147),
];

/// From one packet to the next: usually a millisecond, seldom backwards or past a timeout.
const STEPS_NS: [i64; 8] = [
    1_000_000,
    1_000_000,
    1_000_000,
    0,
    1_000_000_000,
    -500_000_000,
    20_000_000_000,
    400_000_000_000,
];
