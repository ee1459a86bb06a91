"""One session, damaged, cut and reordered, and in other file formats."""

import gzip
import subprocess

from capture_file import Packet, pcap, pcapng
from frames import Segment, from_client

BASE = "small-segments"
SECOND = 10**9


def segments(packets):
    return [(number, Segment(packet.data)) for number, packet in enumerate(packets)]


def server_data(packets):
    """Numbers of the packets that carry the server's first flight: hello, chain, key exchange."""
    numbers = []
    for number, segment in segments(packets):
        if segment.payload:
            if not from_client(segment.frame):
                numbers.append(number)
            elif numbers:
                break
    return numbers


def replaced(packets, number, *frames):
    """Puts `frames` in the place of one packet, a microsecond apart."""
    time = packets[number].time_ns
    new = [Packet(time + 1000 * index, frame) for index, frame in enumerate(frames)]
    return packets[:number] + new + packets[number + 1:]


def reordered(packets):
    numbers = server_data(packets)
    order = list(packets)
    a, b, c = numbers[1:4]
    for number, other in ((a, c), (b, a), (c, b)):
        order[number] = Packet(packets[number].time_ns, packets[other].data)
    return order


def lost(packets):
    number = server_data(packets)[2]
    return packets[:number] + packets[number + 1:]


def repeated(packets):
    number = server_data(packets)[2]
    return replaced(packets, number, packets[number].data, packets[number].data)


def conflicting(packets):
    number = server_data(packets)[2]
    segment = Segment(packets[number].data)
    other = segment.rebuilt(payload=bytes(byte ^ 0xFF for byte in segment.payload))
    return replaced(packets, number, packets[number].data, other)


def overlapping(packets):
    first, second = (Segment(packets[number].data) for number in server_data(packets)[2:4])
    half = len(first.payload) // 2
    joined = first.payload[half:] + second.payload[:half]
    number = server_data(packets)[2]
    return replaced(packets, number, first.frame, first.rebuilt(joined, first.sequence + half))


def each_twice(packets):
    return [Packet(packet.time_ns + 1000 * copy, packet.data) for packet in packets for copy in (0, 1)]


def client_only(packets):
    return [packet for packet in packets if from_client(packet.data)]


def server_only(packets):
    return [packet for packet in packets if not from_client(packet.data)]


def without_syn(packets):
    return packets[3:]


def after_the_hello(packets):
    return packets[server_data(packets)[0]:]


def handshake_over(packets):
    data = [number for number, segment in segments(packets) if segment.payload]
    return packets[data[-4]:]


def cut(length):
    return lambda packets: [Packet(packet.time_ns, packet.data[:length], len(packet.data)) for packet in packets]


def reset(packets):
    number = server_data(packets)[-1]
    last = Segment(packets[number].data)
    answer = next(Segment(packet.data) for packet in packets[number:] if from_client(packet.data))
    frame = answer.rebuilt(b"", acknowledgement=last.sequence + len(last.payload), flags=0x14)
    return packets[:number + 1] + [Packet(packets[number].time_ns + 1000, frame)]


