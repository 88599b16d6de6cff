"""Pods that KubeRay's real operator makes count for who asked for the TrainingJob, by the rights
that Manor's operator has; nobody else makes one."""

import os
import subprocess
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from accounts import kubeconfig_of
from manor.api import API_VERSION
from manor.api.wellknown import SYSTEM_NAMESPACE, usage_account
from manor.kube import ApiError, Client, NotFound, Object
from manor.local.tool_images import ENVIRONMENT_VARIABLE
from manor.metering import Account, Holder, Month
from nodes import run_manor
from operator_process import PLATFORM, is_stored, operating, ready, tenant
from waiting import until

PROGRAM = Path(os.environ.get(ENVIRONMENT_VARIABLE, "")).expanduser() / "kuberay"
pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        not PROGRAM.is_file(), reason=f"${ENVIRONMENT_VARIABLE} has no program kuberay"
    ),
]
WHO_AND_WHAT = ("CustomResourceDefinition", "Namespace", "ServiceAccount")
RIGHTS = ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
HOUR = 3600


@pytest.fixture
async def ray(own: Path, platform_node: Any, client: Client, tmp_path: Path) -> AsyncIterator[Path]:
    """KubeRay's operator at work, on a Platform whose TrainingJobs run by it; the kubeconfig of
    Manor's."""
    where = ("--kubeconfig", str(platform_node.kubeconfig))
    rendered = run_manor("tools", "install", "kuberay", "--render", *where).stdout
    for obj in yaml.safe_load_all(rendered):
        if obj["kind"] in (*WHO_AND_WHAT, *RIGHTS):
            await client.apply(obj, field_manager="test", force=True)
    platform = yaml.safe_load(PLATFORM.read_text())
    platform["spec"] |= {"tools": ["kuberay"], "engines": {"trainingJob": "ray"}}
    file = tmp_path / "platform.yaml"
    file.write_text(yaml.safe_dump(platform))
    run_manor("apply", "-f", str(file), "--no-wait", *where)
    account = ("kuberay-system", "kuberay-operator", tmp_path / "kuberay")
    config = await kubeconfig_of(client, platform_node, *account)
    words = [
        "-kubeconfig",
        str(config),
        "-enable-leader-election=false",
        "-metrics-addr=127.0.0.1:0",
    ]
    words += ["-health-probe-bind-address=127.0.0.1:0"]
    environment = {**os.environ, "ENABLE_WEBHOOKS": "false"}
    with (tmp_path / "kuberay.log").open("wb") as log:
        process = subprocess.Popen([PROGRAM, *words], stdout=log, stderr=log, env=environment)
    yield own
    process.terminate()
    process.wait(30)


async def heads(client: Client) -> list[Object]:
    return await client.list("v1", "Pod", "fox", labels={"ray.io/node-type": "head"})


async def test_pods_of_kuberay_count_for_who_asked(
    ray: Path, client: Client, tmp_path: Path
) -> None:
    owner, start = client.impersonate("fox-owner"), int(time.time()) - HOUR
    resources = {"cpu": "1", "memory": "2Gi"}
    job = {"command": ["true"], "image": "manor.local/ray:1", "resources": resources}
    meta = {"name": "train", "namespace": "fox"}
    wanted = {"apiVersion": API_VERSION, "kind": "TrainingJob", "metadata": meta, "spec": job}
    with operating(ray, tmp_path / "log", "--elect"):
        await client.create(tenant("fox"))
        await ready(client, "fox")
        await until("quotas count it", partial(is_stored, owner, wanted))

        async def is_made() -> bool:
            return bool(await heads(client))

        await until("KubeRay made the head", is_made, 120)
        (head,) = await heads(client)
        await _forge(owner, head)
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(start))
        scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": moment}
        status = {"status": {"phase": "Running", "conditions": [scheduled]}}
        name = head["metadata"]["name"]
        await client.patch("v1", "Pod", name, status, namespace="fox", subresource="status")
        await client.delete(API_VERSION, "TrainingJob", "train", "fox")
        await client.delete("v1", "Pod", name, "fox")
        await until("it is gone", partial(_is_gone, client, name), 60)
    account = usage_account("fox", Month.of(start).number), SYSTEM_NAMESPACE
    kept = Account.read(Month.of(start), (await client.get("v1", "ConfigMap", *account))["data"])
    holders = {holder for rows in kept.days.values() for holder in rows}
    assert holders == {Holder("fox-owner", "TrainingJob fox/train", vouched=True)}


async def _is_gone(client: Client, name: str) -> bool:
    try:
        await client.get("v1", "Pod", name, "fox")
    except NotFound:
        return True
    return False


async def _forge(owner: Client, head: Object) -> None:
    """KubeRay would keep another pod that bears its labels and refers to its cluster."""
    (reference,) = head["metadata"]["ownerReferences"]
    assert reference["kind"] == "RayCluster"
    meta = {"name": "more", "namespace": "fox", "labels": head["metadata"]["labels"]}
    meta |= {"ownerReferences": [reference]}
    spec = {"containers": [{"name": "main", "image": "manor.local/ray:1"}]}
    with pytest.raises(ApiError, match="manor-parts"):
        await owner.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})
