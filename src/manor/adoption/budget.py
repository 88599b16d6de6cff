"""The limits of ResourceQuotas, as the budget of a Tenant."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from manor.adoption.notes import Matter, Note
from manor.api.platform import Platform
from manor.api.quantity import canonical, is_binary, parse
from manor.api.tenant import Quota, Tenant

Object = dict[str, Any]

FIELDS = {
    "cpu": ("requests.cpu", "cpu"),
    "memory": ("requests.memory", "memory", "limits.memory"),
    "storage": ("requests.storage",),
    "ephemeralStorage": ("requests.ephemeral-storage", "ephemeral-storage"),
    "pods": ("pods",),
}
"""The fields of a Tenant's quota, each with what a ResourceQuota calls the same; the smallest
holds."""
NO_PLATFORM_GPUS = ("nvidia.com/gpu",)


def budget(spec: Object, platform: Platform | None) -> tuple[Object, list[Note]]:
    """The parts `quota` and `gpu` of a Tenant's spec, as far as the spec of a ResourceQuota says
    something of them, and what is lost."""
    hard = {key: str(value) for key, value in (spec.get("hard") or {}).items()}
    notes = list(_scopes(spec))
    quota: Object = {}
    for name, keys in FIELDS.items():
        if stated := {key: hard.pop(key) for key in keys if key in hard}:
            quota[name] = _amount(name, min(stated.values(), key=parse))
            if len({parse(text) for text in stated.values()}) > 1:
                told = ", ".join(f"{key}: {text}" for key, text in stated.items())
                notes.append(Note(Matter.LEFT_OUT, f"quota {told}: the smallest is taken"))
    if lacking := [name for name in FIELDS if name not in quota]:
        usual = Quota().model_dump(by_alias=True)
        told = ", ".join(f"{name}: {usual[name]}" for name in lacking)
        notes.append(
            Note(Matter.LEFT_OUT, f"no limit of what Manor bounds: its own holds ({told})")
        )
    extended = {
        key.removeprefix("requests."): hard.pop(key)
        for key in list(hard)
        if "/" in key
        and not key.startswith(("count/", "limits."))
        and ".storageclass.storage.k8s.io/" not in key
    }
    gpus = {name: extended.pop(name) for name in _gpu_names(platform) if name in extended}
    if others := {name: extended.pop(name) for name in _listed(platform) if name in extended}:
        quota["resources"] = others
    notes += [
        Note(
            Matter.LEFT_OUT,
            f"quota {name}: {text}: the Platform does not list it; name it in its resources, or in "
            f"gpu.resourceNames",
        )
        for name, text in extended.items()
    ]
    notes += [
        Note(Matter.LEFT_OUT, f"quota {key}: {text}: a Tenant bounds it by quota.objects, or not")
        for key, text in sorted(hard.items())
    ]
    parts = {"quota": quota, "gpu": _gpu(gpus, platform)}
    return {name: part for name, part in parts.items() if part}, notes


def _amount(name: str, text: str) -> str | int:
    return int(parse(text)) if name == "pods" else canonical(parse(text), binary=is_binary(text))


def _gpu(gpus: Mapping[str, str], platform: Platform | None) -> Object:
    """All of it is guaranteed: the Profile's limit was the team's whenever it asked."""
    counts = {name: int(parse(text)) for name, text in gpus.items() if parse(text)}
    if not counts:
        return {}
    if platform is None or list(counts) == list(_gpu_names(platform)[:1]):
        return {"guarantee": sum(counts.values())}
    whole = math.ceil(platform.spec.gpu.gpus_in(counts))
    return {"guarantee": whole, "resources": counts}


def _gpu_names(platform: Platform | None) -> tuple[str, ...]:
    return tuple(platform.spec.gpu.resource_names) if platform else NO_PLATFORM_GPUS


def _listed(platform: Platform | None) -> list[str]:
    return list(platform.spec.resources) if platform else []


def _scopes(spec: Object) -> Iterator[Note]:
    for name in ("scopes", "scopeSelector"):
        if spec.get(name):
            text = f"quota {name}: a Tenant's budget is that of all its pods"
            yield Note(Matter.LEFT_OUT, text)


def together(hards: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """What several quotas of one namespace allow: of each resource the smallest."""
    found: dict[str, str] = {}
    for hard in hards:
        for name, text in hard.items():
            if name not in found or parse(str(text)) < parse(found[name]):
                found[name] = str(text)
    return found


def added(hards: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """What the quotas of several namespaces allow over all; nothing of a resource that one of them
    does not bound."""
    first, *others = hards or [{}]
    return {
        name: canonical(
            sum((parse(hard[name]) for hard in others), parse(text)), binary=is_binary(text)
        )
        for name, text in first.items()
        if all(name in hard for hard in others)
    }


def times(hard: Mapping[str, str], count: int) -> dict[str, str]:
    """So many times as much of each resource."""
    return {
        name: canonical(parse(text) * count, binary=is_binary(text)) for name, text in hard.items()
    }


def overdrawn(
    tenant: Tenant, pods: Sequence[Object], claims: Sequence[Object], platform: Platform | None
) -> Iterator[Note]:
    """What is asked for today beyond the Tenant's budget."""
    quota, used = tenant.spec.quota, _used(pods, claims)
    limits = {"cpu": quota.cpu, "memory": quota.memory, "storage": quota.storage}
    limits["pods"] = str(quota.pods)
    for name, limit in limits.items():
        if used[name] > parse(limit):
            asked = canonical(used[name], binary=is_binary(limit))
            text = f"{name}: {asked} in use, and the quota is {limit}: nothing new until it is less"
            yield Note(Matter.BREAKS, text)
    gpus = {name: int(used[name]) for name in _gpu_names(platform) if used[name]}
    asked_gpus = platform.spec.gpu.gpus_in(gpus) if platform else sum(gpus.values())
    if asked_gpus > tenant.spec.gpu.total:
        text = f"{float(asked_gpus):g} GPUs in use, and the budget is {tenant.spec.gpu.total}"
        yield Note(Matter.BREAKS, f"{text}: set gpu.guarantee or gpu.borrow")


def _used(pods: Sequence[Object], claims: Sequence[Object]) -> Mapping[str, Decimal]:
    """The sums of what pods that are not finished, and volume claims, ask for."""
    used: defaultdict[str, Decimal] = defaultdict(Decimal)
    running = [
        pod for pod in pods if pod.get("status", {}).get("phase") not in ("Succeeded", "Failed")
    ]
    for pod in running:
        used["pods"] += 1
        for container in pod["spec"].get("containers", ()):
            resources = container.get("resources") or {}
            for name, text in {
                **(resources.get("limits") or {}),
                **(resources.get("requests") or {}),
            }.items():
                used[name] += parse(str(text))
    for claim in claims:
        asked = claim["spec"].get("resources", {}).get("requests", {}).get("storage", "0")
        used["storage"] += parse(str(asked))
    return used
