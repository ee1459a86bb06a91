"""A client for what OpenSSL 3 refuses: tlslite_client.py ssl30|tls12 CIPHER, or ssl2-hello."""

import socket
import struct
import sys

from tlslite.api import HandshakeSettings, TLSConnection


def ssl2_hello():
    suites = [0x002F, 0x0035, 0x000A, 0x00FF]
    specs = b"".join(b"\0" + struct.pack(">H", suite) for suite in suites)
    challenge = bytes(range(16))
    body = b"\x01\x03\x01" + struct.pack(">HHH", len(specs), 0, len(challenge)) + specs + challenge
    connection = socket.create_connection(("192.0.2.2", 443))
    connection.sendall(struct.pack(">H", 0x8000 | len(body)) + body)
    connection.settimeout(1)
    try:
        while connection.recv(4096):
            pass
    except TimeoutError:
        pass
    connection.close()


def hello(version, cipher):
    settings = HandshakeSettings()
    settings.minVersion = settings.maxVersion = {"ssl30": (3, 0), "tls12": (3, 3)}[version]
    settings.cipherNames, settings.macNames = [cipher], ["sha"]
    settings.keyExchangeNames = ["rsa"]
    connection = TLSConnection(socket.create_connection(("192.0.2.2", 443)))
    connection.handshakeClientCert(settings=settings, serverName=None if version == "ssl30" else "rsa.test")
    connection.write(b"hello")
    connection.read(min=5, max=5)
    connection.close()


if sys.argv[1] == "ssl2-hello":
    ssl2_hello()
else:
    hello(*sys.argv[1:])
