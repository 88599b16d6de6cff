"""Where a model's files are: a storage URI as a volume of the serving pod."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files

from manor.api.workload import is_fetched
from manor.render.objects import Object

MODEL_PATH = "/mnt/models"
"""Where the serving runtime finds the model's files (KServe's convention)."""

MLFLOW = "MLFLOW_TRACKING_URI"
"""The environment variable that says where MLflow is, as its own clients read it."""

_CLAIM = re.compile(r"^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$")
_REGISTERED = re.compile(r"^models:/[^/@]+(/[0-9]+|@[^/@]+)$")

_WAIT = (
    "import pathlib, sys, time\n"
    "path = pathlib.Path(sys.argv[1])\n"
    "while not (path.is_file() or path.is_dir() and any(path.iterdir())):\n"
    "    print('waiting for the model in', path, flush=True); time.sleep(2)\n"
)


@dataclass(frozen=True)
class Storage:
    """A storage URI in a pod."""

    volume: Object
    path: str
    """Where the server finds the files."""
    brought_by: tuple[str, ...] = ()
    """A command of the server's image that ends once the files are there, as a model may be applied
    before it is trained."""
    fetched: bool = False
    """Whether the command writes the files itself."""


def obstacle(storage_uri: str, env: Mapping[str, str]) -> str:
    """Why the URI cannot be served by a server with the variables `env`; empty if it can."""
    scheme, _, rest = storage_uri.partition("://")
    if storage_uri.startswith("models:/"):
        if not _REGISTERED.match(storage_uri):
            return f"{storage_uri}: write models:/<name>/<version> or models:/<name>@<alias>"
        if MLFLOW not in env:
            return (
                f"{storage_uri}: nothing says where MLflow is; use the Tool mlflow (spec.tools of "
                f"the Platform), or set {MLFLOW} in spec.env"
            )
        return ""
    claim, _, inside = rest.partition("/")
    if scheme == "pvc" and not _CLAIM.match(claim):
        return f"{storage_uri}: write pvc://<claim>/<path>, with the name of a claim"
    if scheme == "pvc" and ".." in inside.split("/"):
        return f"{storage_uri}: a path inside a volume cannot hold '..'"
    return ""


def storage(storage_uri: str) -> Storage:
    """The volume of a storage URI that has no `obstacle`.

    A claim is mounted whole, so that a model written anew is seen. What MLflow has registered is
    copied out of its server, which needs no volume that two nodes can mount.
    """
    scheme, _, rest = storage_uri.partition("://")
    if storage_uri.startswith("models:/"):
        fetch = files(__package__).joinpath("fetch.py").read_text(encoding="utf-8")
        command = ("python3", "-c", fetch, storage_uri, MODEL_PATH)
        return Storage({"name": "model", "emptyDir": {}}, MODEL_PATH, command, fetched=True)
    if scheme == "oci":
        return Storage({"name": "model", "image": {"reference": rest}}, MODEL_PATH)
    if is_fetched(storage_uri):
        return Storage({"name": "model", "emptyDir": {}}, MODEL_PATH)
    claim, _, inside = rest.partition("/")
    volume: Object = {
        "name": "model",
        "persistentVolumeClaim": {"claimName": claim, "readOnly": True},
    }
    path = f"{MODEL_PATH}/{inside.strip('/')}".rstrip("/")
    return Storage(volume, path, ("python3", "-c", _WAIT, path))


def stored(volume: Object, path: str, init_containers: Iterable[Object]) -> str:
    """The URI of what a pod has at `path` on its volume: `storage` the other way round."""
    if "image" in volume:
        return f"oci://{volume['image']['reference']}"
    if "persistentVolumeClaim" in volume:
        inside = path.removeprefix(MODEL_PATH)
        return f"pvc://{volume['persistentVolumeClaim']['claimName']}{inside}"
    for container in init_containers:
        for word in (*container.get("args", ()), *container.get("command", ())):
            if is_fetched(word) or word.startswith("models:/"):
                return str(word)
    return ""
