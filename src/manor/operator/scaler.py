"""Gives Models as many replicas as they are asked for through the gateway, and none where nobody
asks.

It stands in no request's way: what asks a Model without a replica waits in its team's own proxy,
and that proxy's statistics, which no team can write, say so.
"""

import time
from collections.abc import Mapping
from functools import partial

from manor import log
from manor.api import Model, Platform, Tenant
from manor.api.wellknown import WORKLOADS_ACCOUNT, service_account_user
from manor.engines import engine_for
from manor.kube import Client, KubeError, Reader
from manor.kube.http import Pages
from manor.limits import limits
from manor.objectset.references import Ref
from manor.operator.demand import STATISTICS, Asked, Demand, read_asked
from manor.operator.events import Recorder
from manor.operator.known import Known
from manor.operator.proxies import Remembered, each_team, told


class Scaler:
    """Scales while it runs."""

    def __init__(self, client: Client, cache: Reader, known: Known, events: Recorder) -> None:
        self._client = client
        self._cache = cache
        self._known = known
        self._events = events
        self._demands = Remembered[Demand](known)

    async def run(self) -> None:
        """Scale until cancelled."""
        async with Pages.opened() as pages:
            look = partial(self.look, pages)
            bounds = limits().operator
            await each_team(self._known, _scaled, self._demands, look, bounds.asked)

    async def look(
        self, pages: Pages, platform: Platform, tenant: Tenant, models: Mapping[Ref, Model]
    ) -> None:
        """Scale the models of one team by what its proxies tell now."""
        try:
            by_proxy = await told(pages, platform, tenant, STATISTICS, read_asked)
        except (KubeError, ValueError) as error:
            log.debug("requests not known", tenant=tenant.name, cause=error)
            said = f"replicas stay as they are, as the team's proxy tells of no requests: {error}"
            for key in models:
                self._events.tell(key, self._known.uids.get(key, ""), "RequestsUnknown", said)
            return
        now = time.monotonic()
        for key, model in models.items():
            place = key.namespace, key.name
            scaling = model.spec.autoscaling
            demand = self._demands.find(key, scaling) or self._demands.keep(
                key, scaling, Demand(now)
            )
            demand.hear(now, {proxy: of.get(place, Asked()) for proxy, of in by_proxy.items()})
            try:
                await self._scale(platform, key, model, demand, now)
            except KubeError as error:
                log.info("not scaled", object=key, cause=error)

    async def _scale(
        self, platform: Platform, key: Ref, model: Model, demand: Demand, now: float
    ) -> None:
        primary = engine_for(model.kind, platform.spec.engines).primary(model)
        where = primary.api_version, primary.kind, primary.name
        live = await self._cache.find(*where, primary.namespace)
        if live is None or "replicas" not in live["spec"]:
            return
        current = live["spec"]["replicas"]
        wanted = demand.replicas(now, model, current)
        if wanted == current:
            return
        # As the team: nobody gets more by asking for it here than by writing it.
        team = self._client.impersonate(service_account_user(key.namespace, WORKLOADS_ACCOUNT))
        body = {"spec": {"replicas": wanted}}
        self._cache.wrote(await team.patch(*where, body, namespace=key.namespace))
        why = "it is asked" if wanted > current else "it is asked less"
        if not wanted:
            why = f"nobody asked for {model.idle_seconds} s"
        said = f"from {current} to {wanted} replicas: {why}"
        log.info("scaled", object=key, cause=said)
        self._events.tell(key, self._known.uids.get(key, ""), "Scaled", said, "Normal")


def _scaled(model: Model) -> bool:
    return any(field[0] == "autoscaling" for field in model.by_requests)
