"""A client of tlslite-ng that tells its secrets: tlslite_secrets.py ssl30|tls10|tls11|tls12 CIPHER MAC."""

import os
import socket
import sys

from tlslite.api import HandshakeSettings, TLSConnection

version, cipher, mac = sys.argv[1:]
settings = HandshakeSettings()
settings.minVersion = settings.maxVersion = {"ssl30": (3, 0), "tls10": (3, 1), "tls11": (3, 2), "tls12": (3, 3)}[version]
settings.cipherNames, settings.macNames = [cipher], [mac]
settings.keyExchangeNames = ["rsa"]
connection = TLSConnection(socket.create_connection(("192.0.2.2", 443)))
connection.handshakeClientCert(settings=settings, serverName=None if version == "ssl30" else "rsa.test")
connection.write(b"hello")
connection.read(min=5, max=5)
connection.close()
with open(os.environ["KEYS"], "a") as log:
    random, master = connection._clientRandom, connection.session.masterSecret
    log.write(f"CLIENT_RANDOM {random.hex()} {master.hex()}\n")
