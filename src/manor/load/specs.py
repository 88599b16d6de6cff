"""Documents to specs: each checked by its model, then all of them together."""

import pathlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from manor.api import API_VERSION, KINDS, AnyKind, Model, Platform, Tenant, Tool, Workload
from manor.api.workload import ModelKey
from manor.load import consistency
from manor.load.files import scan
from manor.load.positions import Document, InvalidInput, Path, Problem
from manor.tools import NO_TOOLS, Toolset, turned_on

Spec = AnyKind


@dataclass
class Specs:
    """What a set of files says, or a cluster."""

    platform: Platform | None = None
    tenants: dict[str, Tenant] = field(default_factory=dict)
    workloads: list[Workload] = field(default_factory=list)
    tools: dict[str, Tool] = field(default_factory=dict)
    """Tools of one's own; those that come with Manor are not here."""
    namespaces: dict[str, str] = field(default_factory=dict)
    """The namespaces of the cluster, each with its tenant, or an empty text; none where nobody may
    say."""
    made: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Of each tenant, the namespaces of the cluster that its owners made."""
    keys: dict[tuple[str, str], list[ModelKey]] = field(default_factory=dict)
    """Of each Model of the cluster, by namespace and name, the keys that are no file's."""
    claims: dict[str, list[str]] = field(default_factory=dict)
    """The names of the volume claims that are in a namespace of the cluster, where they were looked
    for."""
    documents: dict[tuple[str, str, str], Document] = field(default_factory=dict)
    """Where each spec was read."""

    @property
    def all(self) -> list[Spec]:
        """Every spec: the Platform, Tools, tenants, workloads."""
        platform = [self.platform] if self.platform else []
        return [*platform, *self.tools.values(), *self.tenants.values(), *self.workloads]

    @property
    def toolset(self) -> Toolset:
        """The Tools that the Platform has turned on."""
        return turned_on(self.platform, self.tools) if self.platform else NO_TOOLS

    def add(self, spec: Spec, document: Document) -> None:
        """Adds a spec and where it was read."""
        self.documents[_key(spec)] = document
        self.take(spec)

    def take(self, spec: Spec) -> None:
        """Adds a spec."""
        match spec:
            case Platform():
                self.platform = spec
            case Tool():
                self.tools[spec.name] = spec
            case Tenant():
                self.tenants[spec.name] = spec
            case _:
                self.workloads.append(spec)

    def problem(self, spec: Spec, path: Path, message: str) -> Problem:
        """Something wrong with a part of one of the specs, by file and line."""
        return self.documents[_key(spec)].problem(path, message)


def _key(spec: Spec) -> tuple[str, str, str]:
    return spec.kind, getattr(spec.metadata, "namespace", ""), spec.metadata.name


def _fields_at(model: type, path: tuple[str | int, ...]) -> list[str]:
    """The names that a field at `path` could have had: for a suggestion."""
    properties: dict[str, object] = {}
    schema = model.model_json_schema(by_alias=True)  # type: ignore[attr-defined]
    node = schema
    for part in path[:-1]:
        node = (
            node.get("items", {})
            if isinstance(part, int)
            else node.get("properties", {}).get(part, {})
        )
        for option in node.get("anyOf", []):
            node = option if "$ref" in option else node
        while "$ref" in node:
            node = schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]
    properties = node.get("properties", {})
    return sorted(properties)


def _unknown(name: object, known: list[str]) -> str:
    close = get_close_matches(str(name), known, n=1)
    advice = (
        f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(known) or 'nothing'}"
    )
    return f"unknown field; {advice}"


def _empty(value: object, path: Path = ()) -> Iterator[Path]:
    """The fields that nothing is written in."""
    if value is None:
        yield path
    elif isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _empty(part, (*path, key))


_MAPPING, _LIST, _TEXT = "be a mapping (name: value)", "be a list (- value)", "be text"
_WHOLE, _SWITCH = "be a whole number", "be true or false"
_FORMS = {
    **dict.fromkeys(("model_type", "model_attributes_type", "dict_type"), _MAPPING),
    **dict.fromkeys(("list_type", "tuple_type"), _LIST),
    **dict.fromkeys(("string_type", "string_unicode"), _TEXT),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float", "int_parsing_size"), _WHOLE),
    **dict.fromkeys(("bool_type", "bool_parsing"), _SWITCH),
    "string_pattern_mismatch": "match {pattern}",
    "string_too_short": "have {min_length} characters or more",
    "string_too_long": "have {max_length} characters at most",
    "too_short": "have {min_length} entries or more",
    "too_long": "have {max_length} entries at most",
}
"""What a value must do, by the model's error."""
_FOUND = {dict: "a mapping", list: "a list", type(None): "nothing"}


