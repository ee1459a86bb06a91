"""Plays the client's part for protocols that no tool at hand speaks: tls_client.py rdp PORT."""

import socket
import ssl
import sys

REQUESTS = {
    # TPKT, X.224 connection request with a cookie, RDP_NEG_REQ for PROTOCOL_SSL and PROTOCOL_HYBRID.
    "rdp": b"\x03\x00\x00\x2c\x27\xe0\x00\x00\x00\x00\x00Cookie: mstshash=tester\r\n\x01\x00\x08\x00\x03\x00\x00\x00",
}

connection = socket.create_connection(("192.0.2.2", int(sys.argv[2])))
request = REQUESTS[sys.argv[1]]
assert request[3] == len(request), f"the TPKT length must be {len(request)}"
assert request[4] == len(request) - 5, f"the X.224 length must be {len(request) - 5}"
connection.sendall(request)
connection.recv(4096)
context = ssl.create_default_context(cafile="root.pem")
with context.wrap_socket(connection, server_hostname="example.test") as secure:
    secure.sendall(b"hello")
