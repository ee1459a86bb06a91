//! The pcap format (draft-ietf-opsawg-pcap).

use wire::LinkType;

use super::error::Damage;
use super::order::Order;
use super::{Indexed, MAX_PACKET_LEN, Part, Partial, Stop};
use crate::block::{Record, position};

/// What the magic number says.
#[derive(Clone, Copy)]
pub(crate) struct Variant {
    order: Order,
    nanos_per_unit: i64,
    record_header_len: usize,
}

/// A pcap file behind its header.
pub(crate) struct PcapReader {
    variant: Variant,
    link_type: LinkType,
    /// Files before version 2.4 may hold the two lengths of a record in either order.
    lengths_may_be_swapped: bool,
}

impl Variant {
    pub(crate) fn of(magic: [u8; 4]) -> Option<Self> {
        MAGICS.iter().find_map(|&(number, nanos_per_unit, record_header_len)| {
            Order::spelling(number, magic).map(|order| Self {
                order,
                nanos_per_unit,
                record_header_len,
            })
        })
    }
}

impl PcapReader {
    /// Reads the header of a file; on failure gives the version, which is unknown.
    pub(crate) fn new(variant: Variant, header: &[u8; HEADER_LEN]) -> Result<Self, (u16, u16)> {
        let &[_, _, _, _, a, b, c, d, .., l0, l1, l2, l3] = header;
        let order = variant.order;
        let (major, minor) = (order.u16([a, b]), order.u16([c, d]));
        if major != 2 || minor > 4 {
            return Err((major, minor));
        }
        // The upper half is about frame check sequences, or reserved.
        let link_type = LinkType(order.u32([l0, l1, l2, l3]) & 0xffff);
        Ok(Self { variant, link_type, lengths_may_be_swapped: minor < 4 })
    }

    pub(crate) fn index(&self, bytes: &[u8], start: usize, records: &mut Vec<Record>) -> Indexed {
        match (self.variant.order, self.variant.record_header_len) {
            (Order::Little, RECORD_HEADER_LEN) => {
                self.walk::<RECORD_HEADER_LEN>(Order::Little, bytes, start, records)
            }
            (order, RECORD_HEADER_LEN) => {
                self.walk::<RECORD_HEADER_LEN>(order, bytes, start, records)
            }
            (order, _) => self.walk::<MODIFIED_RECORD_HEADER_LEN>(order, bytes, start, records),
        }
    }

    #[inline(always)]
    fn walk<const HEADER: usize>(
        &self,
        order: Order,
        bytes: &[u8],
        start: usize,
        records: &mut Vec<Record>,
    ) -> Indexed {
        let mut rest = bytes;
        let stop = loop {
            let Some((header, body)) = rest.split_first_chunk::<HEADER>() else {
                break Stop::Partial(Partial { part: Part::RecordHeader, lead: 0, need: HEADER });
            };
            let [seconds, units, mut len, mut wire_len] = words(order, header);
            if self.lengths_may_be_swapped && len > wire_len {
                (len, wire_len) = (wire_len, len);
            }
            if len > MAX_PACKET_LEN {
                break Stop::Damaged(Damage::PacketTooLong { len, max: MAX_PACKET_LEN });
            }
            let Some((_, after)) = body.split_at_checked(len as usize) else {
                let need = len as usize;
                break Stop::Partial(Partial { part: Part::Packet, lead: HEADER, need });
            };
            records.push(Record {
                timestamp_ns: i64::from(seconds) * NANOS
                    + i64::from(units) * self.variant.nanos_per_unit,
                start: position(start + (bytes.len() - body.len())),
                len,
                wire_len: wire_len.max(len),
                link_type: self.link_type,
            });
            rest = after;
        };
        Indexed::new(bytes.len() - rest.len(), stop)
    }
}

/// The four words that every record header begins with: seconds, fraction, lengths.
#[inline(always)]
fn words<const HEADER: usize>(order: Order, header: &[u8; HEADER]) -> [u32; 4] {
    let (words, _) = header.as_chunks::<4>();
    let word = |at: usize| words.get(at).map_or(0, |word| order.u32(*word));
    [word(0), word(1), word(2), word(3)]
}

/// Length of a file's header.
pub(crate) const HEADER_LEN: usize = 24;

const RECORD_HEADER_LEN: usize = 16;

/// Alexey Kuznetzov's variant, of Red Hat 6 and after, has interface, protocol and type in addition.
const MODIFIED_RECORD_HEADER_LEN: usize = 24;

const NANOS: i64 = 1_000_000_000;

/// Magic number, nanoseconds per unit of the fraction, and length of a record's header.
const MAGICS: [(u32, i64, usize); 3] = [
    (0xa1b2_c3d4, 1000, RECORD_HEADER_LEN),
    (0xa1b2_3c4d, 1, RECORD_HEADER_LEN),
    (0xa1b2_cd34, 1000, MODIFIED_RECORD_HEADER_LEN),
];
