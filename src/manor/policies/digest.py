"""What a guardrail says, in a few letters upon it: to see later whether it still says it."""

import hashlib
import json
from typing import Any

from manor.api.wellknown import SPEC_DIGEST
from manor.objectset.kinds import Object

_FILLED_IN = {"matchPolicy": "Equivalent", "scope": "*"}
"""What the API server writes where nothing is said."""


def digest_annotation(said: Any) -> dict[str, str]:
    """The annotation of an object that says this."""
    return {SPEC_DIGEST: spec_digest(said)}


def is_as_written(obj: Object, said: Any) -> bool:
    """Whether an object that says this said so when it was written."""
    return digest_annotation(said).items() <= (obj["metadata"].get("annotations") or {}).items()


def spec_digest(spec: Any) -> str:
    """A digest of a spec, the same before and after the API server has stored it."""
    text = json.dumps(_said(spec), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _said(value: Any) -> Any:
    if isinstance(value, dict):
        said = {key: _said(item) for key, item in value.items() if item != _FILLED_IN.get(key)}
        return {key: item for key, item in said.items() if item not in ({}, [])}
    return [_said(item) for item in value] if isinstance(value, list) else value
