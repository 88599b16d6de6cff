"""Google's published types, into which everything sent and answered must parse: none of our own."""

import json
from typing import Any

from google.cloud import container_v1beta1 as gke
from google.cloud import iam_admin_v1, kms_v1
from google.cloud.compute_v1beta.types import compute
from google.iam.v1 import iam_policy_pb2, policy_pb2
from google.protobuf import json_format
from google.protobuf.message import Message

from google_apis.wire import Json, Refused


def _message(type_: Any) -> Message:
    return type_() if issubclass(type_, Message) else type_.pb(type_())


UNPUBLISHED = {"deleteBgpAlwaysCompareMed", "initialNatIps"}
"""What Google's provider sends, and Google's APIs take, without its being in any published type."""


def checked(type_: Any, body: Json) -> Json:
    """The body, if it is one of that type: no unknown field, no value of another type. 400 if it
    is not, as Google answers."""
    try:
        json_format.Parse(json.dumps(_published(body)), _message(type_))
    except json_format.ParseError as error:
        reason = str(error).partition("\n")[0]
        raise Refused(400, f"Invalid JSON payload: {reason}", "INVALID_ARGUMENT") from None
    return body


def _published(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _published(each) for key, each in value.items() if key not in UNPUBLISHED}
    return [_published(each) for each in value] if isinstance(value, list) else value


def fields(type_: Any) -> set[str]:
    """The JSON names of a type's fields."""
    return {field.json_name for field in _message(type_).DESCRIPTOR.fields}


__all__ = [
    "checked",
    "compute",
    "fields",
    "gke",
    "iam_admin_v1",
    "iam_policy_pb2",
    "kms_v1",
    "policy_pb2",
]
