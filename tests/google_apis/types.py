"""Google's published types, into which everything sent and answered must parse: none of our own."""

import json
import subprocess
import sys
import threading
from functools import cache
from pathlib import Path
from typing import Any

from google_apis.wire import Json, Refused

UNPUBLISHED = {"deleteBgpAlwaysCompareMed", "initialNatIps"}
"""What Google's provider sends, and Google's APIs take, without its being in any published type."""


class _Types:
    """The types of a module of Google's, each as `module:Name`."""

    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, name: str) -> str:
        return f"{self._module}:{name}"


gke = _Types("google.cloud.container_v1beta1")
compute = _Types("google.cloud.compute_v1beta.types.compute")
iam_admin_v1 = _Types("google.cloud.iam_admin_v1")
kms_v1 = _Types("google.cloud.kms_v1")
iam_policy_pb2 = _Types("google.iam.v1.iam_policy_pb2")
policy_pb2 = _Types("google.iam.v1.policy_pb2")
storage = _Types("storage.v1.json")

_lock = threading.Lock()


@cache
def _parser() -> "subprocess.Popen[str]":
    """It ends with this process, whose pipe it reads."""
    program = Path(__file__).with_name("parser.py")
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-P", str(program)], stdin=pipe, stdout=pipe, text=True
    )


def _asked(*question: Any) -> Any:
    with _lock:
        parser = _parser()
        assert parser.stdin is not None
        assert parser.stdout is not None
        parser.stdin.write(json.dumps(question) + "\n")
        parser.stdin.flush()
        return json.loads(parser.stdout.readline())


def checked(type_: str, body: Json) -> Json:
    """The body, if it is one of that type: no unknown field, no value of another type. 400 if it
    is not, as Google answers."""
    if reason := _asked(type_, _published(body)):
        raise Refused(400, f"Invalid JSON payload: {reason}", "INVALID_ARGUMENT")
    return body


def _published(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _published(each) for key, each in value.items() if key not in UNPUBLISHED}
    return [_published(each) for each in value] if isinstance(value, list) else value


@cache
def fields(type_: str) -> frozenset[str]:
    """The JSON names of a type's fields."""
    return frozenset(_asked(type_, None))
