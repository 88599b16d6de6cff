"""The programs under `deploy/`, and what the cloud answers to them, for the tests."""

import os
import runpy
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pulumi

from manor.infra import make_all
from manor.load import load
from pulumi_runs import Recorder, run

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "01-two-teams"

ANSWERS: dict[str, dict[str, Any]] = {
    "gcp:container/cluster:Cluster": {
        "endpoint": "34.1.2.3",
        "masterAuth": {"clusterCaCertificate": "Q0E="},
        "privateClusterConfig": {"privateEndpoint": "10.0.0.2"},
        "controlPlaneEndpointsConfig": {
            "dnsEndpointConfig": {"endpoint": "gke-1.europe-west4.gke.goog"}
        },
    },
    "gcp:serviceaccount/account:Account": {"email": "nodes@my-project.iam.gserviceaccount.com"},
}
"""What Google's API fills in."""


def google(type_: str, _name: str, inputs: dict[str, Any]) -> dict[str, Any]:
    answer = {"url": f"gs://{inputs['name']}"} if type_ == "gcp:storage/bucket:Bucket" else {}
    return {**inputs, **answer, **ANSWERS.get(type_, {})}


def run_program(
    folder: str,
    config: Mapping[str, str],
    recorder: Recorder | None = None,
    *,
    preview: bool = False,
) -> tuple[Recorder, dict[str, Any]]:
    """Run `deploy/<folder>` with a configuration; what it registered, and its stack outputs."""
    recorder = recorder or Recorder(make=google)
    before = Path.cwd()
    os.chdir(ROOT / "deploy" / folder)
    try:
        outputs = run(
            lambda: runpy.run_path("__main__.py", run_name="__main__"),
            recorder,
            project=f"manor-{folder}",
            config=config,
            preview=preview,
        )
    finally:
        os.chdir(before)
    return recorder, outputs


def files(*sources: Path | str) -> Callable[[], None]:
    """A program that makes everything that the files say."""

    def program() -> None:
        pulumi.export("tenants", make_all(load(sources)))

    return program


def recorded(program: Callable[[], object], **options: Any) -> Recorder:
    """What a program registers."""
    recorder = Recorder(make=google)
    run(program, recorder, **options)
    return recorder


def names(urns: Sequence[str] | frozenset[str]) -> set[str]:
    """The logical names of URNs."""
    return {urn.rpartition("::")[2] for urn in urns}
