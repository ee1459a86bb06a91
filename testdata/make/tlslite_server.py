"""A server that still speaks SSL 3.0, RC4 and SSL 2.0 hellos."""

import socket

from tlslite.api import HandshakeSettings, TLSConnection, X509CertChain, parsePEMKey

chain = X509CertChain()
chain.parsePemList(open("rsa.pem").read())
key = parsePEMKey(open("rsa.key").read(), private=True)

settings = HandshakeSettings()
settings.minVersion, settings.maxVersion = (3, 0), (3, 3)
settings.cipherNames = ["aes128", "3des", "rc4"]
settings.macNames = ["sha", "md5"]

listener = socket.create_server(("", 443))
while True:
    accepted, _ = listener.accept()
    connection = TLSConnection(accepted)
    try:
        connection.handshakeServer(certChain=chain, privateKey=key, settings=settings)
        connection.write(connection.read(max=100))
        connection.close()
    except Exception as error:
        print(repr(error))
    accepted.close()
