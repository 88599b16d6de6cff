"""All of one model: where it answers and to whom, how each version stands, what was asked of it,
what is wrong. Read with the caller's own rights: what they may not see is said.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from manor.api import Model
from manor.api.platform import Engines
from manor.api.wellknown import INSTANCE_LABEL
from manor.apply.concurrency import concurrently
from manor.engines import (
    engine_for,
    metrics_port,
    model_url,
    served_version,
    tenant_of,
    versions,
)
from manor.engines.requestlog import KEEPER
from manor.engines.requestlog.keep import AGAIN
from manor.kube import ApiError, Client, DirectReader, Forbidden, KubeError, Object
from manor.kube.http import get_from_pod
from manor.models.changes import find_model
from manor.objectset.readiness import condition_of, readiness
from manor.render.labels import workload_labels
from manor.rollout import diagnose
from manor.rollout.evidence import last_line
from manor.rollout.explanation import Explanation, explain_workload
from manor.signing import has_ended
from manor.state import State, read_state
from manor.traffic import Traffic, read_traffic


@dataclass
class Served:
    """The pods of one version."""

    name: str
    """The model's, or its canary's."""
    storage_uri: str
    """Empty where the image holds the model."""
    images: set[str] = field(default_factory=set)
    """With their digests, as the nodes name them."""
    replicas: int = 0
    ready: int = 0
    traffic: Traffic | None = None
    """What was asked of it; None where its server does not count, or nobody may ask it."""

    def written(self) -> dict[str, Any]:
        """As a program reads it."""
        told: dict[str, Any] = {
            "name": self.name,
            "storageUri": self.storage_uri,
            "images": sorted(self.images),
            "replicas": self.replicas,
            "ready": self.ready,
        }
        if counted := self.traffic:
            told["requests"] = counted.requests
            told["statuses"] = dict(sorted(counted.statuses.items()))
            told["seconds"] = {"p50": counted.quantile(0.5), "p99": counted.quantile(0.99)}
        return told


@dataclass
class ModelDescription:
    """One model, as it is told."""

    model: Model
    stands: Explanation
    url: str
    conditions: Sequence[Object]
    served: list[Served]
    obstacles: list[str]
    """What is in the canary's way, and why requests are not kept."""
    unseen: list[str]

    @property
    def wrong(self) -> list[str]:
        """What is not as it should be, a line each."""
        found, name = self.stands.diagnosis, self.model.metadata.name
        told = [] if self.stands.runs else [f"{found.reason}: {found.message}; {found.advice}"]
        open_to = self.model.spec.access.keys
        if not self.model.public and all(has_ended(key) for key in open_to):
            told.append(f"nobody may ask it: it has no key; `manor keys create {name}` makes one")
        return [*told, *self.obstacles]

    def written(self) -> dict[str, Any]:
        """As a program reads it."""
        meta, spec = self.model.metadata, self.model.spec
        keys = [
            {
                "name": key.name,
                "expires": key.expires,
                "expired": has_ended(key),
                "requestsPerMinute": self.model.limits.get(key.name),
                "tokensPerMinute": self.model.token_limits.get(key.name),
            }
            for key in spec.access.keys
        ]
        canary = spec.canary.model_dump(mode="json", by_alias=True) if spec.canary else None
        return {
            "name": meta.name,
            "namespace": meta.namespace,
            "phase": self.stands.phase,
            "format": spec.format,
            "url": self.url,
            "access": {"mode": spec.access.mode, "keys": keys},
            "canary": canary,
            "versions": [each.written() for each in self.served],
            "conditions": list(self.conditions),
            "wrong": self.wrong,
            "unseen": self.unseen,
        }


