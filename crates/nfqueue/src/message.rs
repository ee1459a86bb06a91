//! What the kernel tells of a packet in a queue (`linux/netfilter/nfnetlink_queue.h`).

use crate::netlink::{self, NotWhole, attributes, messages};

/// A packet that waits for a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueuedPacket<'a> {
    /// Number that the verdict names.
    pub id: u32,
    /// Where on its way it is.
    pub hook: Hook,
    /// The packet from its IP header on; of a large one that is to be segmented later (GSO), all. Its checksum
    /// may be left to a network interface.
    pub bytes: &'a [u8],
    /// Length of the packet in bytes; more than `bytes` if it was cut off.
    pub len: usize,
}

/// A hook of netfilter: where on its way a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// It came in, and it is not known where to.
    Prerouting,
    /// It came in, and is for this host.
    Input,
    /// It is passed on.
    Forward,
    /// A process of this host sends it.
    Output,
    /// It goes out.
    Postrouting,
}

/// What a datagram of the kernel says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received<'a> {
    /// A packet.
    Packet(QueuedPacket<'a>),
    /// What became of a request: 0, or the number of an error.
    Answer {
        /// The number of the request.
        sequence: u32,
        /// errno(3).
        error: i32,
    },
    /// Something else.
    Other,
}

/// A message that cannot be what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A length leads beyond the end.
    #[error("a length leads beyond the end")]
    Truncated,
    /// A packet has no number, so that nothing can be answered.
    #[error("a packet has no number")]
    NoNumber,
}

/// Reads what the kernel sent, up to what is malformed.
pub fn received(datagram: &[u8]) -> impl Iterator<Item = Result<Received<'_>, Malformed>> {
    messages(datagram).map(|message| {
        let message = message?;
        match message.kind {
            PACKET => packet(message.body).map(Received::Packet),
            netlink::ERROR => {
                let code = message.body.first_chunk().ok_or(Malformed::Truncated)?;
                let error = i32::from_ne_bytes(*code).saturating_neg();
                Ok(Received::Answer { sequence: message.sequence, error })
            }
            _ => Ok(Received::Other),
        }
    })
}

fn packet(body: &[u8]) -> Result<QueuedPacket<'_>, Malformed> {
    let attribute_bytes = body.get(FAMILY_HEADER_LEN..).ok_or(Malformed::Truncated)?;
    let (mut number, mut bytes, mut len) = (None, &[][..], None);
    for attribute in attributes(attribute_bytes) {
        match attribute? {
            (PACKET_HEADER, value) => number = header(value),
            (PAYLOAD, value) => bytes = value,
            (CAPTURED_LEN, value) => {
                len = value
                    .first_chunk()
                    .and_then(|it| usize::try_from(u32::from_be_bytes(*it)).ok());
            }
            _ => {}
        }
    }
    let (id, hook) = number.ok_or(Malformed::NoNumber)?;
    Ok(QueuedPacket { id, hook, bytes, len: len.unwrap_or(0).max(bytes.len()) })
}

/// Number and hook; the protocol between them is told by the packet.
fn header(value: &[u8]) -> Option<(u32, Hook)> {
    let [a, b, c, d, _, _, hook] = *value.first_chunk()?;
    let hook = match hook {
        0 => Hook::Prerouting,
        1 => Hook::Input,
        2 => Hook::Forward,
        3 => Hook::Output,
        4 => Hook::Postrouting,
        _ => return None,
    };
    Some((u32::from_be_bytes([a, b, c, d]), hook))
}

impl Hook {
    /// Whether what passes there leaves this host.
    #[must_use]
    pub const fn is_outgoing(self) -> bool {
        matches!(self, Self::Output | Self::Postrouting)
    }
}

impl From<NotWhole> for Malformed {
    fn from(_: NotWhole) -> Self {
        Self::Truncated
    }
}

/// `NFNL_SUBSYS_QUEUE << 8`: what all messages about queues begin with.
pub(crate) const SUBSYSTEM: u16 = 3 << 8;

/// `NFQNL_MSG_PACKET`.
const PACKET: u16 = SUBSYSTEM;

/// `struct nfgenmsg`.
const FAMILY_HEADER_LEN: usize = 4;

/// Attributes (`NFQA_`).
const PACKET_HEADER: u16 = 1;
const PAYLOAD: u16 = 10;
const CAPTURED_LEN: u16 = 13;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_packet_is_read_with_its_number_hook_and_length() {
        let bytes = told(&[(1, &[0, 0, 1, 2, 8, 0, 3]), (10, b"packet"), (13, &[0, 0, 0, 9])]);
        let read: Vec<_> = received(&bytes).collect();
        let packet = QueuedPacket { id: 0x102, hook: Hook::Output, bytes: b"packet", len: 9 };
        assert_eq!(read, [Ok(Received::Packet(packet))]);
        assert!(packet.hook.is_outgoing());
        for len in 1..bytes.len() - 3 {
            assert_eq!(received(&bytes[..len]).next(), Some(Err(Malformed::Truncated)), "{len}");
        }
    }

    #[test]
    fn what_has_no_number_is_malformed() {
        for header in [&[][..], &[0; 6], &[0, 0, 0, 1, 8, 0, 5]] {
            let bytes = told(&[(1, header), (10, b"packet")]);
            assert_eq!(received(&bytes).next(), Some(Err(Malformed::NoNumber)), "{header:?}");
        }
        assert_eq!(received(&told(&[])).next(), Some(Err(Malformed::NoNumber)));
    }

    #[test]
    fn an_answer_has_the_number_of_its_request_and_of_an_error() {
        let mut bytes = message(netlink::ERROR, 7, &(-1_i32).to_ne_bytes());
        let answer = Received::Answer { sequence: 7, error: 1 };
        assert_eq!(received(&bytes).collect::<Vec<_>>(), [Ok(answer)]);
        bytes.extend(message(99, 0, &[]));
        assert_eq!(received(&bytes).collect::<Vec<_>>(), [Ok(answer), Ok(Received::Other)]);
    }

    proptest! {
        #[test]
        fn any_attributes_are_a_packet_or_none(
            all in prop::collection::vec(
                (0_u16..16, prop::collection::vec(any::<u8>(), 0..24)), 0..8),
            cut in 0_usize..300,
        ) {
            let all: Vec<_> = all.iter().map(|(kind, value)| (*kind, &value[..])).collect();
            let bytes = told(&all);
            let whole = received(&bytes).next();
            if let Some(Ok(Received::Packet(packet))) = whole {
                prop_assert!(packet.len >= packet.bytes.len());
            }
            let part = received(&bytes[..cut.min(bytes.len())]).next();
            prop_assert!(part.is_none() || part == whole || part == Some(Err(Malformed::Truncated)));
        }

        #[test]
        fn any_bytes_come_to_an_end(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(received(&bytes).count() <= bytes.len());
        }
    }

    fn told(attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = vec![2, 0, 0, 7];
        for (kind, value) in attributes {
            body.extend(u16::try_from(value.len() + 4).unwrap().to_ne_bytes());
            body.extend(kind.to_ne_bytes());
            body.extend(*value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        message(PACKET, 0, &body)
    }

    fn message(kind: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
        let mut bytes = u32::try_from(16 + body.len()).unwrap().to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend([0; 2]);
        bytes.extend(sequence.to_ne_bytes());
        bytes.extend([0; 4]);
        bytes.extend(body);
        bytes
    }
}
