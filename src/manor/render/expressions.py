"""Policies as written, turned into policies as applied: what is shared put in, values as CEL
literals."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from manor.render.objects import Object

MESSAGE_LIMIT = 1000
"""Characters of a refusal; with four bytes each, and the contact behind it, less than the API
server shows."""

_VARIABLE = re.compile(r"\bvariables\.(\w+)")
_PLACEHOLDER = re.compile(r"\$\{([a-z-]+)\}")


def literal(value: bool | int | str | Sequence[str] | Mapping[str, str]) -> str:
    """A value, texts or a map of them as a CEL literal: JSON, less the surrogate pairs of
    `\\ud83d`."""
    return json.dumps(value, ensure_ascii=False)


def completed(
    policy: Object, shared: Mapping[str, list[Object]], values: Mapping[str, str]
) -> Object:
    """The policy with what is shared for each `include`, and an expression for each `${name}`."""
    spec = dict(policy["spec"])
    if "variables" in spec:
        spec["variables"] = _included(spec["variables"], shared)
    if "matchConstraints" in spec:
        looked_at = spec["matchConstraints"]
        spec["matchConstraints"] = {
            **looked_at,
            "resourceRules": _included(looked_at["resourceRules"], shared),
        }
    if "validations" in spec:
        variables = {
            variable["name"]: variable["expression"] for variable in spec.get("variables", [])
        }
        spec["validations"] = [
            _told(_bounded(validation), variables) for validation in spec["validations"]
        ]
    return {**policy, "spec": _filled(spec, values)}


def _included(items: list[Object], shared: Mapping[str, list[Object]]) -> list[Object]:
    return [
        part
        for item in items
        for part in (shared[item["include"]] if "include" in item else [item])
    ]


def _bounded(validation: Object) -> Object:
    """A validation whose message the API server shows: one line, cut at MESSAGE_LIMIT, whom to ask
    behind it.

    A message that is longer than 5,120 bytes, or has line breaks, gives way to the bare failed
    expression.
    """
    if "messageExpression" not in validation:
        return validation
    cut = f"m.substring(0, {MESSAGE_LIMIT}) + ' …; ask ' + ${{contact}}"
    text = f"({validation['messageExpression']}).replace('\\n', ' ')"
    return {
        **validation,
        "messageExpression": f"[{text}].map(m, m.size() <= {MESSAGE_LIMIT} ? m : {cut})[0]",
    }


def _told(validation: Object, variables: Mapping[str, str]) -> Object:
    """A validation whose message is made where it is told alone.

    The API server evaluates every message, also of what holds, and in a message it knows no
    authorizer.
    """
    expression = validation["expression"]
    if "messageExpression" not in validation or _asks(expression, variables):
        return validation
    return {
        **validation,
        "messageExpression": f"({expression}) ? '' : {validation['messageExpression']}",
    }


def _asks(expression: str, variables: Mapping[str, str]) -> bool:
    """Whether an expression, or a variable that it names, asks the authorizer."""
    named = set(_VARIABLE.findall(expression))
    return "authorizer." in expression or any(_asks(variables[name], variables) for name in named)


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, values) for item in value]
    return (
        _PLACEHOLDER.sub(lambda found: values[found[1]], value) if isinstance(value, str) else value
    )
