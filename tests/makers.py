"""Definitions of kinds as their makers publish them, where they lie beside the checkout
(`../shared/crds`). None of them is part of this repository."""

from pathlib import Path
from typing import Any

from manor.manifests import documents

FOLDER = Path(__file__).parent.parent.parent / "shared" / "crds"
ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def definitions(*groups: str) -> list[dict[str, Any]]:
    """CustomResourceDefinitions of these API groups; none where the folder is not."""
    found = [each for file in sorted(FOLDER.glob("*.yaml")) for each in documents(file.read_text())]
    return [typed(each) for each in found if each["spec"]["group"] in groups]


def typed(part: Any) -> Any:
    """The same with a type where a list's items have none, as the API server wants it. The units of
    a Seldon graph have units in turn: its makers write that out when they build their chart."""
    if isinstance(part, dict):
        return {
            key: ANYTHING if key == "items" and value == {} else typed(value)
            for key, value in part.items()
        }
    return [typed(each) for each in part] if isinstance(part, list) else part
