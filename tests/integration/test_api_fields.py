"""Every field of the kinds that tenants write was decided on: what a new Kubernetes brings fails
here until it was."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from manor.kube import Client

pytestmark = pytest.mark.integration

DECIDED = yaml.safe_load((Path(__file__).parents[1] / "api_fields.yaml").read_text())
KINDS = {"api/v1": ["Pod", "Service", "PersistentVolumeClaim"], "apis/batch/v1": ["Job"]}

Schema = dict[str, Any]


def references(schema: Any) -> Iterator[str]:
    """The types that a schema names."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield schema["$ref"].rpartition("/")[2]
        for part in schema.values():
            yield from references(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from references(part)


def by_type(schemas: dict[str, Schema], kinds: list[str]) -> dict[str, set[str]]:
    """The fields of the kinds, and of all types that they are made of; not of their status."""
    todo = [name for name in schemas if name.rpartition(".")[2] in kinds]
    found: dict[str, set[str]] = {}
    while todo:
        name = todo.pop()
        fields = schemas[name].get("properties")
        if fields is not None and name.rpartition(".")[2] not in found:
            found[name.rpartition(".")[2]] = set(fields)
            todo += [
                type_
                for field, schema in fields.items()
                if field != "status"
                for type_ in references(schema)
            ]
    return found


def by_path(schema: Schema, path: str) -> dict[str, set[str]]:
    """The fields of a custom kind, whose parts have no names of their own."""
    if schema.get("type") == "array":
        return by_path(schema["items"], path)
    fields = schema.get("properties", {})
    found = {path: set(fields)} if fields else {}
    for field, part in fields.items():
        if (path, field) not in (
            (path.partition(".")[0], "metadata"),
            (path.partition(".")[0], "status"),
        ):
            found |= by_path(part, f"{path}.{field}")
    return found


async def schemas(client: Client, path: str) -> dict[str, Schema]:
    found: dict[str, Schema] = (await client.request("GET", f"/openapi/v3/{path}"))["components"][
        "schemas"
    ]
    return found


async def test_every_field_was_decided_on(gateway_api_node: Any) -> None:
    served: dict[str, set[str]] = {}
    async with Client.connect(gateway_api_node.kubeconfig) as client:
        for path, kinds in KINDS.items():
            served |= by_type(await schemas(client, path), kinds)
        routes = await schemas(client, "apis/gateway.networking.k8s.io/v1")
        route = next(schema for name, schema in routes.items() if name.endswith(".HTTPRoute"))
        served |= by_path(route, "HTTPRoute")
    decided = {
        name: {field for fields in by.values() for field in fields} for name, by in DECIDED.items()
    }
    undecided = {name: fields - decided.get(name, set()) for name, fields in served.items()}
    assert {name: fields for name, fields in undecided.items() if fields} == {}
    gone = {name: fields - served.get(name, set()) for name, fields in decided.items()}
    assert {name: fields for name, fields in gone.items() if fields} == {}
