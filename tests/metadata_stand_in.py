"""A metadata server as Compute Engine's and GKE's are: it answers who sends its header, each
attribute by the last part of its path. `python metadata_stand_in.py '{"email": "…"}'` runs one at a
cloud's address."""

import json
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

POOL = {"project-id": "lab", "email": "lab.svc.id.goog"}
"""What GKE's says to a pod without a Google service account."""
NODE = {
    "project-id": "lab",
    "email": "nodes@lab.iam.gserviceaccount.com",
    "kube-env": "KEY: secret",
}
"""What a node's says to everybody."""


def _server(address: str, port: int, attributes: Mapping[str, str]) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            named = self.headers["Metadata-Flavor"] == "Google"
            found = attributes.get(self.path.rpartition("/")[2]) if named else None
            body = (found or "not found").encode()
            self.send_response(200 if found else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            pass

    return ThreadingHTTPServer((address, port), Handler)


@contextmanager
def metadata_server(attributes: Mapping[str, str]) -> Iterator[int]:
    """One on loopback, by its port."""
    with _server("127.0.0.1", 0, attributes) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


if __name__ == "__main__":
    _server("169.254.169.254", 80, json.loads(sys.argv[1])).serve_forever()
