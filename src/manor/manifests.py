"""Kubernetes objects from the YAML that Manor ships or fetches. What people write is read by
`manor.load`, by line."""

from collections.abc import Iterator
from typing import Any

import yaml

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml, where there is one: some CRDs are megabytes, and the policies are read by every
command."""


def documents(text: str) -> Iterator[dict[str, Any]]:
    """Every document of a YAML stream, empty ones left out."""
    return (document for document in yaml.load_all(text, _LOADER) if document)
