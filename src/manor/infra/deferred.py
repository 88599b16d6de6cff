"""Specs with values that are known only once another resource is made, such as a domain or an
address range.

The set of objects and their names must be known when the program runs, so it is rendered with
placeholders first. The bodies of the objects are rendered again with the real values when these are
known, checked in full, and must then be the same set. Nothing is patched into rendered text, so
that what is registered is what `manor render` prints.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pulumi

from manor.infra.errors import DeferredValue
from manor.load import Document
from manor.load.positions import Path
from manor.render import Object

T = TypeVar("T")

PLACEHOLDERS: dict[Path, Any] = {
    ("Platform", "spec", "domain"): "late.invalid",
    ("Platform", "spec", "network", "podCidrs"): ["192.0.2.0/26"],
    ("Platform", "spec", "network", "serviceCidrs"): ["192.0.2.64/26"],
    ("Platform", "spec", "network", "nodeCidrs"): ["192.0.2.128/26"],
    ("Platform", "spec", "network", "blockedCidrs"): ["192.0.2.192/26"],
    ("Platform", "spec", "network", "apiServers", "*", "cidr"): "192.0.2.1/32",
    ("Platform", "spec", "registries"): ["late.invalid"],
    ("Platform", "spec", "images", "training"): "late.invalid/image",
    ("Platform", "spec", "images", "workspace"): "late.invalid/image",
    ("Platform", "spec", "images", "serving", "*"): "late.invalid/image",
    ("Platform", "spec", "images", "tools", "*"): "late.invalid/image",
    ("Platform", "spec", "identity", "issuer"): "https://late.invalid",
    ("Tenant", "spec", "hosts", "*"): "{key}.{name}.late.invalid",
    ("Tenant", "spec", "registries"): ["late.invalid"],
    ("Tenant", "spec", "network", "egress", "cidrs"): ["198.51.100.0/24"],
    ("TrainingJob", "spec", "image"): "late.invalid/image",
    ("TrainingJob", "spec", "env", "*"): "late",
    ("Workspace", "spec", "image"): "late.invalid/image",
    ("Workspace", "spec", "env", "*"): "late",
    ("Model", "spec", "image"): "late.invalid/image",
    ("Model", "spec", "env", "*"): "late",
    ("Model", "spec", "storageUri"): "oci://late.invalid/model",
    ("Model", "spec", "canary", "storageUri"): "oci://late.invalid/model",
}
"""The fields that may be an Output, `*` for any key or index, and what stands there meanwhile:
names under `.invalid` (RFC 6761) and addresses for documentation (RFC 5737), which no real cluster
has. A list may be an Output, or hold some.
"""


@dataclass(frozen=True)
class Draft:
    """A document in which some values are Outputs, by their paths."""

    document: Document
    outputs: dict[Path, pulumi.Output[Any]]

    def filled(self, values: Mapping[Path, Any]) -> Document:
        """The document with `values` in the place of its Outputs."""
        if not self.outputs:
            return self.document
        stack = _copied(self.document.value)
        for path, value in values.items():
            _put(stack, path, value)
        return Document(stack, self.document.source, self.document.lines)

    def with_placeholders(self) -> Document:
        """The document with placeholders."""
        return self.filled({path: _placeholder(self.document, path) for path in self.outputs})


def _walk(value: Any, path: Path) -> Iterator[tuple[Path, pulumi.Output[Any]]]:
    if isinstance(value, pulumi.Output):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _walk(item, (*path, key))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for index, item in enumerate(value):
            yield from _walk(item, (*path, index))


def _copied(value: Any) -> Any:
    """A copy that may be written to; the Outputs in it stay what they are."""
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_copied(item) for item in value]
    return value


def _put(stack: Any, path: Path, value: Any) -> None:
    for part in path[:-1]:
        stack = stack[part]
    stack[path[-1]] = value


def _matches(pattern: Path, path: Path) -> bool:
    return len(pattern) == len(path) and all(
        p in ("*", q) for p, q in zip(pattern, path, strict=True)
    )


def _placeholder(document: Document, path: Path) -> Any:
    kind = document.value.get("kind")
    for pattern, value in PLACEHOLDERS.items():
        if _matches(pattern, (kind, *path)):
            # Two tenants may not have one host name, not even for the moment.
            return (
                value.format(key=path[-1], name=_name(document))
                if isinstance(value, str)
                else value
            )
        if isinstance(value, list) and _matches((*pattern, "*"), (kind, *path)):
            return value[0]
    known = sorted(
        ".".join(map(str, pattern[1:])) for pattern in PLACEHOLDERS if pattern[0] == kind
    )
    raise DeferredValue(
        f"{document.source}: {'.'.join(map(str, path))} is an Output; its value must be known "
        f"when the program runs. "
        f"Of a {kind} these may be Outputs: {', '.join(known)}"
    )


def _name(document: Document) -> str:
    name = document.value.get("metadata", {}).get("name", "unnamed")
    if isinstance(name, pulumi.Output):
        raise DeferredValue(
            f"{document.source}: metadata.name is an Output; a name must be known when the "
            f"program runs"
        )
    return str(name)


def draft(document: Document) -> Draft:
    """The document and its Outputs. LateValue if one stands where no Output can be."""
    if isinstance(document.value, pulumi.Output):
        raise DeferredValue(
            f"{document.source}: the whole spec is an Output; pass the spec itself, with Outputs "
            f"in it"
        )
    found = Draft(document, dict(_walk(document.value, ())))
    for path in found.outputs:
        _placeholder(document, path)
    return found


def derived(drafts: Sequence[Draft], derive: Callable[[Sequence[Document]], T]) -> pulumi.Output[T]:
    """What `derive` makes of the drafts' real values, once these are known."""
    waiting = [(index, path) for index, each in enumerate(drafts) for path in each.outputs]

    def real(values: Sequence[Any]) -> T:
        known: list[dict[Path, Any]] = [{} for _ in drafts]
        for (index, path), value in zip(waiting, values, strict=True):
            known[index][path] = value
        return derive([each.filled(found) for each, found in zip(drafts, known, strict=True)])

    return pulumi.Output.all(*(drafts[index].outputs[path] for index, path in waiting)).apply(real)


