"""Makes the variants of recorded sessions: derive.py TESTDATA. Called by make.sh."""

import pathlib
import sys

import capture_file
from damage import BASE, DAMAGES, FORMATS, OTHER_DAMAGES
from encapsulations import ENCAPSULATIONS
from sample import SAMPLE


def main():
    testdata = pathlib.Path(sys.argv[1])
    base = capture_file.read(testdata / BASE / "input.pcap")
    for name, title, origin, wrap, link_type in ENCAPSULATIONS:
        packets = capture_file.read(testdata / origin / "input.pcap")
        packets = [capture_file.Packet(packet.time_ns, wrap(packet.data)) for packet in packets]
        save(testdata, name, title, origin, "input.pcap", capture_file.pcap(packets, link_type=link_type))
    for name, title, change in DAMAGES:
        save(testdata, name, title, BASE, "input.pcap", capture_file.pcap(change(base)))
    for name, title, origin, change in OTHER_DAMAGES:
        packets = capture_file.read(testdata / origin / "input.pcap")
        save(testdata, name, title, origin, "input.pcap", capture_file.pcap(change(packets)))
    write_interleaved(testdata)
    for name, title, file_name, write in FORMATS:
        save(testdata, name, title, BASE, file_name, write(base))
    write_sample(testdata)


def save(testdata, name, title, origin, file_name, content):
    folder = testdata / name
    folder.mkdir(exist_ok=True)
    (folder / file_name).write_bytes(content)
    (folder / "README.md").write_text(
        f"# {name}\n\n{title}\n\n"
        f"Derived from `../{origin}` by `testdata/make/derive.py`; that folder's README.md says how the session "
        "was recorded.\n\nLicence: Apache-2.0, as the project.\n")


def write_interleaved(testdata):
    """Two sessions at the same time, a packet of each in turn."""
    one, other = (capture_file.read(testdata / name / "input.pcap") for name in ("tls12-chain", "tls12-rsa"))
    count = max(len(one), len(other))
    # A microsecond apart by rank, so that the turns do not depend on how fast either one was.
    packets = [capture_file.Packet(one[0].time_ns + rank * 2000 + 1000 * side, flow[rank].data)
               for rank in range(count) for side, flow in enumerate((one, other)) if rank < len(flow)]
    save(testdata, "interleaved", "Two connections at the same time, a packet of each in turn; the other one is "
         "`../tls12-rsa`.", "tls12-chain", "input.pcap", capture_file.pcap(packets))


def write_sample(testdata):
    """One file with a session of many kinds, one after the other."""
    packets, at = [], None
    for name in SAMPLE:
        recorded = capture_file.read(testdata / name / "input.pcap")
        at = recorded[0].time_ns if at is None else at
        shift = at - recorded[0].time_ns
        packets += [(0, capture_file.Packet(packet.time_ns + shift, packet.data)) for packet in recorded]
        at = packets[-1][1].time_ns + 250_000_000
    folder = testdata / "sample"
    folder.mkdir(exist_ok=True)
    (folder / "input.pcapng").write_bytes(capture_file.pcapng([(1, "veth0", False)], packets))
    listed = "".join(f"- `../{name}`\n" for name in SAMPLE)
    (folder / "README.md").write_text(
        "# sample\n\nSessions of many kinds in one file, for `./dev run`. `testdata/make/derive.py` joins these "
        f"recordings, one after the other:\n\n{listed}\nLicence: Apache-2.0, as the project.\n")


main()
