"""Copies a registered model's files out of MLflow, whose server holds them (`--serve-artifacts`).

Runs in the init container of a Model as `python3 -c`: it has the standard library alone.
Arguments: the URI (`models:/<name>/<version>` or `models:/<name>@<alias>`), and a folder.
"""

import http.client
import json
import os
import shutil
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

TIMEOUT = 30.0
"""Seconds without an answer."""
PAUSE = 2.0
"""Seconds between two tries: a model may be applied before it is registered."""


def url(path: str, /, **query: str) -> str:
    """An address of MLflow's REST API."""
    server = os.environ["MLFLOW_TRACKING_URI"].rstrip("/")
    return f"{server}/api/2.0/{urllib.parse.quote(path)}?{urllib.parse.urlencode(query)}"


def ask(path: str, /, **query: str) -> Any:
    """What it answers."""
    with urllib.request.urlopen(url(path, **query), timeout=TIMEOUT) as answer:  # noqa: S310 - the team's own
        return json.load(answer)


def place(uri: str) -> str:
    """Where the server keeps the files of the model."""
    name, version = uri.removeprefix("models:/").split("@" if "@" in uri else "/")
    if "@" in uri:
        found = ask("mlflow/registered-models/alias", name=name, alias=version)
        version = found["model_version"]["version"]
    where = ask("mlflow/model-versions/get-download-uri", name=name, version=version)
    scheme, _, path = where["artifact_uri"].partition(":/")
    if scheme != "mlflow-artifacts":
        sys.exit(f"{uri} is at {where['artifact_uri']}, which MLflow's server does not hand out")
    return str(path).strip("/")


def copy(place: str, folder: Path) -> None:
    """The files there, and those of its folders."""
    folder.mkdir(exist_ok=True)
    for file in ask("mlflow-artifacts/artifacts", path=place).get("files", []):
        name = Path(file["path"]).name
        if file.get("is_dir"):
            copy(f"{place}/{name}", folder / name)
            continue
        there = url(f"mlflow-artifacts/artifacts/{place}/{name}")
        with (
            urllib.request.urlopen(there, timeout=TIMEOUT) as answer,  # noqa: S310 - the team's own
            (folder / name).open("wb") as out,
        ):
            shutil.copyfileobj(answer, out)


def main() -> None:
    """Try until all files are there."""
    uri, folder = sys.argv[1], Path(sys.argv[2])
    while True:
        try:
            copy(place(uri), folder)
        except (OSError, http.client.HTTPException) as error:
            print(f"waiting for {uri}: {error}", flush=True)
            time.sleep(PAUSE)
        else:
            return


if __name__ == "__main__":
    main()
