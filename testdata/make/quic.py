"""A QUIC server and client: quic.py serve [OPTION...] | quic.py connect [OPTION...].

Options: port=N, version=N (the client's only one, 1 or 2), retry, session=FILE, early, only-v1
(server), prefer-v2 (the client starts with version 1 and would rather have 2), greasy-version (the
client starts with a version that no server knows), keylog=FILE (the client's secrets), update (the
client changes its keys).
"""

import asyncio
import pathlib
import pickle
import ssl
import sys

from aioquic.asyncio import connect, serve
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3Connection
from aioquic.h3.events import HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ProtocolNegotiated
from aioquic.quic.packet import QuicProtocolVersion

options = dict(each.partition("=")[::2] for each in sys.argv[2:])
port = int(options.get("port", 443))
V1, V2 = QuicProtocolVersion.VERSION_1, QuicProtocolVersion.VERSION_2


class Server(QuicConnectionProtocol):
    http = None

    def quic_event_received(self, event):
        if isinstance(event, ProtocolNegotiated):
            self.http = H3Connection(self._quic)
        if self.http is None:
            return
        for answer in self.http.handle_event(event):
            if isinstance(answer, HeadersReceived):
                self.http.send_headers(answer.stream_id, [(b":status", b"200")])
                self.http.send_data(answer.stream_id, b"hello\n", end_stream=True)
                self.transmit()


tickets = {}


async def run_server():
    configuration = QuicConfiguration(is_client=False, alpn_protocols=["h3"], max_datagram_size=1200)
    if "only-v1" in options:
        configuration.supported_versions = [V1]
    configuration.load_cert_chain("ecdsa.pem", "ecdsa.key")
    await serve("::", port, configuration=configuration, create_protocol=Server, retry="retry" in options,
                session_ticket_fetcher=tickets.pop,
                session_ticket_handler=lambda ticket: tickets.update({ticket.ticket: ticket}))
    await asyncio.Future()


async def run_client():
    configuration = QuicConfiguration(
        is_client=True, alpn_protocols=["h3"], server_name="example.test", verify_mode=ssl.CERT_NONE)
    first = {"1": V1, "2": V2}[options.get("version", "1")]
    configuration.supported_versions = [first] if "version" in options else [V1, V2]
    configuration.original_version = first
    if "prefer-v2" in options:
        configuration.supported_versions = [V2, V1]
    if "greasy-version" in options:
        configuration.supported_versions = [0x1A2A3A4A, V1]
        configuration.original_version = 0x1A2A3A4A
    if "keylog" in options:
        configuration.secrets_log_file = open(options["keylog"], "a")
    store = pathlib.Path(options["session"]) if "session" in options else None
    if store and store.exists():
        configuration.session_ticket = pickle.loads(store.read_bytes())
    save = (lambda ticket: store.write_bytes(pickle.dumps(ticket))) if store else None
    async with connect("192.0.2.2", port, configuration=configuration, session_ticket_handler=save,
                       wait_connected="early" not in options) as client:
        if "early" in options:
            # A stream opened before the handshake is done goes out as 0-RTT.
            _, writer = await client.create_stream(is_unidirectional=True)
            writer.write(b"\x21early")
            writer.write_eof()
            await client.wait_connected()
        await client.ping()
        if "update" in options:
            client.request_key_update()
            await client.ping()
        await asyncio.sleep(0.2)


asyncio.run({"serve": run_server, "connect": run_client}[sys.argv[1]]())
