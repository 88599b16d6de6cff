"""A canary gets its share of the requests once it answers; until then the model answers all. It
comes and goes without a lost request. One in the place of another waits so too: what ran before may
have been a shadow, which is to answer nobody.

A gateway answers the share of a Service without endpoints itself (503), so that what a route says
depends on what the cluster shows at that moment. And its proxies hear of their routes and of the
servers behind them one after the other: where both change at once, they may choose a server for a
moment that they do not know yet, or no longer, and answer themselves (500, 503). So a Service comes
into a route, and leaves it, by way of the least share that there is. Here alone; what is rendered
does neither.
"""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial

from manor.api import kinds
from manor.engines import served_version, without_share
from manor.kube import Client, KubeError, Object, Reader
from manor.limits import limits
from manor.objectset.applyset import FIELD_MANAGER
from manor.objectset.kinds import HTTP_ROUTE, kind_of
from manor.objectset.readiness import readiness
from manor.polling import poll_until
from manor.rollout.progress import Progress, ShareWithheld, silent
from manor.rollout.sets import ObjectSet

Shares = dict[str, int]
"""The weight of each Service in a route."""
WHOLE = 1_000_000
"""The greatest weight that the Gateway API has."""
LEAST = 1


async def as_it_answers(part: ObjectSet, reader: Reader, progress: Progress = silent) -> ObjectSet:
    """The set as it is applied now."""
    if part.canary is None:
        return part
    api_version, meta = part.canary["apiVersion"], part.canary["metadata"]
    live = await reader.find(api_version, part.canary["kind"], meta["name"], meta["namespace"])
    if live is not None and readiness(live).ready and _version(live) == _version(part.canary):
        return part
    progress(ShareWithheld(part))
    return replace(part, objects=without_share(part.objects))


def _version(server: Object) -> str:
    """The storage URI that what serves a canary is told."""
    spec = server["spec"]
    pod = (spec.get("template") or {}).get("spec") or spec.get("predictor") or {}
    return served_version(pod) if pod.get("containers") else ""


async def ease_shares(client: Client, part: ObjectSet, reader: Reader) -> None:
    """Give the least share to the Services that come into a model's route, then to those that go,
    and wait each time until its proxies have heard of it. What the server refuses is left for who
    applies the set to tell."""
    if part.ref.kind != kinds.MODEL.kind:
        return
    for route in (obj for obj in part.objects if kind_of(obj) == HTTP_ROUTE):
        with suppress(KubeError):
            await _ease(client, route, part.inventory.marks, reader)


async def _ease(client: Client, route: Object, marks: Mapping[str, str], reader: Reader) -> None:
    api_version, kind, meta = route["apiVersion"], route["kind"], route["metadata"]
    name, namespace = meta["name"], meta["namespace"]
    live = await reader.find(api_version, kind, name, namespace)
    if live is None or not marks.items() <= (live["metadata"].get("labels") or {}).items():
        return
    kept = {key: live["metadata"].get(key) for key in ("labels", "ownerReferences")}
    (rule,), before = route["spec"]["rules"], _backends(live)
    known = {backend["name"]: backend for backend in (*before, *rule["backendRefs"])}
    for shares in steps(_shares(before), _shares(rule["backendRefs"])):
        # In their order, by which a proxy tells them apart.
        given = [{**known[to], "weight": shares[to]} for to in known if to in shares]
        eased = {**route["spec"], "rules": [{**rule, "backendRefs": given}]}
        change = {**route, "metadata": {**meta, **kept}, "spec": eased}
        reader.wrote(await client.apply(change, field_manager=FIELD_MANAGER, force=True))
        bounds, look = limits().rollout, partial(client.get, api_version, kind, name, namespace)
        await poll_until(_taken_up, look, timeout=bounds.routed, interval=bounds.routed_poll)
        await asyncio.sleep(bounds.proxied)


def _taken_up(route: Object) -> bool:
    return readiness(route).ready


def steps(before: Shares, after: Shares) -> list[Shares]:
    """What the Services of a route get meanwhile: what comes the least first, then what goes.
    Nothing where nobody was answered before, or nobody shall be."""
    come = [name for name, weight in after.items() if weight and not before.get(name)]
    go = [name for name, weight in before.items() if weight and not after.get(name)]
    before, after = _whole(before), _whole(after)
    if not before or not after:
        return []
    least_come, least_go = dict.fromkeys(come, LEAST), dict.fromkeys(go, LEAST)
    return [{**before, **least_come}] * bool(come) + [{**after, **least_go}] * bool(go)


def _whole(shares: Shares) -> Shares:
    """The same shares of WHOLE, without those that get nothing."""
    total = sum(shares.values())
    return {name: WHOLE * weight // total or LEAST for name, weight in shares.items() if weight}


def _backends(route: Object) -> list[Object]:
    return [to for rule in route["spec"].get("rules") or () for to in rule.get("backendRefs") or ()]


def _shares(backends: Iterable[Object]) -> Shares:
    return {to["name"]: to.get("weight", 1) for to in backends}
