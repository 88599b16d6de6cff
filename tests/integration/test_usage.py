"""What teams used, kept by a real operator on a real API server: counted once, whoever is stopped,
and told to nobody else."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from manor.api.wellknown import SYSTEM_NAMESPACE, usage_account
from manor.kube import Client, Forbidden, NotFound, Object
from manor.metering import Account, Month
from nodes import run_manor
from operator_process import operating, ready, tenant
from waiting import until

pytestmark = pytest.mark.integration

HOUR = 3600
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def text(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


async def runs(client: Client, name: str, cpu: str, start: int, end: int | None = None) -> None:
    """A pod that a node has run since `start`, and until `end`."""
    container = {
        "name": "main",
        "image": "manor.local/train:1",
        "resources": {"requests": {"cpu": cpu, "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
        "securityContext": RESTRICTED,
    }
    meta = {
        "name": name,
        "namespace": "fox",
        "annotations": {"app.kubernetes.io/created-by": "eve@example.com"},
    }
    spec = {"containers": [container], "terminationGracePeriodSeconds": 0}
    await client.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})
    status: Object = {
        "phase": "Running",
        "conditions": [
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": text(start)}
        ],
    }
    if end:
        state = {"terminated": {"exitCode": 0, "startedAt": text(start), "finishedAt": text(end)}}
        done = {"name": "main", "image": "x", "imageID": "x", "ready": False, "restartCount": 0}
        status |= {"phase": "Succeeded", "containerStatuses": [{**done, "state": state}]}
    body = {"status": status}
    await client.patch("v1", "Pod", name, body, namespace="fox", subresource="status")


async def accounts(client: Client, name: str, start: int) -> list[tuple[Account, str]]:
    """What is kept of a tenant since a moment, with its resource versions."""
    found = []
    for month in {Month.of(start), Month.of(int(time.time()))}:
        place = usage_account(name, month.number), SYSTEM_NAMESPACE
        try:
            live = await client.get("v1", "ConfigMap", *place)
        except NotFound:
            continue
        found.append((Account.read(month, live["data"]), live["metadata"]["resourceVersion"]))
    return found


async def cpu_seconds(client: Client, start: int) -> dict[str, float]:
    """Core seconds of each workload of `fox`."""
    sums: dict[str, float] = {}
    for account, _ in await accounts(client, "fox", start):
        for rows in account.days.values():
            for holder, amounts in rows.items():
                sums[holder.workload] = sums.get(holder.workload, 0) + amounts.cpu / 1000
    return sums


async def test_what_a_team_used_is_counted_once_whoever_is_stopped(
    own: Path, platform_node: Any, client: Client, tmp_path: Path
) -> None:
    log, start = tmp_path / "log", int(time.time()) - 3 * HOUR
    with operating(own, log, "--elect"):
        await client.create(tenant("fox"))
        await client.create(tenant("hen"))
        await ready(client, "fox", "hen")
    await runs(client, "long", "2", start)
    await runs(client, "short", "500m", start, start + HOUR)

    async def is_counted() -> bool:
        return bool(await accounts(client, "fox", start))

    with operating(own, log, "--elect") as second:
        await until("fox has an account", is_counted)
        first = await cpu_seconds(client, start)
        assert first["Pod fox/short"] == HOUR / 2
        assert first["Pod fox/long"] == pytest.approx(2 * (time.time() - start - 90), abs=60)
        second.kill()
    with operating(own, log, "--elect"):
        await client.create(tenant("owl"))
        await ready(client, "owl")  # it leads, and knows all that there is
        assert await cpu_seconds(client, start) == first  # it has just been counted
        await client.delete("v1", "Pod", "long", "fox")
        ended = time.time()
        await client.create(tenant("pig"))
        await ready(client, "pig")
    whole = await cpu_seconds(client, start)
    assert whole["Pod fox/short"] == HOUR / 2
    assert whole["Pod fox/long"] == pytest.approx(2 * (ended - start), abs=10)
    before = await accounts(client, "fox", start)
    assert [account.gaps for account, _ in before if account.gaps]  # one was killed

    with operating(own, log, "--elect"):
        await client.create(tenant("yak"))
        await ready(client, "yak")
    assert await accounts(client, "fox", start) == before
    assert await accounts(client, "hen", start) == []

    _its_people_alone_see_it(platform_node.kubeconfig, tmp_path, whole, start)
    for person in ("fox-owner", "hen-owner"):
        account = usage_account("fox", Month.of(start).number)
        with pytest.raises(Forbidden):
            await client.impersonate(person).patch(
                "v1", "ConfigMap", account, {"data": {}}, namespace=SYSTEM_NAMESPACE
            )


def _its_people_alone_see_it(
    kubeconfig: Path, folder: Path, whole: dict[str, float], start: int
) -> None:
    day = ("--from", text(start)[:10])

    def asks(person: str, *words: str) -> tuple[int, str, str]:
        config = yaml.safe_load(kubeconfig.read_text())
        for user in config["users"] if person else ():
            user["user"]["as"] = person
        file = folder / "person"
        file.write_text(yaml.safe_dump(config))
        done = run_manor("usage", *words, *day, "--kubeconfig", str(file), check=False)
        return done.returncode, done.stdout, done.stderr

    for person in ("", "fox-owner"):
        code, out, _ = asks(person, "--by", "person", "-o", "json")
        assert code == 0
        (line,) = json.loads(out)["items"]
        assert (line["tenant"], line["personAsTold"]) == ("fox", "eve@example.com")
        assert line["cpuHours"] == pytest.approx(sum(whole.values()) / HOUR, abs=0.001)
    code, _, err = asks("hen-owner", "fox")
    assert code == 2
    assert "forbidden" in err.lower()
    assert asks("hen-owner", "-o", "csv")[1].count("\n") == 1
    assert "not watched: fox" in asks("")[1]
    assert "eve@example.com" in asks("", "--by", "person", "-o", "yaml")[1]
    assert asks("", "nobody")[0] == 2
