"""The CustomResourceDefinitions, made from the pydantic models, so that the API server refuses what
`manor` refuses."""

import json
import re
from typing import Any

from pydantic import BaseModel

from manor.api import GROUP, KINDS, VERSION, kinds
from manor.api.kinds import Column, KindInfo
from manor.api.meta import with_rules
from manor.api.status import STATUSES
from manor.render.objects import Object, make

_DROPPED = ("title", "default", "discriminator")
_LINE_BREAK = re.compile(r"(?<!\n)\n(?!\n)")
"""Where the source wraps a paragraph of a docstring; an empty line between two of them stays."""


def _structural(schema: Any, definitions: dict[str, Any]) -> Any:
    """A pydantic JSON schema as a structural one: references resolved, `X | None` as X.

    Source: Kubernetes documentation, "Specifying a structural schema".
    """
    if isinstance(schema, list):
        return [_structural(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        target = definitions[schema["$ref"].rsplit("/", 1)[-1]]
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        return _structural({**target, **beside}, definitions)
    if "anyOf" in schema:
        options = [option for option in schema["anyOf"] if option != {"type": "null"}]
        beside = {key: value for key, value in schema.items() if key != "anyOf"}
        if len(options) != 1:
            raise TypeError(f"a structural schema has no unions: {schema}")
        return _structural({**options[0], **beside}, definitions)
    cleaned = {key: value for key, value in schema.items() if key not in _DROPPED}
    if "const" in cleaned:
        cleaned["enum"] = [cleaned.pop("const")]
    if isinstance(cleaned.get("description"), str):
        cleaned["description"] = _LINE_BREAK.sub(" ", cleaned["description"])
    if cleaned.get("additionalProperties") is False:
        del cleaned["additionalProperties"]
    if names := cleaned.pop("propertyNames", None):
        ((pattern, value),) = cleaned.pop("patternProperties").items()
        rule = (
            f"self.all(key, key.size() <= {names['maxLength']} && "
            f"key.matches({json.dumps(pattern)}))"
        )
        cleaned = with_rules(
            {**cleaned, "additionalProperties": value}, (rule, "a key is not valid here")
        )
    return {
        key: (
            {name: _structural(sub, definitions) for name, sub in value.items()}
            if key == "properties"
            else _structural(value, definitions)
        )
        for key, value in cleaned.items()
    }


def _resolved(model: type[BaseModel]) -> Object:
    generated = model.model_json_schema(by_alias=True)
    definitions = generated.get("$defs", {})
    root: Object = _structural(
        {key: value for key, value in generated.items() if key != "$defs"}, definitions
    )
    return root


def _schema(info: KindInfo) -> Object:
    kind = info.kind
    root = _resolved(KINDS[kind])
    name = root["properties"]["metadata"]["properties"]["name"]
    rules = []
    if limit := name.get("maxLength"):
        message = (
            f"the name is longer than {limit} characters, or not made of a-z, 0-9 and hyphens alone"
        )
        rules.append(
            (
                (
                    f"self.metadata.name.size() <= {limit} && "
                    f"self.metadata.name.matches({json.dumps(name['pattern'])})"
                ),
                message,
            )
        )
    if allowed := name.get("enum"):
        rules.append(
            (f"self.metadata.name == '{allowed[0]}'", f"the only {kind} is named {allowed[0]}")
        )
    root["properties"] |= {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        "status": _resolved(STATUSES[kind]),
    }
    root["required"] = ["spec"]
    spec: Any = KINDS[kind].model_fields["spec"].annotation
    for field in info.defaulted:
        default = spec.model_fields[field].default
        root["properties"]["spec"]["properties"][field]["default"] = default
    return with_rules(root, *rules)


def _names(info: KindInfo) -> Object:
    names: Object = {
        "kind": info.kind,
        "listKind": f"{info.kind}List",
        "plural": info.plural,
        "singular": info.singular,
        "categories": ["manor"],
    }
    return {**names, "shortNames": list(info.short_names)} if info.short_names else names


def _subresources(info: KindInfo) -> Object:
    status: Object = {"status": {}}
    if not info.scaled:
        return status
    paths = {
        "specReplicasPath": ".spec.replicas",
        "statusReplicasPath": ".status.replicas",
        "labelSelectorPath": ".status.selector",
    }
    return {**status, "scale": paths}


def _column(column: Column) -> Object:
    described: Object = {"name": column.name, "type": column.type, "jsonPath": column.path}
    return {**described, "priority": 1} if column.wide else described


def _crd(info: KindInfo) -> Object:
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": _schema(info)},
        "subresources": _subresources(info),
        "additionalPrinterColumns": [_column(column) for column in info.columns],
    }
    definition = make(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        f"{info.plural}.{GROUP}",
        spec={"group": GROUP, "scope": info.scope, "names": _names(info), "versions": [version]},
    )
    definition["metadata"]["labels"]["applyset.kubernetes.io/is-parent-type"] = "true"
    return definition


def crds() -> list[Object]:
    """One CustomResourceDefinition a kind; each may be the parent of an ApplySet (KEP-3659)."""
    return [_crd(info) for info in kinds.ALL]