def sequence_wraps(packets):
    """Moves the server's numbers so that they wrap inside the certificate."""
    middle = Segment(packets[server_data(packets)[2]].data)
    shift = 2**32 - (middle.sequence + len(middle.payload) // 2)
    moved = []
    for packet in packets:
        segment = Segment(packet.data)
        if from_client(packet.data):
            known = segment.acknowledgement + shift if segment.flags & 0x10 else 0
            frame = segment.rebuilt(acknowledgement=known)
        else:
            frame = segment.rebuilt(sequence=segment.sequence + shift)
        moved.append(Packet(packet.time_ns, frame))
    return moved


def tiny_segments(packets):
    made = []
    for packet in packets:
        segment = Segment(packet.data)
        size = 16
        starts = range(0, len(segment.payload), size) if len(segment.payload) > size else [0]
        for count, start in enumerate(starts):
            part = segment.payload[start:start + size]
            made.append(Packet(packet.time_ns + 100 * count, segment.rebuilt(part, segment.sequence + start)))
    return made


def port_reused(packets):
    """The same session again a minute later from the same port, with other sequence numbers."""
    again = []
    for packet in packets:
        segment = Segment(packet.data)
        answered = segment.acknowledgement + 10**6 if segment.flags & 0x10 else 0
        frame = segment.rebuilt(sequence=segment.sequence + 10**6, acknowledgement=answered)
        again.append(Packet(packet.time_ns + 60 * SECOND, frame))
    return packets + again


def no_answer(packets):
    """The TCP handshake, the ClientHello and its acknowledgement."""
    return packets[:next(number for number, segment in segments(packets) if segment.payload) + 2]


def datagrams_reordered(packets):
    """Swaps the second and the fourth of the server's datagrams after the HelloVerifyRequest."""
    numbers = [number for number, packet in enumerate(packets) if not from_client(packet.data)]
    one, other = numbers[2], numbers[4]
    order = list(packets)
    order[one] = Packet(packets[one].time_ns, packets[other].data)
    order[other] = Packet(packets[other].time_ns, packets[one].data)
    return order


DAMAGES = [
    ("reordered-segments", "Three segments of the server's certificates in the wrong order.", reordered),
    ("lost-segment", "A segment inside the server's certificates was not recorded.", lost),
    ("retransmission", "A segment recorded twice, with the same bytes.", repeated),
    ("conflicting-retransmission", "A segment sent again with other bytes.", conflicting),
    ("overlapping-segments", "A segment that overlaps two others, with the same bytes.", overlapping),
    ("duplicated-packets", "Each packet recorded twice, as by a mirror port that sees both ways.", each_twice),
    ("client-only", "Only the client's packets.", client_only),
    ("server-only", "Only the server's packets.", server_only),
    ("midstream", "The recording begins after the TCP handshake.", without_syn),
    ("midstream-server-hello", "The recording begins with the ServerHello.", after_the_hello),
    ("midstream-data", "The recording begins after the TLS handshake.", handshake_over),
    ("snap-length-200", "Packets cut to 200 bytes.", cut(200)),
    ("reset", "The client resets the connection after the server's flight.", reset),
    ("sequence-wrap", "The server's sequence numbers wrap inside its certificates.", sequence_wraps),
    ("tiny-segments", "Segments of at most 16 bytes.", tiny_segments),
    ("port-reuse", "Two connections from the same port, a minute apart.", port_reused),
]

OTHER_DAMAGES = [
    ("no-answer", "A ClientHello that the server never answers.", "tls13", no_answer),
    ("quic-client-only", "Only the client's packets of a QUIC connection.", "quic-v1", client_only),
    ("dtls12-reordered", "Two datagrams of the server's certificate in the wrong order.", "dtls12",
     datagrams_reordered),
]


def two_interfaces(packets):
    half = [(0 if from_client(packet.data) else 1, packet) for packet in packets]
    return pcapng([(1, "tap0", False), (1, "tap1", True)], half)


def zstandard(packets):
    return subprocess.run(["zstd", "-q", "-19", "-c"], input=pcap(packets), capture_output=True, check=True).stdout


FORMATS = [
    ("file-big-endian", "A big-endian pcap file.", "input.pcap", lambda packets: pcap(packets, ">")),
    ("file-nanoseconds", "A pcap file with nanoseconds.", "input.pcap", lambda packets: pcap(packets, "<", True)),
    ("file-big-endian-nanoseconds", "A big-endian pcap file with nanoseconds.", "input.pcap",
     lambda packets: pcap(packets, ">", True)),
    ("file-pcapng", "A pcapng file with two interfaces, one with microseconds and one with nanoseconds: a tap "
     "with one interface for each direction.", "input.pcapng", two_interfaces),
    ("file-gzip", "A pcap file compressed by gzip.", "input.pcap.gz",
     lambda packets: gzip.compress(pcap(packets), 9, mtime=0)),
    ("file-zstd", "A pcap file compressed by zstd.", "input.pcap.zst", zstandard),
    ("file-truncated", "A pcap file that ends in the middle of a packet, after the handshake.", "input.pcap",
     lambda packets: pcap(packets)[:-100]),
]
