"""From the version before to this one and back on a whole node, while callers ask the models: no
request is lost, and no pod ends but those of models (`make test-upgrade`)."""

import http.client
import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from manor.cli.prediction import request_body
from manor.cli.up import NODE_IMAGES
from nodes import RunningNode, load_workload_images, node_for_tests, run_manor
from old_version import OldVersion, unpacked
from waiting import until_now

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(
        not os.environ.get("MANOR_TEST_UPGRADE"),
        reason="it takes long: `make test-upgrade` runs it",
    ),
]

MODELS = {"tenant-a": "iris", "tenant-b": "wine"}
PAUSE = 0.02
"""Seconds between two requests of a caller."""


@pytest.fixture(scope="module")
def upgraded() -> Iterator[RunningNode]:
    with node_for_tests("upgrade") as node:
        load_workload_images(node.name, *NODE_IMAGES)
        yield node


def test_nothing_is_lost_and_only_models_begin_anew(upgraded: RunningNode, tmp_path: Path) -> None:
    old = unpacked(tmp_path / "old")
    example = old.source / "examples" / "01-two-teams"
    samples = {name: _sample(example, name) for name in MODELS.values()}
    _by_old(old, upgraded, "apply", "-f", str(example))
    until_now("all answer", lambda: all(_asked(upgraded, *one) == 200 for one in _all(samples)))
    before, served = _pods(upgraded), _pods(upgraded, models=True)
    assert before
    assert len(served) == len(MODELS)

    with _callers(upgraded, samples) as answers:
        _by_new(upgraded, "apply", "-f", str(example / "platform.yaml"))
        opened = _opened(example, tmp_path / "opened")
        _by_new(upgraded, "apply", "-f", str(example / "platform.yaml"), "-f", str(opened))
        _by_new(upgraded, "install")
        _by_new(upgraded, "apply", "-f", str(opened))  # which waits for the operator's word
    _none_lost(answers)
    assert before.items() <= _pods(upgraded).items()
    assert not served.items() & _pods(upgraded, models=True).items()

    with _callers(upgraded, samples) as answers:
        _by_new(upgraded, "uninstall", "--yes")
        _by_old(old, upgraded, "apply", "-f", str(example))
    _none_lost(answers)
    assert _pods(upgraded) == before


def _by_old(old: OldVersion, node: RunningNode, *words: str) -> None:
    done = old.manor(*words, "--kubeconfig", str(node.kubeconfig))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def _by_new(node: RunningNode, *words: str) -> None:
    run_manor(*words, "--kubeconfig", str(node.kubeconfig))


def _opened(example: Path, folder: Path) -> Path:
    """The teams' files with models that stay open, as CHANGELOG.md says."""
    folder.mkdir()
    for file in example.glob("*.yaml"):
        if file.name != "platform.yaml":
            open_ = "  access: {mode: public}\n  format: sklearn\n"
            (folder / file.name).write_text(file.read_text().replace("  format: sklearn\n", open_))
    return folder


def _sample(example: Path, model: str) -> str:
    """A request for the model, as the Open Inference Protocol has it."""
    rows = json.loads((example / "requests" / f"{model}.json").read_text())
    return json.dumps(request_body(rows))


def _all(samples: dict[str, str]) -> list[tuple[str, str, str]]:
    return [(team, model, samples[model]) for team, model in MODELS.items()]


def _asked(node: RunningNode, team: str, model: str, sample: str) -> int | str:
    """The status of an answer by a connection of its own, or what went wrong."""
    assert node.ingress
    to = urlsplit(node.ingress)
    connection = http.client.HTTPConnection(to.hostname or "", to.port, timeout=30)
    headers = {"Host": f"{team}.manor.local:{to.port}", "Content-Type": "application/json"}
    try:
        connection.request("POST", f"/v2/models/{model}/infer", sample, headers)
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException) as error:
        return repr(error)
    finally:
        connection.close()
    return answer.status


@contextmanager
def _callers(node: RunningNode, samples: dict[str, str]) -> Iterator[dict[str, list[int | str]]]:
    """One caller for each model, who asks again and again until the end of the block."""
    answers: dict[str, list[int | str]] = {team: [] for team in MODELS}
    ended = threading.Event()

    def call(team: str, model: str, sample: str) -> None:
        while not ended.wait(PAUSE):
            answers[team].append(_asked(node, team, model, sample))

    threads = [threading.Thread(target=call, args=one) for one in _all(samples)]
    for thread in threads:
        thread.start()
    began = time.monotonic()
    try:
        yield answers
    finally:
        ended.set()
        for thread in threads:
            thread.join()
        count = sum(map(len, answers.values()))
        print(f"{count} requests in {time.monotonic() - began:.0f} s")


def _none_lost(answers: dict[str, list[int | str]]) -> None:
    for team, got in answers.items():
        assert len(got) > 100, team
        assert [answer for answer in got if answer != 200] == [], team


def _pods(node: RunningNode, *, models: bool = False) -> dict[str, tuple[Any, ...]]:
    """The pods of models, or each other pod of the teams and of the way in, with how often it
    began; the operator's are not among them."""
    found = {}
    which = f"app.kubernetes.io/component{'=' if models else '!='}model"
    for namespace in (*MODELS, "manor-system", "manor-front"):
        words = ("get", "pods", "-n", namespace, "-l", which, "-o", "json")
        for pod in json.loads(_kubectl(node, *words))["items"]:
            if pod["metadata"]["labels"].get("app.kubernetes.io/name") != "manor-operator":
                restarts = [one["restartCount"] for one in pod["status"]["containerStatuses"]]
                where = f"{namespace}/{pod['metadata']['name']}"
                found[where] = (pod["metadata"]["uid"], *restarts)
    return found


def _kubectl(node: RunningNode, *words: str) -> str:
    command = ["kubectl", "--kubeconfig", str(node.kubeconfig), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
