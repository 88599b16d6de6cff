"""A program's configuration: typed, checked whole, and with messages that name the key."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from manor.infra.errors import InvalidSettings

M = TypeVar("M", bound=BaseModel)


def _message(error: ErrorDetails, prefix: str) -> str:
    key = ".".join(map(str, error["loc"]))
    place = ":".join(filter(None, (prefix, key)))
    if error["type"] == "missing":
        return f"{place}: missing; set it"
    if error["type"] == "extra_forbidden":
        return f"{place}: unknown; look for a misspelling"
    if error["type"] == "string_pattern_mismatch":
        return f"{place}: {error['input']!r} is not of the form {error['ctx']['pattern']}"
    text = error["msg"].removeprefix("Value error, ")
    return (
        f"{place}: {text}"
        if error["type"] == "value_error"
        else f"{place}: {text}; got {error['input']!r}"
    )


def validated(model: type[M], values: Mapping[str, Any], prefix: str) -> M:
    """`values` as a model. InvalidSettings holds every problem, each with its key after
    `prefix`."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise InvalidSettings([_message(each, prefix) for each in error.errors()]) from None


def read_values(model: type[BaseModel], get: Callable[[str], str | None]) -> dict[str, Any]:
    """The values of a model's fields from Pulumi's configuration, where everything is a text,
    structures as JSON.

    An empty text or mapping stands for an absent one: Pulumi asks for a value of every key that a
    project declares.
    """
    found: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        key = field.alias or name
        text = get(key) or ""
        value = yaml.safe_load(text) if text.lstrip().startswith(("{", "[")) else text
        if value not in ("", {}):
            found[key] = value
    return found
