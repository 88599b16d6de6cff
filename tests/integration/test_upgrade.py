"""From the version before to this one and back, with what teams run standing through both: no pod
is made anew but those that docs/operator.md names, and nothing is lost."""

import asyncio
import copy
import json
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from accounts import kubeconfig_of
from ground import gateway_kinds
from manor.api import API_VERSION
from manor.api.wellknown import MANAGED
from manor.kube import Client, Object, UnknownKind
from nodes import RunningNode, node_for_tests, run_manor
from old_version import OldVersion, unpacked
from operator_process import operating, ready
from verify_world import STORAGE_CLASS, all_of
from waiting import until

pytestmark = pytest.mark.integration

TEAMS = tuple(
    f"team-{number}" for number in range(100 if os.environ.get("MANOR_TEST_UPGRADE") else 10)
)
"""As many as `make test-upgrade` says, else fewer."""
KINDS = (
    *(("v1", kind) for kind in ("Service", "ConfigMap", "PersistentVolumeClaim")),
    *(("v1", kind) for kind in ("ServiceAccount", "ResourceQuota", "LimitRange")),
    *(("apps/v1", kind) for kind in ("Deployment", "StatefulSet")),
    *(("batch/v1", kind) for kind in ("Job", "CronJob")),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("policy/v1", "PodDisruptionBudget"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("gateway.networking.k8s.io/v1", "HTTPRoute"),
    ("gateway.networking.k8s.io/v1", "Gateway"),
    *((API_VERSION, kind) for kind in ("Model", "TrainingJob")),
)
"""What teams have in namespaces."""
KEYS = ("gateway.envoyproxy.io/v1alpha1", "SecurityPolicy")
"""What the gateway asks for keys by."""
Key = tuple[str, str, str]
"""Kind, namespace and name."""


def spec(kind: str, name: str, namespace: str | None = None, **body: Any) -> Object:
    meta = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": meta, "spec": body}


def team(name: str, **served_so: Any) -> list[Object]:
    """A team with volumes, a run and models of each sort."""
    small = {"cpu": "100m", "memory": "256Mi"}
    served = {"format": "sklearn", "storageUri": "pvc://models/a.joblib", "resources": small}
    served |= served_so
    return [
        spec(
            "Tenant",
            name,
            owners=[{"name": f"{name}-owner"}],
            members=[{"kind": "Group", "name": f"{name}-people", "role": "viewer"}],
            quota={"cpu": "8", "memory": "16Gi", "storage": "20Gi"},
            volumes=[{"name": "models", "size": "1Gi"}],
        ),
        spec(
            "TrainingJob",
            "train",
            name,
            command=["python3", "train.py"],
            files={"train.py": "print('trained')"},
            volumes=[{"name": "models", "path": "/models"}],
            resources=small,
            workers=2,
        ),
        spec("Model", "one", name, **served),
        spec("Model", "scaled", name, **served, autoscaling={"maxReplicas": 3}),
        spec(
            "Model",
            "canary",
            name,
            **served,
            canary={"storageUri": "pvc://models/b.joblib", "weight": 10},
        ),
    ]


@dataclass(frozen=True)
class World:
    """A cluster that the old version made, with files of the teams' specs."""

    client: Client
    node: RunningNode
    old: OldVersion
    teams: Path

    @property
    def platform(self) -> Path:
        """The Platform of that version's example, which this one takes too."""
        return self.old.source / "examples" / "01-two-teams" / "platform.yaml"

    @property
    def where(self) -> tuple[str, str]:
        return "--kubeconfig", str(self.node.kubeconfig)

    async def by_old(self, *words: str) -> None:
        done = await asyncio.to_thread(self.old.manor, *words, *self.where)
        assert done.returncode == 0, done.stdout + done.stderr

    async def by_new(self, *words: str) -> None:
        """Again where the server says so: quotas of new kinds take it a while."""

        async def done() -> bool:
            ran = await asyncio.to_thread(run_manor, *words, *self.where, check=False)
            assert "quota" in ran.stderr or not ran.returncode, ran.stdout + ran.stderr
            return not ran.returncode

        await until(f"manor {' '.join(words)}", done, 300)

    async def standing(self) -> dict[Key, Object]:
        """All that is in the teams' namespaces and in the system's; of rights, the teams' alone."""
        found: dict[Key, Object] = {}
        for api_version, kind in KINDS:
            try:
                objects = await self.client.list(api_version, kind)
            except UnknownKind:
                continue
            for obj in objects:
                meta = obj["metadata"]
                places = TEAMS if kind == "RoleBinding" else (*TEAMS, "manor-system", "manor-front")
                if meta["namespace"] in places:
                    found[kind, meta["namespace"], meta["name"]] = obj
        return found

    async def own_roles(self) -> set[str]:
        """The namespaces with a Role for each team: version 0.2 had one in manor-front too."""
        roles = await self.client.list("rbac.authorization.k8s.io/v1", "Role")
        meta = [role["metadata"] for role in roles]
        return {m["namespace"] for m in meta if m["name"].startswith("manor:tenant:")}

    async def closed(self) -> set[str]:
        """The teams of whose models the gateway asks for keys."""
        found = await self.client.list(*KEYS, labels=MANAGED)
        return {obj["metadata"]["namespace"] for obj in found} & set(TEAMS)

    async def open_all(self) -> None:
        """The gateway asks nobody for keys any more."""
        for obj in await self.client.list(*KEYS, labels=MANAGED):
            meta = obj["metadata"]
            await self.client.delete(*KEYS, meta["name"], meta["namespace"])


@pytest.fixture(scope="module")
def upgraded_node() -> Iterator[RunningNode]:
    """An API server of its own, without what this version brings."""
    with node_for_tests("upgrade", "--api-only") as running:
        yield running


@pytest.fixture(scope="module")
async def world(
    upgraded_node: RunningNode, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """Teams with running models, all made by the version before."""
    old = unpacked(tmp_path_factory.mktemp("old"))
    teams = tmp_path_factory.mktemp("specs") / "teams.yaml"
    teams.write_text(yaml.safe_dump_all(obj for name in TEAMS for obj in team(name)))
    async with Client.connect(upgraded_node.kubeconfig) as client:
        await gateway_kinds.install(client)
        await all_of(client, [STORAGE_CLASS])
        made = World(client, upgraded_node, old, teams)
        await made.by_old("apply", "-f", str(made.platform), "-f", str(teams), "--no-wait")
        yield made


def templates(standing: dict[Key, Object]) -> dict[Key, Any]:
    """What pods are made from, proxies' too: another template is another pod."""
    made = {
        "Deployment": "template",
        "StatefulSet": "template",
        "Job": "template",
        "Gateway": "infrastructure",
    }
    return {key: obj["spec"].get(made[key[0]]) for key, obj in standing.items() if key[0] in made}


def listeners(standing: dict[Key, Object]) -> set[tuple[Key, str]]:
    """Where proxies listen."""
    return {
        (key, json.dumps(listener, sort_keys=True))
        for key, obj in standing.items()
        if key[0] == "Gateway"
        for listener in obj["spec"]["listeners"]
    }


def identities(standing: dict[Key, Object]) -> dict[Key, str]:
    return {key: obj["metadata"]["uid"] for key, obj in standing.items()}


async def test_an_upgrade_and_the_way_back_leave_what_runs_running(
    world: World, tmp_path: Path
) -> None:
    before = await world.standing()
    assert await world.own_roles() == {"manor-system", "manor-front"}
    assert Counter(kind for kind, _, _ in templates(before)) == {
        "Deployment": 4 * len(TEAMS),
        "Job": len(TEAMS),
        "Gateway": 1 + len(TEAMS),
    }

    # As CHANGELOG.md says: the Platform first, then models that are to stay open say so.
    await world.by_new("apply", "-f", str(world.platform), "--no-wait")
    same(before, await world.standing())
    assert await world.closed() == set()
    *opened, silent = TEAMS
    teams = tmp_path / "teams.yaml"
    public = {"access": {"mode": "public"}}
    specs = [obj for name in opened for obj in team(name, **public)] + team(silent)
    teams.write_text(yaml.safe_dump_all(specs))
    await world.by_new("apply", "-f", str(teams), "--no-wait")
    expected = counting(before)
    same(expected, await world.standing())
    assert await world.closed() == {silent}
    assert await world.own_roles() == {"manor-system"}

    await world.by_new("install", "--no-wait")
    operator = await kubeconfig_of(
        world.client, world.node, "manor-system", "manor-operator", tmp_path / "operator"
    )
    with operating(operator, tmp_path / "log"):
        await ready(world.client, *TEAMS)
        same(expected, await world.standing())

    # And back, as docs/operator.md says: the files as they were, by the version that they were
    # written for, which does not know of keys.
    await world.by_new("uninstall", "--yes")
    await world.open_all()
    files = ("-f", str(world.platform), "-f", str(world.teams))
    await world.by_old("apply", *files, "--no-wait")
    back = await world.standing()
    same(before, back)
    assert back.keys() == before.keys()
    assert await world.own_roles() == {"manor-system", "manor-front"}
    assert await world.closed() == set()


def counting(before: dict[Key, Object]) -> dict[Key, Object]:
    """The same with what begins pods anew, once: servers of models have a port for their metrics,
    and stay a moment when they are to end."""
    after = copy.deepcopy(before)
    for (kind, _, _), obj in after.items():
        if kind == "Deployment":
            (server,) = obj["spec"]["template"]["spec"]["containers"]
            server["ports"].append({"name": "metrics", "containerPort": 8082, "protocol": "TCP"})
            server["lifecycle"] = {"preStop": {"sleep": {"seconds": 5}}}
    return after


def same(before: dict[Key, Object], after: dict[Key, Object]) -> None:
    """Nothing is gone or made anew, all that pods and proxies are made from is as it was, and they
    listen where they did."""
    there, now = identities(after), templates(after)
    assert {key: there.get(key) for key in identities(before)} == identities(before)
    assert {key: now[key] for key in templates(before)} == templates(before)
    assert listeners(before) <= listeners(after)


@pytest.mark.parametrize("change", ["image", "uid", "gone"])
def test_what_would_end_a_pod_is_seen(change: str) -> None:
    key = ("Deployment", "team-0", "one")
    meta, template = {"uid": "1"}, {"spec": {"containers": [{"image": "a"}]}}
    before: dict[Key, Object] = {key: {"metadata": meta, "spec": {"template": template}}}
    after = copy.deepcopy(before)
    same(before, after)
    if change == "image":
        after[key]["spec"]["template"]["spec"]["containers"][0]["image"] = "b"
    elif change == "uid":
        after[key]["metadata"]["uid"] = "2"
    else:
        del after[key]
    with pytest.raises(AssertionError):
        same(before, after)
