"""A proxy for HTTP CONNECT, SOCKS4, SOCKS4a and SOCKS5 on one port; it always connects to itself:443."""

import socket
import struct
import threading

from proxy_pump import exactly, pump


def until(connection, end):
    data = b""
    while not data.endswith(end):
        data += exactly(connection, 1)
    return data


def greet(client):
    first = exactly(client, 1)
    if first == b"\x05":
        exactly(client, exactly(client, 1)[0])
        client.sendall(b"\x05\x00")
        kind = exactly(client, 4)[3]
        exactly(client, {1: 4, 4: 16}.get(kind) or exactly(client, 1)[0])
        exactly(client, 2)
        return b"\x05\x00\x00\x01" + bytes(6)
    if first == b"\x04":
        address = exactly(client, 7)[3:]
        until(client, b"\0")
        if struct.unpack(">I", address)[0] < 256:
            until(client, b"\0")
        return b"\x00\x5a" + bytes(6)
    until(client, b"\r\n\r\n")
    return b"HTTP/1.1 200 Connection established\r\n\r\n"


def serve(client):
    answer = greet(client)
    server = socket.create_connection(("127.0.0.1", 443))
    client.sendall(answer)
    threading.Thread(target=pump, args=(client, server), daemon=True).start()
    pump(server, client)


listener = socket.create_server(("", 1080))
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
