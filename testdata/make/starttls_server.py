"""Plays the server's part of a clear-text dialogue up to TLS: starttls_server.py PROTOCOL PORT.

The dialogues are in starttls_dialogues.py.
"""

import re
import socket
import ssl
import sys

from starttls_dialogues import DIALOGUES

def serve(protocol, port):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("rsa.pem", "rsa.key")
    # The certificate stays in clear, so that the recording shows that it is found.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    listener = socket.create_server(("", port))
    while True:
        connection, _ = listener.accept()
        try:
            dialogue(connection, DIALOGUES[protocol])
            with context.wrap_socket(connection, server_side=True) as secure:
                secure.settimeout(2)
                secure.recv(4096)
        except (OSError, ValueError) as error:
            print(repr(error))
        finally:
            connection.close()


def dialogue(connection, protocol):
    connection.sendall(protocol["greeting"])
    received = b""
    while True:
        more = connection.recv(4096)
        if not more:
            raise ValueError(f"the client hung up after {received!r}")
        received += more
        for pattern, answer, upgrades in protocol["steps"]:
            match = re.match(pattern, received, re.DOTALL | re.IGNORECASE)
            if match:
                received = received[match.end():]
                for number, group in enumerate(match.groups()):
                    answer = answer.replace(b"{%d}" % number, group)
                connection.sendall(answer)
                if upgrades:
                    return
                break


serve(sys.argv[1], int(sys.argv[2]))
