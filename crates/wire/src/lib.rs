//! Bytes on the wire: a bounded reader, borrowed views of link, network and transport headers, and the
//! building of such headers.
//!
//! Nothing here keeps state or knows what a flow is, and nothing allocates but what appends to a
//! caller's buffer.
#![warn(clippy::disallowed_methods)]

mod checksum;
mod cooked;
mod erspan;
mod ether_type;
mod ethernet;
mod fragment;
mod geneve;
mod gre;
mod gtp;
mod header_error;
mod ip_protocol;
mod ipv4;
mod ipv6;
mod l2tp;
mod loopback;
mod mpls;
mod packet;
mod ppp;
mod pppoe;
mod reader;
mod sequence;
mod tcp;
mod tcp_flags;
mod tcp_frame;
mod teredo;
mod udp;
mod vlan;
mod vxlan;

pub use checksum::Checksum;
pub use cooked::{CookedV1, CookedV2};
pub use erspan::Erspan;
pub use ether_type::EtherType;
pub use ethernet::Ethernet;
pub use fragment::FragmentRange;
pub use geneve::Geneve;
pub use gre::{EnhancedGre, Gre};
pub use gtp::GtpU;
pub use header_error::HeaderError;
pub use ip_protocol::IpProtocol;
pub use ipv4::Ipv4;
pub use ipv6::{Ipv6, Ipv6Extensions};
pub use l2tp::L2tp;
pub use loopback::Loopback;
pub use mpls::{Mpls, MplsPayload};
pub use packet::{LinkType, Packet};
pub use ppp::{Ppp, PppProtocol};
pub use pppoe::PppoeSession;
pub use reader::{Reader, Truncated};
pub use sequence::SeqNumber;
pub use tcp::TcpSegment;
pub use tcp_flags::TcpFlags;
pub use tcp_frame::{SegmentFields, TcpPath};
pub use teredo::Teredo;
pub use udp::UdpDatagram;
pub use vlan::VlanTag;
pub use vxlan::Vxlan;
