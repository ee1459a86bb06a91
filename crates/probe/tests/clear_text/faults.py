"""A client that does with its connection what programs do, and worse. Arguments: what, port, certificate.

A connection is open when it prints `open`; it goes on when its standard input ends.
"""

import ctypes
import os
import signal
import socket
import ssl
import struct
import sys
import threading

what, port, certificate = sys.argv[1], int(sys.argv[2]), sys.argv[3]
context = ssl.create_default_context(cafile=certificate)


def connect():
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="server.test")


def send(connection, path="/body"):
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: server.test\r\n\r\n".encode())


def read(connection, length=None):
    """One response: its head, and as much as that says or as is asked for."""
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(1)
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length" and length is None:
            length = int(value)
    while length > 0:
        length -= len(connection.recv(min(length, 16384)))


def in_thread(work, *arguments):
    found = []
    thread = threading.Thread(target=lambda: found.append(work(*arguments)))
    thread.start()
    thread.join()
    return found[0]


def confine():
    """From now on: what a connection needs, and death for anything else."""
    allowed = [0, 1, 3, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 28, 44, 45, 47, 48, 60, 72, 202, 228, 231, 262, 318]
    allow, kill = 0x7FFF0000, 0x80000000
    code = [struct.pack("HBBI", 0x20, 0, 0, 0)]
    for place, number in enumerate(allowed):
        code.append(struct.pack("HBBI", 0x15, len(allowed) - place, 0, number))
    code += [struct.pack("HBBI", 0x06, 0, 0, kill), struct.pack("HBBI", 0x06, 0, 0, allow)]
    filters = ctypes.create_string_buffer(b"".join(code))
    program = struct.pack("HxxxxxxQ", len(code), ctypes.addressof(filters))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, program, 0, 0):
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")


def wait():
    print("open", flush=True)
    sys.stdin.read()


match what:
    case "threads":
        connection = in_thread(connect)
        for _ in range(20):
            in_thread(send, connection)
            in_thread(read, connection)
    case "fork":
        connection = connect()
        child = os.fork()
        if child == 0:
            send(connection)
            read(connection)
            os._exit(0)
        connection.close()
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    case "seccomp":
        connection = connect()
        confine()
        send(connection)
        read(connection)
        os._exit(0)
    case "killed":
        connection = connect()
        send(connection)
        read(connection, 20_000)
        os.kill(os.getpid(), signal.SIGKILL)
    case "upgrade":
        connection = connect()
        wait()
        send(connection)
        read(connection)
