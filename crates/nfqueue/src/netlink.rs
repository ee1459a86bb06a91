//! Messages of netlink and their attributes (netlink(7)): in the byte order of the machine, each padded to
//! 4 bytes.

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    pub(crate) kind: u16,
    pub(crate) sequence: u32,
    pub(crate) body: &'a [u8],
}

/// The messages of a datagram, up to the first that is none; `Err` then.
pub(crate) fn messages(mut bytes: &[u8]) -> impl Iterator<Item = Result<Message<'_>, NotWhole>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let (message, rest) = match split(bytes) {
            Some((header, body, rest)) => {
                let [_, _, _, _, k0, k1, _, _, s0, s1, s2, s3, ..] = *header;
                let kind = u16::from_ne_bytes([k0, k1]);
                let sequence = u32::from_ne_bytes([s0, s1, s2, s3]);
                (Ok(Message { kind, sequence, body }), rest)
            }
            None => (Err(NotWhole), &[][..]),
        };
        bytes = rest;
        Some(message)
    })
}

/// A message or an attribute says that it is longer than what there is, or shorter than its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotWhole;

/// The attributes behind the header of a family: type, without its flags, and value.
pub(crate) fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = Result<(u16, &[u8]), NotWhole>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let (attribute, rest) = match split_attribute(bytes) {
            Some((kind, value, rest)) => (Ok((kind & TYPE_BITS, value)), rest),
            None => (Err(NotWhole), &[][..]),
        };
        bytes = rest;
        Some(attribute)
    })
}

fn split(bytes: &[u8]) -> Option<(&[u8; HEADER_LEN], &[u8], &[u8])> {
    let (header, rest) = bytes.split_first_chunk::<HEADER_LEN>()?;
    let [l0, l1, l2, l3, ..] = *header;
    let len = usize::try_from(u32::from_ne_bytes([l0, l1, l2, l3])).ok()?;
    let body_len = len.checked_sub(HEADER_LEN)?;
    let body = rest.get(..body_len)?;
    Some((header, body, rest.get(padded(body_len)..).unwrap_or_default()))
}

fn split_attribute(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let (header, rest) = bytes.split_first_chunk::<ATTRIBUTE_HEADER_LEN>()?;
    let [l0, l1, k0, k1] = *header;
    let len = usize::from(u16::from_ne_bytes([l0, l1])).checked_sub(ATTRIBUTE_HEADER_LEN)?;
    let value = rest.get(..len)?;
    let rest = rest.get(padded(len)..).unwrap_or_default();
    Some((u16::from_ne_bytes([k0, k1]), value, rest))
}

/// A message that is being written.
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    /// A request with the header of its family.
    pub(crate) fn request(kind: u16, flags: u16, sequence: u32, family: [u8; 4]) -> Self {
        let mut bytes = vec![0; 4];
        bytes.extend(kind.to_ne_bytes());
        bytes.extend((REQUEST | flags).to_ne_bytes());
        bytes.extend(sequence.to_ne_bytes());
        bytes.extend([0; 4]);
        bytes.extend(family);
        Self(bytes)
    }

    /// Adds an attribute.
    pub(crate) fn attribute<const N: usize>(mut self, kind: u16, value: [u8; N]) -> Self {
        const { assert!(N < 64) };
        let len = u16::try_from(ATTRIBUTE_HEADER_LEN + N).unwrap_or(u16::MAX);
        self.0.extend(len.to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend(value);
        self.0.resize(padded(self.0.len()), 0);
        self
    }

    /// The message, with its length.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        let len = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        if let Some(place) = self.0.first_chunk_mut::<4>() {
            *place = len.to_ne_bytes();
        }
        self.0
    }
}

const fn padded(len: usize) -> usize {
    len.next_multiple_of(4)
}

/// What a message asks for an answer by.
pub(crate) const ACK: u16 = 4;

/// A message that says whether a request was done.
pub(crate) const ERROR: u16 = 2;

const REQUEST: u16 = 1;
const HEADER_LEN: usize = 16;
const ATTRIBUTE_HEADER_LEN: usize = 4;

/// Without `NLA_F_NESTED` and `NLA_F_NET_BYTEORDER`.
const TYPE_BITS: u16 = 0x3fff;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let bytes = Writer::request(0x300, ACK, 7, [2, 0, 0, 1])
            .attribute(1, [1, 2, 3, 4, 5])
            .attribute(5, [9, 9, 9, 9])
            .finish();
        assert_eq!(bytes.len(), 16 + 4 + 12 + 8);
        let twice = [&bytes[..], &bytes].concat();
        assert_eq!(messages(&twice).count(), 2);
        for message in messages(&twice) {
            let message = message.unwrap();
            assert_eq!((message.kind, message.sequence), (0x300, 7));
            let (family, rest) = message.body.split_at(4);
            assert_eq!(family, [2, 0, 0, 1]);
            let attributes: Vec<_> = attributes(rest).map(Result::unwrap).collect();
            assert_eq!(attributes, [(1, &[1, 2, 3, 4, 5][..]), (5, &[9, 9, 9, 9])]);
        }
    }

    #[test]
    fn a_prefix_of_a_message_is_none() {
        let bytes = Writer::request(1, 0, 1, [0; 4]).attribute(1, [1; 8]).finish();
        for len in 1..bytes.len() {
            assert_eq!(messages(&bytes[..len]).next(), Some(Err(NotWhole)), "{len} bytes");
        }
        for len in 1..12 {
            let part = &bytes[20..20 + len];
            assert_eq!(attributes(part).next(), Some(Err(NotWhole)), "{len} bytes");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_come_to_an_end(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(messages(&bytes).count() <= bytes.len());
            prop_assert!(attributes(&bytes).count() <= bytes.len());
        }
    }
}
