"""Stores that ask for a secret: tests run them in their own process, and in a pod of the fetching
image (`python3 store_servers.py CERTIFICATE KEY PUBLIC`).

The hub speaks the part of Hugging Face's HTTP API with which `huggingface_hub` looks a token and a
repository up and fetches the files. The web server hands a file out over TLS to who has the token,
or the password of ida. Google's storage is the package gcp-storage-emulator, which asks nobody who
they are; that its clients first do at the token endpoint.
"""

import base64
import hashlib
import json
import signal
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "hf_right"
REPOSITORY = "org/faces"
COMMIT = "0123456789" * 4
FILES = {"a.csv": b"hub", "deep/b.csv": b"hub"}

SECRET = "files-secret"
FILE = "/faces/a.csv"
CONTENT = b"files"

BUCKET = "faces"

HUB_PORT, STORAGE_PORT, TOKENS_PORT, FILES_PORT = 8080, 8082, 8083, 8443


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
        elif self.path.startswith("/moved?"):
            self.answer(302, b"", Location=self.path.partition("?")[2])
        elif self.path != FILE:
            self.answer(404, b"")
        else:
            self.answer(200, CONTENT, Content_Type="application/octet-stream")


class Tokens(_Handler):
    """Google's token endpoint: an access token for an assertion that the account's key signed."""

    public = b""

    def do_POST(self) -> None:
        from google.auth import jwt

        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        (assertion,) = parse_qs(body)["assertion"]
        status, answer = 200, {"access_token": "ya29", "expires_in": 3600}
        try:
            jwt.decode(assertion, certs=self.public)
        except ValueError:
            said = "Invalid JWT Signature."
            status, answer = 400, {"error": "invalid_grant", "error_description": said}
        self.answer(status, json.dumps(answer).encode(), Content_Type="application/json")


def tokens_for(public: bytes) -> type[Tokens]:
    """The token endpoint that knows one public key."""
    return type("TokensFor", (Tokens,), {"public": public})


def storage(port: int, host: str) -> Any:
    """Google's storage with one bucket, until it is stopped."""
    from gcp_storage_emulator.server import create_server

    server = create_server(host, port, in_memory=True, default_bucket=BUCKET)
    server.start()
    return server


def new_key() -> tuple[str, bytes]:
    """A private key and its public half."""
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    spki = form.PublicFormat.SubjectPublicKeyInfo
    return private.decode(), key.public_key().public_bytes(form.Encoding.PEM, spki)


def account(private_key: str, tokens: str) -> str:
    """The key file of a service account, whose tokens are had at a URL."""
    said = {
        "type": "service_account",
        "project_id": "p",
        "private_key_id": "1",
        "private_key": private_key,
        "client_email": "trainer@p.iam.gserviceaccount.com",
        "token_uri": tokens,
    }
    return json.dumps(said)


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
    storage(STORAGE_PORT, "0.0.0.0")
    serve(tokens_for(Path(sys.argv[3]).read_bytes()), TOKENS_PORT)
    serve(Files, FILES_PORT, (sys.argv[1], sys.argv[2]))
    signal.pause()
