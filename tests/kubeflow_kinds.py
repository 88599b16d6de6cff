"""Kubeflow's kinds for the tests: its own CRDs where a folder `shared/crds` lies above the
checkout, otherwise kinds that take any object."""

from pathlib import Path
from typing import Any

import yaml

from manor.rollout.fixtures import definition

Object = dict[str, Any]

GROUP = "kubeflow.org"
ROOT = Path(__file__).parents[1]
FILES = ("kubeflow-dashboard-v2.0.0-profiles.yaml", "kubeflow-notebooks-v1.11.0-notebooks.yaml")


def definitions() -> list[Object]:
    """The CRDs of Profile and Notebook."""
    for folder in (above / "shared" / "crds" for above in ROOT.parents):
        if all((folder / file).is_file() for file in FILES):
            return [yaml.safe_load((folder / file).read_text()) for file in FILES]
    return [
        _in_both_versions(definition(GROUP, "v1", "Profile", "profiles", "Cluster")),
        _in_both_versions(definition(GROUP, "v1", "Notebook", "notebooks", "Namespaced")),
    ]


def _in_both_versions(defined: Object) -> Object:
    """The controllers read v1 of the one kind and v1beta1 of the other, and write the status."""
    (served,) = defined["spec"]["versions"]
    served["subresources"] = {"status": {}}
    defined["spec"]["versions"] = [served, {**served, "name": "v1beta1", "storage": False}]
    return defined
