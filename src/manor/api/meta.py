"""What every kind shares: metadata, and how a field is written in YAML."""

import ast
import inspect
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from manor.api.wellknown import SYSTEM_NAMESPACE

DNS_LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
"""RFC 1123 label: lower-case letters, digits and hyphens, a letter or digit at both ends."""

RESERVED_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease", SYSTEM_NAMESPACE)
"""What Kubernetes and Manor have for themselves; so are all names that begin with kube- and
manor-."""

DNS_SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
"""RFC 1123 subdomain: such labels with dots between them."""
_LABEL = "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_HOST = rf"^(\*\.)?{_LABEL}(\.{_LABEL})+$"
_KEY = r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"
_VALUE = r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$"

ApiVersion = Literal["manor.dev/v1alpha1"]
Name = Annotated[str, Field(pattern=DNS_LABEL, min_length=1, max_length=63)]
ClassName = Annotated[str, Field(pattern=DNS_SUBDOMAIN, max_length=253)]
"""Name of a cluster-scoped object: a storage class, a priority class, a domain."""
Host = Annotated[str, Field(pattern=_HOST, max_length=253)]
"""A host name, exact or `*.`-wildcard."""
Key = Annotated[str, Field(pattern=_KEY, max_length=253)]
"""Key of a label or a taint, or name of an extended resource."""
LabelValue = Annotated[str, Field(pattern=_VALUE, max_length=63)]
Labels = Annotated[dict[Key, LabelValue], Field(max_length=64)]
Text = Annotated[str, Field(pattern=r"^[^\p{Cc}]+$", max_length=253)]
"""What somebody else named: one line, whatever the characters."""
EnvName = Annotated[str, Field(pattern=r"^[-._A-Za-z][-._A-Za-z0-9]*$", max_length=253)]
_PART = "[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?"
_REGISTRY = rf"({_PART}([.]{_PART})*|\[[0-9a-fA-F:]+\])(:[0-9]+)?"
_STEP = "[a-z0-9]+(([.]|_|__|-+)[a-z0-9]+)*"
_DIGEST = "sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}"
IMAGE = rf"({_REGISTRY}/)?{_STEP}(/{_STEP})*(:[_A-Za-z0-9][-._A-Za-z0-9]{{0,127}})?(@({_DIGEST}))?"
"""A reference as registries take it (github.com/distribution/reference), with the digests of the
OCI image specification."""


def _registered(image: str) -> str:
    if not re.fullmatch(IMAGE, image):
        raise ValueError(
            f"{image}: no registry takes this; write [registry/]name[:tag][@sha256:digest], "
            "the name in lower case"
        )
    return image


Image = Annotated[
    str,
    Field(max_length=512, json_schema_extra={"pattern": f"^{IMAGE}$"}),
    AfterValidator(_registered),
]
Registry = Annotated[str, Field(pattern=r"^[A-Za-z0-9\[][-A-Za-z0-9._:/\[\]]*$", max_length=253)]
"""Host, or host/path, of images."""


def one_line(text: str) -> str:
    """The text without line breaks and other control characters, such as those that steer a
    terminal."""
    return " ".join("".join(" " if unicodedata.category(c) == "Cc" else c for c in text).split())


Line = Annotated[str, AfterValidator(one_line), Field(max_length=200)]
"""Free text that ends in messages: any characters, in one line once read."""