_KNOWN = ("apiVersion", "kind", "metadata")


def compiled(
    drafts: Sequence[Draft], render: Callable[[Sequence[Document]], list[Object]]
) -> tuple[list[Object], list[dict[str, pulumi.Output[Any]]]]:
    """What the drafts become with placeholders, and, for each object, its fields as they will be;
    none without Outputs.

    An object's name and labels are known at once, all else is not, its `annotations` neither.
    """
    objects = render([each.with_placeholders() for each in drafts])
    if not any(each.outputs for each in drafts):
        return objects, [{} for _ in objects]

    def checked(documents: Sequence[Document]) -> list[Object]:
        again = render(documents)
        _check_same(objects, again)
        return again

    later = derived(drafts, checked)

    def field(index: int, name: str) -> pulumi.Output[Any]:
        return later.apply(lambda again: _fields(again[index])[name])

    return objects, [
        {name: field(index, name) for name in _fields(obj)} for index, obj in enumerate(objects)
    ]


def _fields(obj: Object) -> Object:
    """What is not known at once."""
    annotations = {k: v for k, v in obj["metadata"].items() if k == "annotations"}
    return {**annotations, **{k: v for k, v in obj.items() if k not in _KNOWN}}


def _check_same(before: Sequence[Object], after: Sequence[Object]) -> None:
    def shape(objects: Sequence[Object]) -> list[tuple[object, ...]]:
        return [
            (
                obj["apiVersion"],
                obj["kind"],
                {**obj["metadata"], "annotations": None},
                sorted(_fields(obj)),
            )
            for obj in objects
        ]

    if shape(before) != shape(after):
        raise DeferredValue(
            "with its real values this spec becomes other objects than with placeholders; "
            "write the values themselves instead of Outputs"
        )
