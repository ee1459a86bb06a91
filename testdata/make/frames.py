"""Takes recorded Ethernet frames apart and builds others."""

import struct

IPV4, IPV6 = 0x0800, 0x86DD
TCP, UDP = 6, 17
OUTER = (bytes([203, 0, 113, 1]), bytes([203, 0, 113, 2]))


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data[:len(data) // 2 * 2]))
    total += data[-1] << 8 if len(data) % 2 else 0
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ether_type(frame):
    return struct.unpack_from(">H", frame, 12)[0]


def from_client(frame):
    """Whether the client sent it: its Ethernet address ends in 1."""
    return frame[11] == 1


def ethernet(kind, payload, like):
    """A frame with the addresses of `like`."""
    return like[:12] + struct.pack(">H", kind) + payload


def ipv4(protocol, payload, source, destination, options=b""):
    words = 5 + len(options) // 4
    def header(check):
        return struct.pack(">BBHHHBBH", 0x40 | words, 0, words * 4 + len(payload), 1, 0x4000, 64, protocol,
                           check) + source + destination + options
    return header(checksum(header(0))) + payload


def ipv6(next_header, payload, source, destination):
    return struct.pack(">IHBB", 6 << 28, len(payload), next_header, 64) + source + destination + payload


def outer_ipv4(protocol, payload, frame):
    """An outer IPv4 packet whose direction is that of `frame`."""
    source, destination = OUTER if from_client(frame) else OUTER[::-1]
    return ipv4(protocol, payload, source, destination)


def outer_udp(port, payload, frame):
    # A zero checksum is allowed in tunnels over IPv4 (RFC 7348 section 5).
    return outer_ipv4(UDP, struct.pack(">HHHH", 50000, port, 8 + len(payload), 0) + payload, frame)


class Segment:
    """A TCP segment in IPv4 in Ethernet, with the fields that the variants change."""

    def __init__(self, frame):
        self.frame = frame
        header_len = (frame[14] & 15) * 4
        total, = struct.unpack_from(">H", frame, 16)
        self.source, self.destination = frame[26:30], frame[30:34]
        tcp = frame[14 + header_len:14 + total]
        self.tcp_header = tcp[:(tcp[12] >> 4) * 4]
        self.payload = tcp[len(self.tcp_header):]
        self.sequence, self.acknowledgement = struct.unpack_from(">II", tcp, 4)
        self.flags = tcp[13]

    def rebuilt(self, payload=None, sequence=None, acknowledgement=None, flags=None):
        payload = self.payload if payload is None else payload
        sequence = self.sequence if sequence is None else sequence
        acknowledgement = self.acknowledgement if acknowledgement is None else acknowledgement
        flags = self.flags if flags is None else flags
        head = self.tcp_header
        tcp = (head[:4] + struct.pack(">II", sequence % 2**32, acknowledgement % 2**32) + head[12:13]
               + bytes([flags]) + head[14:16] + b"\0\0" + head[18:] + payload)
        pseudo = self.source + self.destination + struct.pack(">BBH", 0, TCP, len(tcp))
        tcp = tcp[:16] + struct.pack(">H", checksum(pseudo + tcp)) + tcp[18:]
        return ethernet(IPV4, ipv4(TCP, tcp, self.source, self.destination), self.frame)
