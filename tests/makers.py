"""Definitions of kinds as their makers publish them, where they lie beside the checkout
(`../shared/crds`). None of them is part of this repository."""

from pathlib import Path
from typing import Any

from manor.manifests import documents

FOLDER = Path(__file__).parent.parent.parent / "shared" / "crds"


def definitions(*groups: str) -> list[dict[str, Any]]:
    """CustomResourceDefinitions of these API groups, or of all; none where the folder is not."""
    found = [each for file in sorted(FOLDER.glob("*.yaml")) for each in documents(file.read_text())]
    return [each for each in found if not groups or each["spec"]["group"] in groups]
