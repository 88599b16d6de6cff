"""Sees canaries through: each share is looked at, and what follows is written into the Model and
told.

It writes what a person would (`manor models promote`), so that the spec says at any time what is
served, and the next operator goes on from it.
"""

import time
from collections.abc import Mapping
from functools import partial
from typing import Literal

from manor import log
from manor.api import API_VERSION, Model, Platform, Tenant, kinds
from manor.api.status import Condition, ConditionType, Reason
from manor.engines import engine_for, versions
from manor.kube import Client, KubeError, Object, Reader
from manor.kube.http import Pages
from manor.limits import limits
from manor.objectset.readiness import readiness
from manor.objectset.references import Ref
from manor.operator.demand import Place
from manor.operator.events import Recorder
from manor.operator.known import Known
from manor.operator.proxies import Remembered, each_team, told
from manor.operator.statuses import Statuses
from manor.operator.trial import ANSWERS, Answers, Trial, Verdict, next_weight, read_answers


class Judge:
    """Judges while it runs."""

    def __init__(
        self, client: Client, cache: Reader, known: Known, events: Recorder, statuses: Statuses
    ) -> None:
        self._client = client
        self._cache = cache
        self._known = known
        self._events = events
        self._statuses = statuses
        self._trials = Remembered[Trial](known)

    async def run(self) -> None:
        """Judge until cancelled."""
        async with Pages.opened() as pages:
            look = partial(self.look, pages)
            bounds = limits().operator
            await each_team(self._known, _judged, self._trials, look, bounds.judged)

    async def look(
        self, pages: Pages, platform: Platform, tenant: Tenant, models: Mapping[Ref, Model]
    ) -> None:
        """Judge the models of one team by what its proxies tell now."""
        try:
            by_proxy = await told(pages, platform, tenant, ANSWERS, read_answers)
        except (KubeError, ValueError) as error:
            log.debug("answers not known", tenant=tenant.name, cause=error)
            for key in models:
                await self._tell(key, Verdict(None, f"the team's proxy tells nothing: {error}"))
            return
        for key, model in models.items():
            try:
                await self._model(platform, key, model, by_proxy)
            except KubeError as error:
                log.info("not judged", object=key, cause=error)

    async def _model(
        self,
        platform: Platform,
        key: Ref,
        model: Model,
        by_proxy: Mapping[str, Mapping[Place, Answers]],
    ) -> None:
        canary, now = model.spec.canary, time.monotonic()
        assert canary and canary.analysis  # noqa: S101, PT018 - it was looked at
        about, silent = (model.spec.storage_uri, canary), Verdict(None, _SILENT)
        answers = await self._answers(platform, model)
        trial, place = self._trials.find(key, about), (key.namespace, key.name)
        if trial is None and not answers:
            await self._tell(key, silent)
            return
        trial = trial or self._trials.keep(key, about, Trial(canary.weight, now))
        trial.hear({proxy: of.get(place, Answers()) for proxy, of in by_proxy.items()})
        verdict = trial.verdict(now, canary.analysis)
        if verdict.passed is not False and not answers:  # what it said before it went
            verdict = silent
        weight = next_weight(canary.weight, canary.analysis)
        if verdict.passed is False:
            change: Object = {"canary": None}
            reason, said = "CanaryFailed", f"{canary.storage_uri} is taken away: {verdict.why}"
        elif verdict.passed and weight:
            change = {"canary": {"weight": weight}}
            reason, said = "CanaryRaised", f"{canary.storage_uri} gets {weight} %: {verdict.why}"
            verdict = Verdict(None, said)
        elif verdict.passed:
            change = {"storageUri": canary.storage_uri, "canary": None}
            reason, said = "CanaryPromoted", f"{canary.storage_uri} is the model: {verdict.why}"
        else:
            await self._tell(key, verdict)
            return
        await self._write(key, change)
        log.info("canary judged", object=key, cause=said)
        kind: Literal["Warning", "Normal"] = "Warning" if verdict.passed is False else "Normal"
        self._events.tell(key, self._known.uids.get(key, ""), reason, said, kind)
        await self._tell(key, verdict)

    async def _answers(self, platform: Platform, model: Model) -> bool:
        """Whether the canary has replicas that answer."""
        primary = engine_for(model.kind, platform.spec.engines).primary(model)
        name = versions(model)[-1].name
        live = await self._cache.find(primary.api_version, primary.kind, name, primary.namespace)
        return live is not None and readiness(live).ready

    async def _write(self, key: Ref, change: Object) -> None:
        """Change the Model as it was judged; Conflict where somebody changed it meanwhile."""
        live = await self._statuses.live(key)
        if live is None:
            return
        body = {
            "metadata": {"resourceVersion": live["metadata"]["resourceVersion"]},
            "spec": change,
        }
        await self._client.patch(
            API_VERSION, kinds.MODEL.kind, key.name, body, namespace=key.namespace
        )

    async def _tell(self, key: Ref, verdict: Verdict) -> None:
        status, reason = _TOLD[verdict.passed]
        kind = ConditionType.CANARY_PASSED
        told = Condition(type=kind, status=status, reason=reason, message=verdict.why)
        await self._statuses.note(key, told)


_SILENT = "the canary has no replica that answers"
_TOLD: dict[bool | None, tuple[Literal["True", "False", "Unknown"], Reason]] = {
    True: ("True", Reason.PROMOTED),
    False: ("False", Reason.ERRORS),
    None: ("Unknown", Reason.PROGRESSING),
}


def _judged(model: Model) -> bool:
    canary = model.spec.canary
    return bool(canary and canary.analysis)
