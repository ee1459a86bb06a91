"""The current engine of ClickHouse (chdb, from PyPI), behind as much of its HTTP interface as the store uses.

Prints its port when it is ready, and ends when its standard input does.
"""

import io
import os
import shutil
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import pyarrow
from chdb import session

FOLDER = tempfile.mkdtemp(prefix="tlsight-chdb-")
ENGINE = session.Session(os.path.join(FOLDER, "data"))
# The engine is one of a program, not of a server: one question at a time.
TURN = threading.Lock()
# Small questions are answered faster by one thread, above all where other tests run beside.
if "TLSIGHT_TEST_THREADS" in os.environ:
    ENGINE.query(f"SET max_threads = {int(os.environ['TLSIGHT_TEST_THREADS'])}")
# What the HTTP interface itself understands.
OF_THE_INTERFACE = {"query", "query_id", "wait_end_of_query", "insert_deduplication_token"}
USER, KEY = "default", os.environ.get("TLSIGHT_TEST_KEY", "")
settings = {}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) < length:
            return self.answer(400, b"Code: 33. DB::Exception: Unexpected EOF")
        login = (self.headers.get("X-ClickHouse-User"), self.headers.get("X-ClickHouse-Key", ""))
        if login != (USER, KEY):
            return self.answer(403, b"Code: 516. DB::Exception: Authentication failed")
        if self.headers.get("Content-Encoding") == "zstd":
            body = pyarrow.CompressedInputStream(io.BytesIO(body), "zstd").read()
        asked = dict(parse_qsl(urlsplit(self.path).query))
        try:
            with TURN:
                found = run(asked, body)
        except Exception as error:
            return self.answer(500, str(error).encode())
        self.answer(200, found)

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def run(asked, body):
    for name, value in asked.items():
        if name not in OF_THE_INTERFACE and settings.get(name) != value:
            ENGINE.query(f"SET {name} = '{value}'")
            settings[name] = value
    if "query" not in asked:
        return ENGINE.query(body.decode()).bytes()
    into, of_format = asked["query"].rsplit(" FORMAT ", 1)
    token = asked.get("insert_deduplication_token", "")
    with tempfile.NamedTemporaryFile(dir=FOLDER) as file:
        file.write(body)
        file.flush()
        ENGINE.query(
            f"{into} FROM INFILE '{file.name}' SETTINGS insert_deduplication_token = '{token}' FORMAT {of_format}"
        )
    return b""


def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()
    with TURN:
        shutil.rmtree(FOLDER, ignore_errors=True)
        os._exit(0)


main()
