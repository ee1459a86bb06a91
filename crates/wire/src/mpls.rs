//! MPLS label stacks.

use crate::checksum::Checksum;
use crate::ether_type::EtherType;
use crate::ethernet::Ethernet;
use crate::header_error::HeaderError;
use crate::ipv4::Ipv4;
use crate::reader::Reader;

/// What is under a stack of MPLS labels (RFC 3032).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mpls<'a> {
    /// The label at the bottom of the stack, 20 bits.
    pub bottom_label: u32,
    /// What the payload looks like: the labels do not say it.
    pub payload_type: MplsPayload,
    /// What follows the labels, and the control word if there is one.
    pub payload: &'a [u8],
}

/// What the payload under the labels looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MplsPayload {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
    /// An Ethernet pseudowire (RFC 4448).
    Ethernet,
    /// None of these.
    Unknown,
}

impl<'a> Mpls<'a> {
    /// Reads the label stack that begins with `bytes`.
    ///
    /// # Errors
    /// [`HeaderError::Truncated`] if it has no bottom, [`HeaderError::TooMany`] if it has more than
    /// 16 labels.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, HeaderError> {
        let mut reader = Reader::new(bytes);
        for _ in 0..MAX_LABELS {
            let entry = reader.u32()?;
            if entry & BOTTOM_OF_STACK != 0 {
                let (payload_type, payload) = guess(reader.rest());
                return Ok(Self { bottom_label: entry >> 12, payload_type, payload });
            }
        }
        Err(HeaderError::TooMany)
    }
}

/// Tells the payload by its first nibble, as routers do (RFC 4928): 0 is a control word, and an
/// Ethernet frame without one may begin with 4 or 6 too.
fn guess(payload: &[u8]) -> (MplsPayload, &[u8]) {
    match payload.first().map(|byte| byte >> 4) {
        Some(4) if has_ipv4_checksum(payload) || !is_ethernet(payload) => {
            (MplsPayload::Ipv4, payload)
        }
        Some(6) if !is_ethernet(payload) => (MplsPayload::Ipv6, payload),
        Some(0) => match payload.get(CONTROL_WORD_LEN..) {
            Some(frame) if is_ethernet(frame) => (MplsPayload::Ethernet, frame),
            Some(_) | None if is_ethernet(payload) => (MplsPayload::Ethernet, payload),
            Some(_) | None => (MplsPayload::Unknown, payload),
        },
        Some(_) if is_ethernet(payload) => (MplsPayload::Ethernet, payload),
        Some(_) | None => (MplsPayload::Unknown, payload),
    }
}

fn has_ipv4_checksum(payload: &[u8]) -> bool {
    Ipv4::parse(payload).is_ok_and(|packet| {
        let header = payload.get(..packet.header_len).unwrap_or_default();
        Checksum::default().with(header).finish() == 0
    })
}

fn is_ethernet(payload: &[u8]) -> bool {
    Ethernet::parse(payload).is_ok_and(|frame| {
        let version = frame.payload.first().map(|byte| byte >> 4);
        frame.ether_type.is_common()
            && match frame.ether_type {
                EtherType::IPV4 => version == Some(4),
                EtherType::IPV6 => version == Some(6),
                _ => true,
            }
    })
}

const BOTTOM_OF_STACK: u32 = 1 << 8;
const CONTROL_WORD_LEN: usize = 4;

/// Service providers use up to five labels, and source routing (RFC 8660) about ten.
const MAX_LABELS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    const IPV4: [u8; 20] = [0x45, 0, 0, 20, 0, 0, 0, 0, 64, 6, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];

    #[test]
    fn the_stack_ends_at_its_bottom() {
        let bytes = [&[0, 0, 0x10, 0x40, 0, 0, 0x21, 0x40][..], &IPV4].concat();
        let mpls = Mpls::parse(&bytes).unwrap();
        assert_eq!((mpls.bottom_label, mpls.payload_type), (2, MplsPayload::Ipv4));
        assert_eq!(mpls.payload, IPV4);
        for len in 0..8 {
            assert!(matches!(Mpls::parse(&bytes[..len]), Err(HeaderError::Truncated(_))));
        }
    }

    #[test]
    fn ethernet_is_found_with_and_without_a_control_word() {
        let frame = [&[0x46; 12][..], &[8, 0], &IPV4].concat();
        for control_word in [&[][..], &[0, 0, 0, 1]] {
            let bytes = [&[0, 0, 0x21, 0x40], control_word, &frame].concat();
            let mpls = Mpls::parse(&bytes).unwrap();
            assert_eq!((mpls.payload_type, mpls.payload), (MplsPayload::Ethernet, &frame[..]));
        }
    }

    #[test]
    fn a_stack_without_a_bottom_is_refused() {
        assert_eq!(Mpls::parse(&[0; 4 * (MAX_LABELS + 1)]), Err(HeaderError::TooMany));
    }
}
