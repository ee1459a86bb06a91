"""A receiver of OTLP over HTTP that decodes with OpenTelemetry's own messages.

Arguments: a port and a folder. What it took is in `logs` and `metrics` there, a line of JSON each. How it answers
is taken from the file `answers`, a line a request: a status, `partial N`, or `cut`. Without it, it takes all.
"""

import gzip
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

FOLDER = sys.argv[2]


def unknown_fields(message):
    """Whether a message has a field that its definition does not know."""
    from google.protobuf.unknown_fields import UnknownFieldSet

    if len(UnknownFieldSet(message)):
        return True
    for field, value in message.ListFields():
        if field.type == field.TYPE_MESSAGE:
            values = [value] if not field.is_repeated else value
            if any(unknown_fields(it) for it in values):
                return True
    return False


def write(name, message):
    with open(os.path.join(FOLDER, name), "a", encoding="utf-8") as out:
        out.write(json.dumps(message) + "\n")


def next_answer():
    path = os.path.join(FOLDER, "answers")
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        return "200"
    if not lines:
        return "200"
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines[1:]))
    return lines[0]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        assert self.headers["Content-Type"] == "application/x-protobuf"
        is_logs = self.path == "/v1/logs"
        answer = next_answer() if is_logs else "200"
        rejected = 0
        if answer == "cut":
            self.close_connection = True
            self.connection.close()
            return
        if answer.startswith("partial"):
            rejected = int(answer.split()[1])
        elif answer != "200":
            self.send_response(int(answer))
            self.send_header("Retry-After", "1")
            self.send_header("Content-Length", "3")
            self.end_headers()
            self.wfile.write(b"no\n")
            return
        if is_logs:
            request, response = ExportLogsServiceRequest(), ExportLogsServiceResponse()
        else:
            request, response = ExportMetricsServiceRequest(), ExportMetricsServiceResponse()
        request.ParseFromString(body)
        told = MessageToDict(request, preserving_proto_field_name=True)
        told["unknown"] = unknown_fields(request)
        told["authorization"] = self.headers.get("Authorization")
        if rejected:
            response.partial_success.rejected_log_records = rejected
            response.partial_success.error_message = "too old"
        write("logs" if is_logs else "metrics", told)
        answer = response.SerializeToString()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


ThreadingHTTPServer.allow_reuse_address = True
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
