"""Reads and writes classic pcap files of Ethernet frames, and writes pcapng."""

import struct
from typing import NamedTuple

ETHERNET = 1


class Packet(NamedTuple):
    """A frame and its time in nanoseconds."""

    time_ns: int
    data: bytes
    original_len: int | None = None

    @property
    def full_len(self):
        return len(self.data) if self.original_len is None else self.original_len


def read(path):
    content = path.read_bytes()
    magic, = struct.unpack_from("<I", content)
    scale = {0xA1B2C3D4: 1000, 0xA1B23C4D: 1}[magic]
    at, packets = 24, []
    while at + 16 <= len(content):
        seconds, fraction, kept, original = struct.unpack_from("<IIII", content, at)
        data = content[at + 16:at + 16 + kept]
        packets.append(Packet(seconds * 10**9 + fraction * scale, data, original))
        at += 16 + kept
    return packets


def pcap(packets, order="<", nanoseconds=False, link_type=ETHERNET, snap_len=262144):
    magic = 0xA1B23C4D if nanoseconds else 0xA1B2C3D4
    parts = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snap_len, link_type)]
    for packet in packets:
        seconds, rest = divmod(packet.time_ns, 10**9)
        fraction = rest if nanoseconds else rest // 1000
        parts.append(struct.pack(order + "IIII", seconds, fraction, len(packet.data), packet.full_len))
        parts.append(packet.data)
    return b"".join(parts)


def write(path, packets):
    path.write_bytes(pcap(packets))


def pcapng(interfaces, packets):
    """`interfaces` are (link type, name, nanoseconds); `packets` are (interface number, Packet)."""
    parts = [block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))]
    for link_type, name, nanoseconds in interfaces:
        options = option(2, name.encode())
        if nanoseconds:
            options += option(9, b"\x09")
        parts.append(block(1, struct.pack("<HHI", link_type, 0, 262144) + options + option(0, b"")))
    for number, packet in packets:
        stamp = packet.time_ns if interfaces[number][2] else packet.time_ns // 1000
        body = struct.pack("<IIIII", number, stamp >> 32, stamp & 0xFFFFFFFF, len(packet.data), packet.full_len)
        parts.append(block(6, body + padded(packet.data)))
    return b"".join(parts)


def block(kind, body):
    length = len(body) + 12
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length)


def option(code, value):
    return struct.pack("<HH", code, len(value)) + padded(value)


def padded(data):
    return data + bytes(-len(data) % 4)
