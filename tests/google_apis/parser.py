"""Parses JSON into Google's published types, in a process of its own: their `google.rpc.Status` and
Pulumi's are two of one name, and no process can hold both.

Reads a question a line (JSON): a type as `module:Name`, and a body, or none to have the type's
fields. Answers each with a line.
"""

import importlib
import json
import sys
from functools import cache
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message


@cache
def _type(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _message(name: str) -> Message:
    type_ = _type(name)
    made: Message = type_() if issubclass(type_, Message) else type_.pb(type_())
    return made


def answer(name: str, body: Any) -> Any:
    """What is wrong with a body, or nothing; the JSON names of the type's fields where there is
    none."""
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
