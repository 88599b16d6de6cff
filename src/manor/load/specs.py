"""Documents to specs: each checked by its model, then all of them together."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from manor.api import API_VERSION, KINDS, Platform, Tenant, Workload
from manor.load import consistency
from manor.load.files import read
from manor.load.positions import Document, InvalidInput, Problem


@dataclass
class Specs:
    """What a set of files says."""

    platform: Platform | None = None
    tenants: dict[str, Tenant] = field(default_factory=dict)
    workloads: list[Workload] = field(default_factory=list)

    @property
    def all(self) -> list[Platform | Tenant | Workload]:
        """Every spec: the Platform, tenants, workloads."""
        return [*([self.platform] if self.platform else []), *self.tenants.values(), *self.workloads]


def _field(location: tuple[str | int, ...]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".")


def _fields_at(model: type, path: tuple[str | int, ...]) -> list[str]:
    """The names that a field at `path` could have had: for a suggestion."""
    properties: dict[str, object] = {}
    schema = model.model_json_schema(by_alias=True)  # type: ignore[attr-defined]
    node = schema
    for part in path[:-1]:
        node = node.get("items", {}) if isinstance(part, int) else node.get("properties", {}).get(part, {})
        for option in node.get("anyOf", []):
            node = option if "$ref" in option else node
        while "$ref" in node:
            node = schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]
    properties = node.get("properties", {})
    return sorted(properties)


def _explain(error: ErrorDetails, model: type) -> str:
    if error["type"] == "extra_forbidden":
        known = _fields_at(model, error["loc"])
        close = get_close_matches(str(error["loc"][-1]), known, n=1)
        advice = f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(known) or 'nothing'}"
        return f"unknown field; {advice}"
    if error["type"] == "missing":
        return "this field is required; add it"
    message = error["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if error["type"] == "value_error":
        return message
    given = error["input"]
    shown = f"; got {given!r}" if isinstance(given, str | int | float | bool) else f"; got a {type(given).__name__}"
    return f"must be {message}{shown}" if error["msg"].startswith("Input should be ") else error["msg"] + shown


def _model(document: Document) -> type[Platform] | type[Tenant] | type[Workload]:
    value = document.value
    if not isinstance(value, dict):
        raise InvalidInput([Problem(document.source, document.line(()), "", "not an object with apiVersion and kind")])
    kind, version = value.get("kind"), value.get("apiVersion")
    if version != API_VERSION:
        message = f"must be {API_VERSION}; got {version!r}. Apply objects of other groups with kubectl"
        raise InvalidInput([Problem(document.source, document.line(("apiVersion",)), "apiVersion", message)])
    if kind not in KINDS:
        message = f"unknown kind {kind!r}; one of {', '.join(KINDS)}"
        raise InvalidInput([Problem(document.source, document.line(("kind",)), "kind", message)])
    return KINDS[kind]


def _validated(document: Document) -> Platform | Tenant | Workload:
    model = _model(document)
    try:
        return model.model_validate(document.value)
    except ValidationError as error:
        problems = []
        for found in error.errors():
            path = found["loc"] + getattr(found.get("ctx", {}).get("error"), "path", ())
            problems.append(Problem(document.source, document.line(path), _field(path), _explain(found, model)))
        raise InvalidInput(problems) from None


def specs_from(documents: Iterable[Document], *, known: Specs | None = None) -> Specs:
    """The specs in `documents`. InvalidInput holds every problem of every document.

    `known` is what the cluster has already: new specs are checked against it, and stand before it.
    """
    problems: list[Problem] = []
    valid: list[tuple[Document, Platform | Tenant | Workload]] = []
    for document in documents:
        try:
            valid.append((document, _validated(document)))
        except InvalidInput as error:
            problems += error.problems
    problems += consistency.check(valid, known.platform if known else None, known.tenants if known else {})
    if problems:
        raise InvalidInput(problems)
    specs = Specs()
    for _, spec in valid:
        if isinstance(spec, Platform):
            specs.platform = spec
        elif isinstance(spec, Tenant):
            specs.tenants[spec.name] = spec
        else:
            specs.workloads.append(spec)
    return specs


def load(sources: Iterable[str | Path], *, known: Specs | None = None) -> Specs:
    """The specs in files, folders or standard input. InvalidInput holds every problem found."""
    return specs_from(read(sources), known=known)
