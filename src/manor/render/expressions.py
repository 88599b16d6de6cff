"""Policies as written, turned into policies as applied: shared variables put in, values as CEL literals."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from manor.render.objects import Object

_PLACEHOLDER = re.compile(r"\$\{([a-z-]+)\}")


def literal(value: bool | str | Sequence[str]) -> str:
    """Text, texts or a truth value as a CEL literal: JSON's escapes, less the surrogate pairs of `\\ud83d`."""
    return json.dumps(value, ensure_ascii=False)


def completed(policy: Object, shared: Mapping[str, list[Object]], literals: Mapping[str, str]) -> Object:
    """The policy with each `include` replaced by the shared variables, and each `${name}` by its literal."""
    spec = dict(policy["spec"])
    if "variables" in spec:
        spec["variables"] = [
            variable
            for item in spec["variables"]
            for variable in (shared[item["include"]] if "include" in item else [item])
        ]
    return {**policy, "spec": _filled(spec, literals)}


def _filled(value: Any, literals: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(item, literals) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, literals) for item in value]
    return _PLACEHOLDER.sub(lambda found: literals[found[1]], value) if isinstance(value, str) else value
