"""A hub and a web server that ask for a secret, with the standard library alone: tests run them in
their own process, and in a pod (`python3 store_servers.py CERTIFICATE KEY`).

The hub speaks the part of Hugging Face's HTTP API with which `huggingface_hub` looks a token and a
repository up and fetches the files. The web server hands a file out over TLS to who has the token,
or the password of ida.
"""

import base64
import hashlib
import json
import signal
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

TOKEN = "hf_right"
REPOSITORY = "org/faces"
COMMIT = "0123456789" * 4
FILES = {"a.csv": b"hub", "deep/b.csv": b"hub"}

SECRET = "files-secret"
FILE = "/faces/a.csv"
CONTENT = b"files"

HUB_PORT, FILES_PORT = 8080, 8443


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        raise NotImplementedError


def digest(body: bytes) -> str:
    """By which a hub knows what is in a file."""
    return hashlib.sha1(body).hexdigest()


class Hub(_Handler):
    """A hub with one private repository."""

    def tell(self, found: Any, status: int = 200, **headers: str) -> None:
        self.answer(status, json.dumps(found).encode(), Content_Type="application/json", **headers)

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        allowed = self.headers["Authorization"] == f"Bearer {TOKEN}"
        if path == "/api/whoami-v2" and allowed:
            self.tell({"type": "user", "name": "ida", "auth": {}})
        elif path == "/api/whoami-v2":
            self.tell({"error": "Invalid credentials in Authorization header"}, 401)
        elif not allowed or REPOSITORY not in path:
            # The hub does not say which of the two it is.
            error = {"error": "Repository not found"}
            self.tell(error, 404 if allowed else 401, X_Error_Code="RepoNotFound")
        else:
            self.of_repository(path.partition(REPOSITORY)[2])

    def of_repository(self, path: str) -> None:
        name = path.removeprefix(f"/resolve/{COMMIT}/")
        if path == "/auth-check":
            self.tell({})
        elif path == "/revision/main":
            self.tell({"id": REPOSITORY, "sha": COMMIT, "siblings": [], "private": True})
        elif path == f"/tree/{COMMIT}":
            files = [
                {"type": "file", "path": path, "size": len(body), "oid": digest(body)}
                for path, body in FILES.items()
            ]
            self.tell(files)
        elif name in FILES:
            body = FILES[name]
            self.answer(200, body, ETag=f'"{digest(body)}"', X_Repo_Commit=COMMIT)
        else:
            self.tell({"error": "Entry not found"}, 404, X_Error_Code="EntryNotFound")


class Files(_Handler):
    """A file for who has the secret."""

    def do_GET(self) -> None:
        basic = base64.b64encode(f"ida:{SECRET}".encode()).decode()
        known = self.headers["Authorization"] in (f"Bearer {SECRET}", f"Basic {basic}")
        if not known and self.headers["X-Key"] != SECRET:
            self.answer(401, b"")
        elif self.path != FILE:
            self.answer(404, b"")
        else:
            self.answer(200, CONTENT, Content_Type="application/octet-stream")


def serve(
    handler: type[_Handler], port: int, certificate: tuple[str, str] | None = None, host: str = ""
) -> ThreadingHTTPServer:
    """A server that answers until it is shut down; over TLS with a certificate and its key."""
    server = ThreadingHTTPServer((host, port), handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    Thread(target=server.serve_forever, daemon=True).start()
    return server


if __name__ == "__main__":
    serve(Hub, HUB_PORT)
    serve(Files, FILES_PORT, (sys.argv[1], sys.argv[2]))
    signal.pause()
