"""Requests for a served model without a pause, each of which is counted; and a server that makes it
hard to lose none."""

import http.client
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from waiting import until_now

SERVER = """
import http.server, os, signal, time
version = os.environ["MODEL_PATH"].rpartition("/")[2].encode()
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
time.sleep(3600 if version == b"never" else 3)
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        time.sleep(0.02)
        self.send_response(200)
        self.send_header("Content-Length", str(len(version)))
        self.end_headers()
        self.wfile.write(version)
    do_POST = do_GET
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()
"""
"""It is slow to come, and never does as version `never`; told to end it does so at once, whatever
it works on. It answers with its version."""


@dataclass
class Load:
    """What was answered so far, to so many clients at once: a status and what it said, or the error
    of the connection."""

    answers: Counter[str] = field(default_factory=Counter)

    @property
    def lost(self) -> dict[str, int]:
        """The requests that no version answered."""
        return {said: n for said, n in self.answers.items() if not said.startswith("200 ")}

    def shares(self, requests: int = 100) -> dict[str, int]:
        """How many percent of the next requests each version answers."""
        before, end = Counter(self.answers), time.monotonic() + 60
        while (self.answers - before).total() < requests:
            assert time.monotonic() < end, "nobody is answered"
            time.sleep(0.05)
        now = self.answers - before
        return {said.removeprefix("200 "): 100 * n // now.total() for said, n in now.items()}


@contextmanager
def asking(ingress: str, host: str, path: str, key: str, clients: int = 4) -> Iterator[Load]:
    """Clients that ask until the block ends, each request by a connection of its own."""
    load, over, lock = Load(), threading.Event(), threading.Lock()
    address = ingress.removeprefix("http://")
    headers = {"Host": f"{host}:{address.rpartition(':')[2]}", "Authorization": f"Bearer {key}"}

    def ask() -> None:
        while not over.is_set():
            said = _answer(address, path, headers)
            with lock:
                load.answers[said] += 1

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _answer(address: str, path: str, headers: dict[str, str]) -> str:
    connection = http.client.HTTPConnection(address, timeout=60)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return f"{answer.status} {answer.read().decode()}"
    except (OSError, http.client.HTTPException) as error:
        return repr(error)
    finally:
        connection.close()


def life_of_canaries(
    load: Load,
    change: Callable[..., None],
    turn: Callable[[str], None],
    pods: Callable[[], int],
) -> None:
    """Every way from one version of a model to another, from version `one` back to it. `change`
    stores fields of the spec, `turn` runs a command of `manor models`, `pods` counts the model's.
    """

    def canary(version: str, weight: int) -> dict[str, Any]:
        return {"storageUri": f"pvc://models/{version}", "weight": weight}

    def answer(*versions: str) -> bool:
        return load.shares().keys() == set(versions)

    def now(what: str, *versions: str) -> None:
        until_now(f"{what}; lost: {load.lost}", lambda: answer(*versions), 120)
        print(what, load.shares(), "lost so far:", load.lost)

    change(canary=canary("two", 50))
    now("a canary gets its share", "one", "two")
    change(canary=canary("three", 50))
    now("another in its place", "one", "three")
    change(canary=canary("three", 90))
    until_now("more of the requests", lambda: load.shares()["three"] > 75)
    change(canary=canary("never", 90))
    load.shares(500)  # the one before it answers on, or nobody is sent there
    print("one that never comes", load.shares(), "lost so far:", load.lost)
    change(canary=canary("two", 100))
    now("all of the requests", "two")
    turn("promote")
    until_now("it is the model", lambda: pods() == 1, 120)
    now("it is the model", "two")
    turn("rollback")
    now("the version before", "one")
    change(canary=canary("two", 50))
    now("once more", "one", "two")
    change(canary=None)
    now("taken away", "one")
    until_now("its pods are gone", lambda: pods() == 1, 120)
    time.sleep(2)
    print(f"{load.answers.total()} requests, lost: {load.lost}")
