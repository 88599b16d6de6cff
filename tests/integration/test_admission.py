"""What the policies do together: to odd image references, to large objects, to Kubernetes' own
controllers."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from guarded_cluster import PLATFORM, TENANTS, guarded
from manor.api import Tenant
from manor.kube import ApiError, Client, Invalid, NotFound
from manor.render import guardrails
from policy_cases import Case, cases
from waiting import until

pytestmark = pytest.mark.integration

Object = dict[str, Any]


def case(name: str) -> Case:
    return next(c for verdict in ("admit", "refuse") for c in cases(verdict) if c.id == name)


IN_FORCE = (
    "images-refuse-other-registry",
    "metadata-refuse-finalizer",
    "pods-refuse-nodename",
    "reserved-refuse-quota",
)


@pytest_asyncio.fixture(scope="module")
async def cluster(gateway_api_node: Any) -> AsyncIterator[Client]:
    """An API server with the guardrails in force; the client is cluster-admin."""
    async with guarded(gateway_api_node.kubeconfig, *map(case, IN_FORCE)) as client:
        yield client


# --- image references, against a reading of them in Python
# -------------------------------------------------------

ALLOWED = (
    "registry.example.com/ml",
    "manor.local",
    "localhost:5000",
    "docker.io/pytorch",
    "docker.io/library/python",
)
LABEL = r"[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?"
HOST = rf"(?:{LABEL}(?:\.{LABEL})*|\[[0-9a-fA-F:]+\])"
PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
REFERENCE = re.compile(
    rf"(?:{HOST}(?::\d+)?/)?{PART}(?:/{PART})*(?::\w[\w.-]{{0,127}})?"
    r"(?:@[a-zA-Z][a-zA-Z0-9]*(?:[-_+.][a-zA-Z][a-zA-Z0-9]*)*:[0-9a-fA-F]{32,})?",
    re.ASCII,
)

HOSTS = (
    " registry.example.com/ REGISTRY.example.com/ registry.example.com:443/ manor.local/ "
    "manor.local./ localhost/"
    " localhost:5000/ docker.io/ index.docker.io/ Library/ library/ [::1]:5000/ // "
    "registry.example.com@"
    " https://manor.local/ manor.local.evil.com/ xmanor.local/"
)
PATHS = (
    " ml/train ml mlx/train ML/train ml/../x ml//x python pytorch/pytorch library/python train "
    "manor.local/x a_b/c__d"
    " a___b .ml/x ml/ ml\t/train m\u0142/train"
)
hosts = st.sampled_from(re.split(" ", HOSTS))
paths = st.sampled_from(re.split(" ", PATHS))
tags = st.sampled_from(
    [
        "",
        ":1",
        ":latest",
        ":1.0_x-y",
        ":",
        ":-x",
        ":a/b",
        "@sha256:" + "0" * 64,
        "@sha256:0",
        ":1@x",
    ]
)
references = st.builds("{}{}{}".format, hosts, paths, tags).filter(bool)


def is_allowed(reference: str) -> bool:
    """As the container runtime reads a reference: host, path and tag; Docker Hub where there is no
    host."""
    if not REFERENCE.fullmatch(reference):
        return False
    name = reference.partition("@")[0]
    head, slash, tail = name.rpartition("/")
    name = head + slash + tail.partition(":")[0]
    first, slash, rest = name.partition("/")
    is_host = slash and (
        "." in first or ":" in first or first == "localhost" or first != first.lower()
    )
    host, path = (first.lower(), rest) if is_host else ("docker.io", name)
    if host == "index.docker.io":
        host = "docker.io"
    if host == "docker.io" and "/" not in path:
        path = f"library/{path}"
    full = f"{host}/{path}".split("/")
    return any(full[: len(a.split("/"))] == a.split("/") for a in ALLOWED)


def sample(count: int) -> list[str]:
    found: list[str] = []

    @seed(0)
    @settings(
        max_examples=count,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(references)
    def collect(reference: str) -> None:
        found.append(reference)

    collect()
    return sorted(set(found))


async def test_image_references_are_read_as_a_runtime_reads_them(cluster: Client) -> None:
    pod = case("images-admit-tag").object
    ada = cluster.impersonate("ada")

    async def admitted(image: str) -> bool:
        template = {"metadata": {"labels": {"app": "x"}}, "spec": {**pod["spec"]}}
        template["spec"]["containers"] = [{**pod["spec"]["containers"][0], "image": image}]
        holder = {
            "apiVersion": "v1",
            "kind": "PodTemplate",
            "metadata": pod["metadata"],
            "template": template,
        }
        try:
            await ada.create(holder, dry_run=True)
        except Invalid as error:
            return "manor-images" not in error.message
        return True

    chosen = sample(400)
    verdicts = dict(zip(chosen, await asyncio.gather(*map(admitted, chosen)), strict=True))
    assert verdicts == {image: is_allowed(image) for image in chosen}
    assert len({*verdicts.values()}) == 2


# --- the budget of an expression
# ----------------------------------------------------------------------------------


async def test_largest_reasonable_pod_is_within_the_budget(cluster: Client) -> None:
    """An expression has a budget of work, and one that is spent refuses: a large pod must not spend
    it."""
    pod = case("images-admit-tag").object
    container = pod["spec"]["containers"][0]
    env = [{"name": f"VARIABLE_{n}", "value": "x" * 50} for n in range(100)]
    volumes = [{"name": f"v{n}", "configMap": {"name": "notes"}} for n in range(60)]
    mounts = [{"name": f"v{n}", "mountPath": f"/mnt/{n}"} for n in range(60)]
    containers = [
        {**container, "name": f"c{n}", "env": env, "volumeMounts": mounts} for n in range(40)
    ]
    labels = {f"label-{n}": "value" for n in range(200)}
    large = {
        **pod,
        "metadata": {**pod["metadata"], "labels": labels, "annotations": labels},
        "spec": {**pod["spec"], "containers": containers, "volumes": volumes},
    }
    await cluster.impersonate("ada").create(large, dry_run=True)


async def test_spent_budget_refuses(cluster: Client) -> None:
    """Nine thousand harmless annotations cost more than a policy may spend: refused, and not
    admitted unseen."""
    labels = {f"example.com/{n}": "x" for n in range(9000)}
    notes = {**case("metadata-admit-configmap").object}
    notes["metadata"] = {**notes["metadata"], "annotations": labels}
    with pytest.raises(ApiError, match="manor-metadata"):
        await cluster.impersonate("ada").create(notes, dry_run=True)


# --- Kubernetes' own controllers
# ----------------------------------------------------------------------------------


async def test_controllers_work_in_a_tenants_namespace(cluster: Client) -> None:
    """A Deployment, a Job, a Service and a StatefulSet's claim become what they should; a namespace
    can be deleted."""
    ada = cluster.impersonate("ada")
    made = [
        case(name).object
        for name in ("pods-admit-deployment", "pods-admit-statefulset", "services-admit-clusterip")
    ]
    job = {**case("pods-admit-job").object}
    job["metadata"] = {**job["metadata"], "name": "once"}
    for obj in [*made, job]:
        await ada.create(obj)
    try:
        await until("3 pods", lambda: count(cluster, "v1", "Pod", 3))
        await until(
            "an EndpointSlice", lambda: count(cluster, "discovery.k8s.io/v1", "EndpointSlice", 1)
        )
        # The Job's pod carries a finalizer that only the Job controller may remove.
        await ada.delete("batch/v1", "Job", "once", "team-a", propagation="Foreground")
        await until("2 pods", lambda: count(cluster, "v1", "Pod", 2))
    finally:
        for kind in ("Deployment", "StatefulSet"):
            await ada.delete("apps/v1", kind, "train", "team-a")
        await ada.delete("v1", "Service", "train", "team-a")
    await until("no pods", lambda: count(cluster, "v1", "Pod", 0))


async def count(client: Client, api_version: str, kind: str, wanted: int) -> bool:
    return len(await client.list(api_version, kind, "team-a")) == wanted


async def test_deletecollection_spares_the_platforms_objects(cluster: Client) -> None:
    with pytest.raises(ApiError, match="manor-reserved"):
        await cluster.impersonate("ada").delete_collection(
            "v1", "ConfigMap", "team-a", dry_run=True
        )
    assert await cluster.get("v1", "ConfigMap", "manor-guardrails", "team-a")


async def test_namespace_with_finalizers_inside_can_be_deleted(cluster: Client) -> None:
    """Its ConfigMap goes with it, perhaps first; what is left must still be able to change."""
    ada = cluster.impersonate("ada")
    name = "team-a-2"
    fresh = {
        **case("namespaces-admit-own").object,
        "metadata": {**case("namespaces-admit-own").object["metadata"]},
    }
    fresh["metadata"]["name"] = name
    await ada.create(fresh)
    params = guardrails.params(PLATFORM, tenant_of("team-a"), name)
    await cluster.apply(params, field_manager="tests")
    job = {**case("pods-admit-job").object, "metadata": {"name": "once", "namespace": name}}

    async def created() -> bool:
        try:
            await cluster.create(job)
        except ApiError:  # the ConfigMap or the ServiceAccount is not seen yet
            return False
        return True

    await until("the Job made", created)
    await until("its pod made", lambda: any_pod(cluster, name))
    await ada.delete("v1", "Namespace", name)

    async def gone() -> bool:
        try:
            await cluster.get("v1", "Namespace", name)
        except NotFound:
            return True
        return False

    await until(f"{name} gone", gone, 60)


async def any_pod(client: Client, namespace: str) -> bool:
    return bool(await client.list("v1", "Pod", namespace))


def tenant_of(name: str) -> Tenant:
    return next(tenant for tenant in TENANTS if tenant.name == name)
