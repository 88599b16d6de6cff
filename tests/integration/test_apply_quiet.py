"""GitOps is quiet: a second server-side apply of what `render` prints changes nothing, whoever
sends it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from example_files import SPECS
from manor.apply import wait
from manor.apply.ownership import is_applied
from manor.engines import compile_specs
from manor.kube import ApiError, Client, Object
from manor.load import load
from manor.objectset.applyset import FIELD_MANAGER
from manor.objectset.kinds import group_of
from manor.render import render_foundation, spec_object
from manor.rollout.fixtures import definition

pytestmark = pytest.mark.integration


def rendered(paths: Sequence[Path]) -> list[Object]:
    specs = load(paths)
    assert specs.platform
    objects = render_foundation()
    for each in compile_specs(specs.platform, specs.tenants, specs.all, specs.toolset):
        objects += [spec_object(each.spec), *each.objects]
    return objects


async def sent(client: Client, obj: Object) -> str:
    """The object's resourceVersion once it is applied as kubectl and GitOps tools do."""
    for _ in range(180):
        try:
            return str(
                (await client.apply(obj, field_manager="gitops", force=True))["metadata"][
                    "resourceVersion"
                ]
            )
        except ApiError as error:  # quotas count a new kind up to half a minute after it is made
            last = error
            await asyncio.sleep(0.5)
    raise last


async def missing_kinds(client: Client, objects: list[Object]) -> list[Object]:
    """Definitions of the kinds of Tools that are not installed here, first in order."""
    seen = {(group_of(obj["apiVersion"]), obj["kind"]): obj for obj in objects}
    made = [obj["spec"] for obj in objects if obj["kind"] == "CustomResourceDefinition"]
    unserved = set(await client.unserved(seen)) - {
        (spec["group"], spec["names"]["kind"]) for spec in made
    }
    return [
        definition(
            group,
            seen[group, kind]["apiVersion"].rpartition("/")[2],
            kind,
            f"{kind.lower()}s",
            "Namespaced" if "namespace" in seen[group, kind]["metadata"] else "Cluster",
        )
        for group, kind in sorted(unserved)
    ]


@pytest.mark.parametrize("name", SPECS)
async def test_a_second_apply_of_what_is_rendered_changes_nothing(
    gateway_api_node: Any, name: str
) -> None:
    objects = rendered(SPECS[name])
    async with Client.connect(gateway_api_node.kubeconfig) as client:
        missing = await missing_kinds(client, objects)
        objects = [*missing, *objects]
        try:
            await settles(client, objects)
        finally:
            for obj in missing:
                await client.delete(obj["apiVersion"], obj["kind"], obj["metadata"]["name"])


async def settles(client: Client, objects: Sequence[Object]) -> None:
    for obj in objects:
        await sent(client, obj)
        if obj["kind"] == "CustomResourceDefinition":
            await wait(client, [obj], timeout=30)
    for _ in range(
        20
    ):  # the controllers write status and finalizers after a creation, types of a policy last
        await asyncio.sleep(3)
        changed = [name for obj in objects if (name := await _changed(client, obj))]
        if not changed:
            return
    pytest.fail(f"changed again by the same apply: {', '.join(changed)}")


async def _changed(client: Client, obj: Object) -> str:
    meta = obj["metadata"]
    before = await client.get(obj["apiVersion"], obj["kind"], meta["name"], meta.get("namespace"))
    after = await client.apply(obj, field_manager="gitops", force=True)
    same = _written(before) == _written(after)
    same = same and before["metadata"].get("generation") == after["metadata"].get("generation")
    # Manor sees so by itself, and asks the server nothing; of policies, which are the platform's
    # alone, it takes what it does not know for the server's.
    defaults = group_of(obj["apiVersion"]) == "admissionregistration.k8s.io"
    same = same and is_applied(obj, _as_manors(after), defaults=defaults)
    return "" if same else f"{obj['kind']} {meta['name']}"


def _as_manors(obj: Object) -> Object:
    """The object as if Manor had written what `gitops` did."""
    entries = [
        {**entry, "manager": FIELD_MANAGER} if entry["manager"] == "gitops" else entry
        for entry in obj["metadata"]["managedFields"]
    ]
    return {**obj, "metadata": {**obj["metadata"], "managedFields": entries}}


def _written(obj: Object) -> Any:
    """What our manager wrote and when: the server moves the time with every change."""
    return [entry for entry in obj["metadata"]["managedFields"] if entry["manager"] == "gitops"]