def _explain(error: ErrorDetails, model: type) -> str:
    if error["type"] == "extra_forbidden":
        return _unknown(error["loc"][-1], _fields_at(model, error["loc"]))
    if error["type"] == "missing":
        return "this field is required; add it"
    message = error["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if error["type"] == "value_error":
        return message
    given = error["input"]
    if error["type"] == "string_type" and isinstance(given, bool | int | float):
        return f"must be text, and YAML reads {given!r} as none; write it in quotes"
    form = _FORMS.get(error["type"], "")
    must = form.format(**error.get("ctx", {})) if form else f"be {message}"
    return f"must {must}; got {_FOUND.get(type(given)) or repr(given)}"


def _model(document: Document) -> type[Spec]:
    value = document.value
    if not isinstance(value, dict):
        raise InvalidInput([document.problem((), "not an object with apiVersion and kind")])
    kind, version = value.get("kind"), value.get("apiVersion")
    if version != API_VERSION:
        message = (
            f"must be {API_VERSION}; got {version!r}. Apply objects of other groups with kubectl"
        )
        raise InvalidInput([document.problem(("apiVersion",), message)])
    if not isinstance(kind, str) or kind not in KINDS:
        message = f"unknown kind {kind!r}; one of {', '.join(KINDS)}"
        raise InvalidInput([document.problem(("kind",), message)])
    return KINDS[kind]


def validated(document: Document) -> Spec:
    """The spec in a document. InvalidInput holds every problem of it."""
    model = _model(document)
    # The models leave out what nothing is written in, whatever its name.
    unknown = [
        document.problem(path, _unknown(path[-1], known))
        for path in _empty(document.value.get("spec"), ("spec",))
        if (known := _fields_at(model, path)) and path[-1] not in known
    ]
    if unknown:
        raise InvalidInput(unknown)
    try:
        return model.model_validate(document.value)
    except ValidationError as error:
        raise InvalidInput([_problem(document, found, model) for found in error.errors()]) from None


def _problem(document: Document, found: ErrorDetails, model: type) -> Problem:
    path = found["loc"] + getattr(found.get("ctx", {}).get("error"), "path", ())
    return document.problem(path, _explain(found, model))


def _each(documents: Iterable[Document]) -> tuple[list[consistency.Entry], list[Problem]]:
    """Every valid spec with its document, and the problems of the others."""
    valid: list[consistency.Entry] = []
    problems: list[Problem] = []
    for document in documents:
        try:
            valid.append((document, validated(document)))
        except InvalidInput as error:
            problems += error.problems
    return valid, problems


def specs_from(
    documents: Iterable[Document], *, known: Specs | None = None, alone: bool = False
) -> Specs:
    """The specs in `documents`. InvalidInput holds every problem of every document.

    `known` is what the cluster has already: new specs are checked against it, and stand before it;
    a tenant has the namespaces that its owners made. With `alone` each is checked by itself only.
    """
    known = known or Specs()
    valid, problems = _each(documents)
    valid = [(document, _with_made(spec, known)) for document, spec in valid]
    if not alone:
        problems += consistency.check(valid, known)
    if problems:
        raise InvalidInput(problems)
    specs = Specs()
    for document, spec in valid:
        specs.add(spec, document)
    return specs


def _with_made(spec: Spec, known: Specs) -> Spec:
    """The spec with what people gave it on the cluster, and no file says."""
    match spec:
        case Tenant():
            return spec.with_made(known.made.get(spec.name, ()))
        case Model():
            place = spec.metadata.namespace, spec.metadata.name
            return spec.with_stored(known.keys.get(place, ()))
        case _:
            return spec


def read(sources: Iterable[str | pathlib.Path]) -> list[Document]:
    """Every document in files, folders or standard input. InvalidInput where one cannot be read,
    with all else that is wrong."""
    documents, problems = scan(sources)
    if problems:
        raise InvalidInput([*problems, *_each(documents)[1]])
    return documents


def load(sources: Iterable[str | pathlib.Path], *, known: Specs | None = None) -> Specs:
    """The specs in files, folders or standard input. InvalidInput holds every problem found."""
    return specs_from(read(sources), known=known)
