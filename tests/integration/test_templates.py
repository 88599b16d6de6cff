"""Every template in the API is looked at by the policies: a controller writes it onto what it
makes."""

from collections.abc import Iterator
from typing import Any

import pytest

from manor.kube import Client
from policy_cases import Case, cases

pytestmark = pytest.mark.integration

OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
CLAIM_SPEC = "io.k8s.api.core.v1.PersistentVolumeClaimSpec"
NO_TENANTS = {"DaemonSet"}
"""Kinds that manor-pods refuses altogether."""


def fields(schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each field that is an object of another schema: its name, with [] for a list, and that
    schema's."""
    for name, field in schema.get("properties", {}).items():
        inner, steps = field, name
        while inner.get("type") == "array":
            inner, steps = inner["items"], f"{steps}[]"
        reference = inner.get("$ref") or next(
            (one["$ref"] for one in inner.get("allOf", []) if "$ref" in one), ""
        )
        if reference:
            yield steps, reference.rpartition("/")[2]


def places(
    schemas: dict[str, Any], name: str, wanted: str, path: str = "", seen: tuple[str, ...] = ()
) -> set[str]:
    """Paths of `wanted` below the schema `name`."""
    found = set()
    for steps, inner in fields(schemas[name]) if name not in seen else ():
        below = f"{path}.{steps}".lstrip(".")
        found |= (
            {below} if inner == wanted else places(schemas, inner, wanted, below, (*seen, name))
        )
    return found


async def templates(client: Client, wanted: str) -> set[tuple[str, str]]:
    """Kind and path of every `wanted` in a kind that lives in a namespace."""
    found = set()
    for path, group in (await client.request("GET", "/openapi/v3"))["paths"].items():
        if not path.startswith(("api/", "apis/")):
            continue
        document = await client.request("GET", group["serverRelativeURL"])
        for url, operations in document["paths"].items():
            created = operations.get("post", {})
            if "{namespace}" not in url or "requestBody" not in created:
                continue
            body = (
                next(iter(created["requestBody"]["content"].values()))["schema"]
                .get("$ref", "")
                .rpartition("/")[2]
            )
            kind = created["x-kubernetes-group-version-kind"]["kind"]
            if body:
                found |= {
                    (kind, place)
                    for place in places(document["components"]["schemas"], body, wanted)
                }
    return {
        (kind, place) for kind, place in found if place != "metadata" and kind not in NO_TENANTS
    }


def at(obj: Any, path: str) -> list[Any]:
    """What an object has at `path`; a list has many."""
    found = [obj]
    for step in path.split("."):
        found = [one[step.removesuffix("[]")] for one in found if step.removesuffix("[]") in one]
        found = [item for one in found for item in one] if step.endswith("[]") else found
    return found


def refused(policy: str, kind: str) -> list[Case]:
    return [
        case for case in cases("refuse") if case.policy == policy and case.object["kind"] == kind
    ]


async def test_metadata_of_every_template_is_refused(client: Client) -> None:
    found = await templates(client, OBJECT_META)
    assert ("CronJob", "spec.jobTemplate.spec.template.metadata") in found
    for kind, path in sorted(found):
        metadata = [one for case in refused("metadata", kind) for one in at(case.object, path)]
        assert any("manor.dev/tenant" in one.get("labels", {}) for one in metadata), (
            f"no object in policies/metadata/refuse shows that {path} of a {kind} is looked at"
        )


async def test_class_of_every_claim_template_is_refused(client: Client) -> None:
    found = {
        (kind, path)
        for kind, path in await templates(client, CLAIM_SPEC)
        if kind != "PersistentVolumeClaim"
    }
    assert ("StatefulSet", "spec.volumeClaimTemplates[].spec") in found
    for kind, path in sorted(found):
        claims = [one for case in refused("storage", kind) for one in at(case.object, path)]
        assert any(one.get("storageClassName") == "fast" for one in claims), (
            f"no object in policies/storage/refuse shows that {path} of a {kind} is looked at"
        )
