"""One session in other link layers and tunnels."""

import struct

from frames import IPV4, IPV6, TCP, ether_type, ethernet, from_client, ipv4, ipv6, outer_ipv4, outer_udp

BASE, BASE_IPV6 = "tls12-chain", "tls13-ipv6"

# Link types of pcap files.
NULL, RAW, SLL, SLL2, PPP = 0, 101, 113, 276, 9


def vlan(frame):
    return frame[:12] + b"\x81\x00" + struct.pack(">H", 0x2000 | 42) + frame[12:]


def qinq(frame):
    return frame[:12] + b"\x88\xa8\x00\x64\x81\x00\x00\x2a" + frame[12:]


def gre(frame):
    # Key and sequence number present (RFC 2890).
    return ethernet(IPV4, outer_ipv4(47, b"\x30\x00\x08\x00" + struct.pack(">II", 42, 1) + frame[14:], frame), frame)


def gre_ethernet(frame):
    return ethernet(IPV4, outer_ipv4(47, b"\x00\x00\x65\x58" + frame, frame), frame)


def erspan(frame):
    # ERSPAN type II: GRE with a sequence number, then version 1, VLAN 0, session 42, index 1.
    header = b"\x10\x00\x88\xbe" + struct.pack(">I", 1) + struct.pack(">HHI", 0x1000, 42, 1)
    return ethernet(IPV4, outer_ipv4(47, header + frame, frame), frame)


def geneve(frame):
    # One option of 8 bytes (RFC 8926 section 3.5).
    header = bytes([2, 0x00]) + b"\x65\x58" + b"\x00\x00\x2a\x00" + b"\x01\x02\x01\x01" + b"\0\0\0\1"
    return ethernet(IPV4, outer_udp(6081, header + frame, frame), frame)


def gtp_u(frame):
    # Version 1 with a sequence number, G-PDU (3GPP TS 29.281 section 5.1).
    inner = b"\x00\x01\x00\x00" + frame[14:]
    header = struct.pack(">BBHI", 0x32, 0xFF, len(inner), 42)
    return ethernet(IPV4, outer_udp(2152, header + inner, frame), frame)


def ip_in_ip(frame):
    return ethernet(IPV4, outer_ipv4(4, frame[14:], frame), frame)


def ipv6_in_ipv4(frame):
    return ethernet(IPV4, outer_ipv4(41, frame[14:], frame), frame)


def ipv4_in_ipv6(frame):
    ends = bytes.fromhex("20010db8" + "00" * 11 + "11"), bytes.fromhex("20010db8" + "00" * 11 + "12")
    ends = ends if from_client(frame) else ends[::-1]
    return ethernet(IPV6, ipv6(4, frame[14:], *ends), frame)


def mpls(frame):
    # Two labels, 16 and 17, the second at the bottom of the stack (RFC 3032 section 2.1).
    labels = struct.pack(">II", 16 << 12 | 64, 17 << 12 | 1 << 8 | 64)
    return ethernet(0x8847, labels + frame[14:], frame)


def pppoe(frame):
    inner = b"\x00\x21" + frame[14:]
    return ethernet(0x8864, struct.pack(">BBHH", 0x11, 0, 42, len(inner)) + inner, frame)


def ipv6_extension_headers(frame):
    # Hop-by-hop and destination options, each with six bytes of padding (RFC 8200 section 4).
    options = bytes([60, 0, 1, 4, 0, 0, 0, 0]) + bytes([TCP, 0, 1, 4, 0, 0, 0, 0])
    packet = frame[14:]
    return ethernet(IPV6, ipv6(0, options + packet[40:], packet[8:24], packet[24:40]), frame)


def ipv4_options(frame):
    # Router alert and padding (RFC 2113).
    packet = frame[14:]
    return ethernet(IPV4, ipv4(TCP, packet[20:], packet[12:16], packet[16:20], b"\x94\x04\0\0\x01\x01\x01\x00"), frame)


def padded(frame):
    # Frames as a switch delivers them: filled up to 60 bytes, with the frame check sequence.
    return frame + bytes(max(0, 60 - len(frame))) + b"\xde\xad\xbe\xef"


def cooked(frame):
    head = struct.pack(">HHH", 0 if from_client(frame) else 4, 1, 6) + frame[6:12] + b"\0\0"
    return head + frame[12:]


def cooked_2(frame):
    kind = struct.pack(">H", ether_type(frame))
    return kind + b"\0\0" + struct.pack(">IHBB", 2, 1, 0 if from_client(frame) else 4, 6) + frame[6:12] + b"\0\0" + frame[14:]


def raw_ip(frame):
    return frame[14:]


def loopback(frame):
    return struct.pack("<I", 2) + frame[14:]


def ppp(frame):
    return b"\xff\x03\x00\x21" + frame[14:]


ETHERNET = 1
ENCAPSULATIONS = [
    ("vlan", "VLAN 42.", BASE, vlan, ETHERNET),
    ("qinq", "VLAN 42 in the service VLAN 100.", BASE, qinq, ETHERNET),
    ("gre", "IPv4 in GRE with key and sequence number.", BASE, gre, ETHERNET),
    ("gre-ethernet", "Ethernet in GRE.", BASE, gre_ethernet, ETHERNET),
    ("erspan", "ERSPAN type II.", BASE, erspan, ETHERNET),
    ("geneve", "Ethernet in GENEVE with an option.", BASE, geneve, ETHERNET),
    ("gtp-u", "GTP-U with a sequence number.", BASE, gtp_u, ETHERNET),
    ("ip-in-ip", "IPv4 in IPv4.", BASE, ip_in_ip, ETHERNET),
    ("ipv6-in-ipv4", "IPv6 in IPv4.", BASE_IPV6, ipv6_in_ipv4, ETHERNET),
    ("ipv4-in-ipv6", "IPv4 in IPv6.", BASE, ipv4_in_ipv6, ETHERNET),
    ("mpls", "MPLS with two labels.", BASE, mpls, ETHERNET),
    ("pppoe", "PPP over Ethernet.", BASE, pppoe, ETHERNET),
    ("ipv6-extension-headers", "Hop-by-hop and destination options.", BASE_IPV6, ipv6_extension_headers, ETHERNET),
    ("ipv4-options", "IPv4 options.", BASE, ipv4_options, ETHERNET),
    ("ethernet-padding", "Short frames padded, and frame check sequences kept.", BASE, padded, ETHERNET),
    ("vlan-vxlan", "VXLAN frames in VLAN 42.", "vxlan", vlan, ETHERNET),
    ("linktype-sll", "Linux cooked capture.", BASE, cooked, SLL),
    ("linktype-sll2", "Linux cooked capture, version 2.", BASE, cooked_2, SLL2),
    ("linktype-raw", "IP packets without a link layer.", BASE, raw_ip, RAW),
    ("linktype-null", "The loopback encapsulation of BSD, little-endian.", BASE, loopback, NULL),
    ("linktype-ppp", "PPP with HDLC-like framing.", BASE, ppp, PPP),
]