MetadataKey = Annotated[
    str,
    Field(
        pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?([*]|[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)$",
        max_length=316,
    ),
]
"""Key of a label or annotation; `example.com/*` stands for every key of that domain."""


@cache
def _texts(module: str) -> dict[str, dict[str, str]]:
    """What the source of a module says below each field of its classes."""
    found: dict[str, dict[str, str]] = {}
    for node in ast.parse(inspect.getsource(sys.modules[module])).body:
        if isinstance(node, ast.ClassDef):
            texts = found[node.name] = {}
            for field, below in pairwise(node.body):
                match field, below:
                    case (
                        ast.AnnAssign(target=ast.Name(id=name)),
                        ast.Expr(value=ast.Constant(value=str(text))),
                    ):
                        texts[name] = inspect.cleandoc(text)
    return found


def _be_exact(schema: Any) -> None:
    if isinstance(schema, dict):
        if schema.get("type") in ("int", "bool"):
            schema["strict"] = True
        for part in schema.values():
            _be_exact(part)
    elif isinstance(schema, list):
        for part in schema:
            _be_exact(part)


class Part(BaseModel):
    """A part of an object: camelCase in YAML, never changed once read."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, defer_build=True
    )

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """With numbers and truth values as the API server takes them: no text for one, and neither
        for the other. (Pydantic's `strict` would take no mapping for a part either.)"""
        schema = handler(source)
        _be_exact(schema)
        return schema

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """With what is said of each field below it. Pydantic would read it from the source with
        each import (`use_attribute_docstrings`), a tenth of what a list of tenants takes."""
        described = handler(schema)
        properties = handler.resolve_ref_schema(described).get("properties", {})
        for base in cls.__mro__:
            if issubclass(base, Part):
                for name, text in _texts(base.__module__).get(base.__name__, {}).items():
                    if to_camel(name) in properties:
                        properties[to_camel(name)].setdefault("description", text)
        return described


class Spec(Part):
    """A part of a spec: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Itself, which nothing changes: otherwise pydantic copies every default, for each of
        thousands of objects."""
        return self


class Misplaced(ValueError):
    """Something wrong with a part of a value; `path` is where, from the value that is checked."""

    def __init__(self, message: str, *path: str | int) -> None:
        super().__init__(message)
        self.path = path


@dataclass(frozen=True)
class Once:
    """On a list: nothing is there twice, by these fields of its items, or by the items
    themselves."""

    fields: tuple[str, ...] = ()

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        described = handler(schema)
        items = handler.resolve_ref_schema(described["items"])
        same = [_same(field, items) for field in self.fields]
        rule = f"self.all(x, self.exists_one(y, {' && '.join(same) or 'x == y'}))"
        return with_rules(described, (rule, "something is given twice"))

    def _key(self, item: Any) -> Hashable:
        return tuple(getattr(item, field) for field in self.fields) if self.fields else item

    def _check(self, items: list[Any]) -> list[Any]:
        for key, count in Counter(map(self._key, items)).items():
            if count > 1:
                index = max(i for i, item in enumerate(items) if self._key(item) == key)
                shown = (
                    "/".join(str(part) for part in key if part) if isinstance(key, tuple) else key
                )
                raise Misplaced(f"{shown} is given twice; remove one", index)
        return items


class Metadata(Spec):
    """The metadata of a Manor object; what the API server adds (uid, resourceVersion, …) is passed
    over."""

    model_config = ConfigDict(extra="ignore")

    name: Name
    """Name of the object."""
    labels: Labels = {}
    """Labels, kept on the object itself; they do not reach the objects made from it."""
    annotations: dict[str, str] = {}
    """Annotations, kept on the object itself."""


class NamespacedMetadata(Metadata):
    """The metadata of a kind that lives in a namespace."""

    namespace: Name
    """The tenant's namespace that holds the object."""


_RESERVED_KEY = (
    r"^([^/]+[.])?(manor[.]dev|applyset[.]kubernetes[.]io|pod-security[.]kubernetes[.]io)/"
)
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


def _same(field: str, items: JsonSchemaValue) -> str:
    """CEL: x and y agree in a field; written so that the API server can tell its cost
    beforehand."""
    if field in items.get("required", []):
        return f"x.{field} == y.{field}"
    default = items["properties"][field].get("default")
    absent = "!has({0})" if default is None else f"(!has({{0}}) || {{0}} == '{default}')"
    name = f"__{field}__" if field == "namespace" else field
    x, y = f"x.{name}", f"y.{name}"
    return f"(has({x}) && has({y}) ? {x} == {y} : {absent.format(x)} && {absent.format(y)})"


def with_rules(schema: JsonSchemaValue, *rules: tuple[str, str]) -> JsonSchemaValue:
    """`schema` with more CEL rules (expression, message)."""
    key = "x-kubernetes-validations"
    return {**schema, key: [*schema.get(key, []), *cel(*rules)[key]]}


def cel(*rules: tuple[str, str]) -> dict[str, Any]:
    """CEL rules (expression, message) for the CRD, so that the API server refuses what the model
    refuses."""
    return {
        "x-kubernetes-validations": [{"rule": rule, "message": message} for rule, message in rules]
    }


class Kind(Spec):
    """A kind of the group: what the API server adds is left out, and a field with nothing in it is
    as absent."""

    @model_validator(mode="before")
    @classmethod
    def _as_written(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        written = {key: value for key, value in data.items() if key != "status"}
        if isinstance(meta := data.get("metadata"), dict):
            # As much again as all the rest of a stored object.
            written["metadata"] = {k: v for k, v in meta.items() if k != "managedFields"}
        return _without_nulls(written)


def _without_nulls(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _without_nulls(value) for key, value in data.items() if value is not None}
    return [_without_nulls(item) for item in data] if isinstance(data, list) else data