async def describe_model(client: Client, name: str, namespace: str) -> ModelDescription:
    """The model of this name. NoSuchWorkload; NoSuchNamespace."""
    model, known = await find_model(client, name, namespace)
    engines = known.platform.spec.engines if known.platform else Engines()
    stands = await explain_workload(client, model, engines)
    unseen = [stands.diagnosis.unseen] if stands.diagnosis.unseen else []
    status = known.status_of(model)
    conditions = [
        one.model_dump(mode="json", by_alias=True, exclude_none=True)
        for one in (status.conditions if status else ())
    ]
    try:
        url = await _url(client, known, model)
        pods = await client.list("v1", "Pod", namespace, workload_labels(model.kind, name))
        obstacles = [*await _obstacles(client, model, engines), *await _unkept(client, pods)]
    except ApiError as error:
        url, pods, obstacles = "", [], []
        unseen.append(str(error))
    served = await _served(client, model, pods, unseen)
    return ModelDescription(model, stands, url, conditions, served, obstacles, unseen)


async def _url(client: Client, known: State, model: Model) -> str:
    """Where it answers; empty where its tenant is not to be seen."""
    tenants = (await read_state(client, [model.metadata.namespace], workloads=False)).tenants
    try:
        tenant = tenant_of(model, tenants)
    except LookupError:
        return ""
    return model_url(known.platform, tenant, model) if known.platform else ""


async def _obstacles(client: Client, model: Model, engines: Engines) -> list[str]:
    """What is in the canary's way, where it is an object of its own; the model's is told anyway."""
    primary, told = engine_for(model.kind, engines).primary(model), list[str]()
    for version in versions(model)[1:]:
        live = await DirectReader(client).find(
            primary.api_version, primary.kind, version.name, primary.namespace
        )
        if live and not readiness(live).ready:
            found = await diagnose(client, live)
            if found.obstructed:
                told.append(f"{version.name}: {found.reason}: {found.message}; {found.advice}")
    return told


async def _unkept(client: Client, pods: Sequence[Object]) -> list[str]:
    """Why what the pods are asked is not kept, as those say that are to store it."""
    keeping = [
        pod
        for pod in pods
        if any(one["name"] == KEEPER for one in pod["spec"].get("initContainers", ()))
    ]
    told = await concurrently(last_line(client, pod, KEEPER, previous=False) for pod in keeping)
    return [
        f"{pod['metadata']['name']}: {said}"
        for pod, said in zip(keeping, told, strict=True)
        if said not in ("", AGAIN)
    ]


async def _served(
    client: Client, model: Model, pods: Sequence[Object], unseen: list[str]
) -> list[Served]:
    """The versions that have pods, or should: while one takes the place of another, both."""
    found = {
        (each.name, each.storage_uri or ""): Served(each.name, each.storage_uri or "")
        for each in versions(model)
    }
    slots = asyncio.Semaphore(client.concurrency)

    async def count(pod: Object) -> Traffic | None:
        async with slots:
            return await _counted(client, pod, unseen)

    counted = await concurrently(count(pod) for pod in pods)
    for pod, traffic in zip(pods, counted, strict=True):
        key = (pod["metadata"]["labels"][INSTANCE_LABEL], served_version(pod["spec"]))
        version = found.setdefault(key, Served(*key))
        version.replicas += 1
        version.ready += condition_of(pod, "Ready").get("status") == "True"
        version.images.update(_images(pod))
        if traffic is not None:
            version.traffic = version.traffic or Traffic()
            version.traffic.add(traffic)
    return list(found.values())


async def _counted(client: Client, pod: Object, unseen: list[str]) -> Traffic | None:
    """What a pod says that it was asked; None where it runs no server that counts."""
    port, meta, why = metrics_port(pod["spec"]), pod["metadata"], ""
    if port is None:
        why = "requests: servers without a port called metrics (format custom) tell of none"
    elif (pod.get("status") or {}).get("phase") == "Running":
        try:
            answer = await get_from_pod(client, meta["namespace"], meta["name"], port, "/metrics")
            return read_traffic(answer.text)
        except Forbidden:
            why = "requests: you may not open ports of pods (pods/portforward) here"
        except (KubeError, ValueError) as error:
            why = f"requests of pod {meta['name']}: {error}"
    if why and why not in unseen:
        unseen.append(why)
    return None


def _images(pod: Object) -> Iterator[str]:
    """The image of its server, as the node names it."""
    server = pod["spec"]["containers"][0]["name"]
    for status in (pod.get("status") or {}).get("containerStatuses") or ():
        if status["name"] == server and status.get("imageID"):
            yield status["imageID"]
