"""A server and a client on the OpenSSL that pyOpenSSL brings.

modern_openssl.py serve CERTIFICATE [GROUPS] | modern_openssl.py connect NAME [GROUPS]
"""

import socket
import sys

from OpenSSL import SSL
from OpenSSL._util import lib


def context(method, groups):
    made = SSL.Context(method)
    # pyOpenSSL has no method for it; the function is the one that sets the groups of TLS 1.3, too.
    if groups and lib.SSL_CTX_set1_curves_list(made._context, groups.encode()) != 1:
        sys.exit(f"OpenSSL does not take the groups {groups}")
    return made


def serve(certificate, groups=None):
    made = context(SSL.TLS_SERVER_METHOD, groups)
    made.use_certificate_chain_file(f"{certificate}.pem")
    made.use_privatekey_file(f"{certificate}.key")
    made.set_alpn_select_callback(lambda connection, offered: b"http/1.1" if b"http/1.1" in offered
                                  else SSL.NO_OVERLAPPING_PROTOCOLS)
    listener = socket.create_server(("", 443))
    while True:
        accepted, _ = listener.accept()
        connection = SSL.Connection(made, accepted)
        connection.set_accept_state()
        try:
            connection.do_handshake()
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n")
            connection.shutdown()
        except SSL.Error as error:
            print(error)
        finally:
            accepted.close()


def connect(name, groups=None):
    made = context(SSL.TLS_CLIENT_METHOD, groups)
    connection = SSL.Connection(made, socket.create_connection(("192.0.2.2", 443)))
    connection.set_tlsext_host_name(name.encode())
    connection.set_connect_state()
    connection.do_handshake()
    connection.sendall(b"GET /root.pem HTTP/1.0\r\n\r\n")
    try:
        while connection.recv(4096):
            pass
    except SSL.Error:
        pass
    connection.close()


{"serve": serve, "connect": connect}[sys.argv[1]](*sys.argv[2:])
