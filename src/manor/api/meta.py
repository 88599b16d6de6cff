"""What every kind shares: group and version, metadata, and how a field is written in YAML."""

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

GROUP = "manor.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

DNS_LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
"""RFC 1123 label: lower-case letters, digits and hyphens, a letter or digit at both ends."""

ApiVersion = Literal["manor.dev/v1alpha1"]
Name = Annotated[str, Field(pattern=DNS_LABEL, min_length=1, max_length=63)]

MetadataKey = Annotated[
    str,
    Field(
        pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?([*]|[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)$", max_length=316
    ),
]
"""Key of a label or annotation; `example.com/*` stands for every key of that domain."""


class Spec(BaseModel):
    """A part of a spec: camelCase in YAML, unknown fields refused, never changed once read."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, use_attribute_docstrings=True
    )


class Metadata(Spec):
    """The metadata of a Manor object; what the API server adds (uid, resourceVersion, …) is passed over."""

    model_config = ConfigDict(extra="ignore")

    name: Name
    """Name of the object."""
    labels: dict[str, str] = {}
    """Labels, kept on the object itself; they do not reach the objects made from it."""
    annotations: dict[str, str] = {}
    """Annotations, kept on the object itself."""


class NamespacedMetadata(Metadata):
    """The metadata of a kind that lives in a namespace."""

    namespace: Name
    """The tenant's namespace that holds the object."""


_RESERVED_KEY = r"^([^/]+[.])?(manor[.]dev|applyset[.]kubernetes[.]io|pod-security[.]kubernetes[.]io)/"
"""Keys that isolation hangs on, which nobody may allow a tenant to write."""


def check_keys(keys: list[str]) -> list[str]:
    """Refuses keys that no tenant may ever write."""
    if found := [key for key in keys if key == "*" or re.match(_RESERVED_KEY, key)]:
        raise ValueError(f"{', '.join(found)}: isolation hangs on this; no tenant may write it")
    return keys


def keys_rule(field: str) -> tuple[str, str]:
    """The same as `check_keys` of the list `field`, in CEL."""
    rule = f"!has(self.{field}) || self.{field}.all(k, k != '*' && !k.matches('{_RESERVED_KEY}'))"
    return rule, "isolation hangs on these keys; no tenant may write them"


def cel(*rules: tuple[str, str]) -> dict[str, Any]:
    """CEL rules (expression, message) for the CRD, so that the API server refuses what the model refuses."""
    return {"x-kubernetes-validations": [{"rule": rule, "message": message} for rule, message in rules]}


def is_dns_label(text: str) -> bool:
    """Whether `text` can name a namespace or a Service (RFC 1123 label, at most 63 characters)."""
    return len(text) <= 63 and re.fullmatch(DNS_LABEL, text) is not None
