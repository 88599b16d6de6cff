"""What a person asks of one run, as the TrainingJob that it becomes."""

import re
import secrets
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import PurePosixPath
from typing import Any

from manor.api import API_VERSION, kinds
from manor.api.workload import DATA_PATH, OUTPUT_PATH, WORKLOAD_NAME_LIMIT
from manor.errors import ManorError

Object = dict[str, Any]

_SUFFIX = 6
_LETTERS = string.ascii_lowercase + string.digits


class BadRequest(ManorError):
    """What is asked for is not written as it must be; the message says how."""


@dataclass(frozen=True)
class Request:
    """What a run asks for. What is left out is as a TrainingJob's spec has it."""

    command: Sequence[str]
    """A Python script and its arguments, or any other command of the image."""
    name: str = ""
    """Name of the TrainingJob; one made of the command where it is empty."""
    image: str = ""
    """The Platform's training image where it is empty."""
    cpu: str = ""
    """Cores of each worker."""
    memory: str = ""
    """Bytes of each worker, such as 8Gi."""
    gpu: int = 0
    """GPUs of each worker."""
    gpu_flavor: str = ""
    """GPU flavor of the Platform."""
    workers: int = 1
    """Pods that run at once."""
    processes: int = 1
    """Processes that each worker is to start."""
    queue: str = ""
    """Queue of the team that admits it."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Environment variables."""
    env_from: Sequence[str] = ()
    """Secrets of the namespace whose keys are environment variables."""
    volumes: Sequence[str] = ()
    """Volumes of the team, each as NAME:/PATH or NAME:/PATH:ro."""
    data: Sequence[str] = ()
    """Data that each worker finds, each as URI or URI:/PATH; at /data where there is no path."""
    outputs: Sequence[str] = ()
    """Where what each worker writes is stored once it has ended well, each as URI or URI:/PATH;
    that of /out where there is no path."""
    connection: str = ""
    """Secret of the namespace by which data is fetched, and outputs are stored."""
    retries: int = 0
    """How often failed workers are started again."""
    timeout: int | None = None
    """Longest run in seconds."""
    schedule: str = ""
    """When it runs, as a CronJob says it; once, and at once, where it is empty."""
    time_zone: str = ""
    """Time zone of the schedule; UTC where it is empty."""
    sweep: Sequence[Mapping[str, object]] = ()
    """Sets of parameters: each has a trial of its own, which finds them in its environment."""
    at_once: int = 1
    """How many trials run at once, at most."""


def training_job(request: Request, namespace: str, code: Mapping[str, Any]) -> Object:
    """The TrainingJob of a request; `code` are the fields that say where its code is. What it
    leaves out is the default. BadRequest where something is not written as it must be."""
    command = list(request.command)
    if not command:
        raise BadRequest("nothing to run: name a Python script, or a command after --")
    if is_script(command[0]):
        command.insert(0, "python3")
    resources = {
        "cpu": request.cpu,
        "memory": request.memory,
        "gpu": request.gpu,
        "gpuFlavor": request.gpu_flavor,
    }
    spec = {
        "image": request.image,
        "command": command,
        **code,
        "env": dict(request.env),
        "secrets": [{"name": name} for name in request.env_from],
        "workers": request.workers if request.workers > 1 else None,
        "processes": request.processes if request.processes > 1 else None,
        "resources": {key: value for key, value in resources.items() if value},
        "queue": request.queue,
        "volumes": [_mount(text) for text in request.volumes],
        "data": [_place(text, "data", request.connection) for text in request.data],
        "outputs": [_place(text, "output", request.connection) for text in request.outputs],
        "timeoutSeconds": request.timeout,
        "schedule": request.schedule,
        "timeZone": request.time_zone,
        "sweep": _sweep(request),
    }
    said = {key: value for key, value in spec.items() if value}
    return {
        "apiVersion": API_VERSION,
        "kind": kinds.TRAINING_JOB.kind,
        "metadata": {"name": request.name or new_name(request.command[0]), "namespace": namespace},
        "spec": {**said, "retries": request.retries},
    }


def _sweep(request: Request) -> Object:
    sets = [{name: str(value) for name, value in one.items()} for one in request.sweep]
    return {"parameters": sets, "atOnce": request.at_once} if sets else {}


def grid(texts: Sequence[str]) -> list[dict[str, str]]:
    """Every set of parameters, each written as NAME=VALUE,VALUE,… BadRequest where one is not."""
    values = {name: text.split(",") for name, text in variables(texts).items()}
    if empty := [name for name, found in values.items() if found == [""]]:
        raise BadRequest(f"{empty[0]} has no value; write {empty[0]}=VALUE,VALUE")
    return (
        [dict(zip(values, one, strict=True)) for one in product(*values.values())] if texts else []
    )


def is_script(word: str) -> bool:
    """Whether the first word of a command is a Python script, whose folder goes along."""
    return word.endswith(".py")


def new_name(word: str) -> str:
    """A name that nothing has yet, told from the others by the word."""
    stem = re.sub(r"[^a-z0-9]+", "-", PurePosixPath(word).stem.lower()).strip("-") or "run"
    if not stem[0].isalpha():
        stem = f"run-{stem}"
    some = "".join(secrets.choice(_LETTERS) for _ in range(_SUFFIX))
    return f"{stem[: WORKLOAD_NAME_LIMIT - _SUFFIX - 1].rstrip('-')}-{some}"


def next_name(name: str, taken: set[str]) -> str:
    """The name of a run like the one called `name`: the next number that is free."""
    base, _, number = name.rpartition("-")
    if not (base and number.isdecimal()):
        base, number = name, "1"
    count = int(number) + 1
    while (found := f"{base[: WORKLOAD_NAME_LIMIT - len(str(count)) - 1]}-{count}") in taken:
        count += 1
    return found


def variables(texts: Sequence[str]) -> dict[str, str]:
    """Environment variables, each written as NAME=VALUE, and once. BadRequest where one is
    not."""
    found: dict[str, str] = {}
    for name, equals, value in (text.partition("=") for text in texts):
        if not (name and equals):
            raise BadRequest(f"{name!r} is no variable; write NAME=VALUE")
        if name in found:
            raise BadRequest(f"{name} is given twice; write it once")
        found[name] = value
    return found


def _place(text: str, what: str, secret: str) -> Object:
    """A URI, and the folder that has its files."""
    uri, colon, path = text.rpartition(":/")
    if "://" not in text or (colon and not path):
        form = f"s3://bucket/folder:{OUTPUT_PATH if what == 'output' else DATA_PATH}"
        raise BadRequest(f"{text!r} is no {what}; write URI, or URI:/PATH: {form}")
    if "://" not in uri:  # that was the URI's own
        uri, path = text, ""
    given = {"uri": uri, "path": f"/{path}" if path else "", "secret": secret}
    return {key: value for key, value in given.items() if value}


def _mount(text: str) -> Object:
    name, _, rest = text.partition(":")
    path, _, mode = rest.partition(":")
    if not (name and path.startswith("/")) or mode not in ("", "ro"):
        raise BadRequest(f"{text!r} is no volume; write NAME:/PATH, or NAME:/PATH:ro")
    return {"name": name, "path": path, **({"readOnly": True} if mode else {})}
