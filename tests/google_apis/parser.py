"""Parses JSON into Google's published types, in a process of its own: their `google.rpc.Status` and
Pulumi's are two of one name, and no process can hold both.

Reads a question a line (JSON): a type as `module:Name`, and a body, or none to have the type's
fields. Answers each with a line. A module that ends with .json is a discovery document: what Google
publishes of an API that is JSON alone.
"""

import importlib
import json
import sys
from functools import cache
from importlib.resources import files
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message

KINDS = {
    "array": list,
    "boolean": bool,
    "integer": int,
    "object": dict,
    "string": str,
}
"""The types of a discovery document that the APIs in use have, as JSON is read here."""


@cache
def _type(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _message(name: str) -> Message:
    type_ = _type(name)
    made: Message = type_() if issubclass(type_, Message) else type_.pb(type_())
    return made


@cache
def _schemas(document: str) -> Any:
    folder = files("googleapiclient") / "discovery_cache" / "documents"
    return json.loads((folder / document).read_text())["schemas"]


def _mismatch(schemas: Any, schema: Any, value: Any, place: str) -> str:
    """The first thing that keeps a value from being of a schema; nothing where it is."""
    schema = schemas[schema["$ref"]] if "$ref" in schema else schema
    if value is None:
        return ""
    kind, found = schema["type"], type(value)
    if found is not KINDS[kind]:
        return f"{place} is no {kind}: {value!r}"
    parts: list[tuple[Any, Any, str]] = []
    if kind == "array":
        parts = [(schema["items"], each, f"{place}[{n}]") for n, each in enumerate(value)]
    elif kind == "object":
        known, others = schema.get("properties", {}), schema.get("additionalProperties")
        if others is None and (unknown := value.keys() - known.keys()):
            return f"{place} has no field {min(unknown)!r}"
        parts = [(known.get(key, others), each, f"{place}.{key}") for key, each in value.items()]
    return next(filter(None, (_mismatch(schemas, *part) for part in parts)), "")


def answer(name: str, body: Any) -> Any:
    """What is wrong with a body, or nothing; the JSON names of the type's fields where there is
    none."""
    module, _, own = name.partition(":")
    if module.endswith(".json"):
        return _mismatch(_schemas(module), {"$ref": own}, body, own)
    message = _message(name)
    if body is None:
        return [field.json_name for field in message.DESCRIPTOR.fields]
    try:
        json_format.Parse(json.dumps(body), message)
    except json_format.ParseError as error:
        return str(error).partition("\n")[0]
    return ""


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(answer(*json.loads(line))), flush=True)
