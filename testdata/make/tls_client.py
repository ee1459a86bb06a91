"""Plays the client's part for protocols that no tool at hand speaks: tls_client.py PROTOCOL PORT."""

import socket
import ssl
import sys

REQUESTS = {
    # TPKT, X.224 connection request with a cookie, RDP_NEG_REQ for PROTOCOL_SSL and PROTOCOL_HYBRID.
    "rdp": b"\x03\x00\x00\x2c\x27\xe0\x00\x00\x00\x00\x00Cookie: mstshash=tester\r\n\x01\x00\x08\x00\x03\x00\x00\x00",
    # A TCP connection from 198.51.100.1:50000 to 198.51.100.2:443.
    "proxy-protocol-v2": b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc6\x33\x64\x01\xc6\x33\x64\x02\xc3\x50\x01\xbb",
}

connection = socket.create_connection(("192.0.2.2", int(sys.argv[2])))
request = REQUESTS[sys.argv[1]]
connection.sendall(request)
if sys.argv[1] == "rdp":
    connection.recv(4096)
context = ssl.create_default_context(cafile="root.pem")
with context.wrap_socket(connection, server_hostname="example.test") as secure:
    secure.sendall(b"hello")
