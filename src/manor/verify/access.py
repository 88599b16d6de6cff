"""Questions to the authorizer: may this identity do that, there? (SubjectAccessReview)"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from manor.verify.check import Attack
from manor.verify.ground import Ground
from manor.verify.team import Actor
from manor.verify.trial import Trial, Verdict

REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


@dataclass(frozen=True)
class Access:
    """Verbs on a resource (`group/resource` or `resource/subresource`); no namespace means the whole cluster."""

    verbs: str
    """Verbs, with blanks between."""
    resource: str
    group: str = ""
    namespace: str | None = "$other"
    name: str = ""
    path: str = ""
    """A non-resource URL, in place of a resource."""

    def attributes(self, ground: Ground) -> Iterable[Mapping[str, Any]]:
        """The review's attributes, one for each verb."""
        resource, _, subresource = self.resource.partition("/")
        for verb in self.verbs.split():
            if self.path:
                yield {"nonResourceAttributes": {"path": self.path, "verb": verb}}
                continue
            attributes = {"verb": verb, "group": self.group, "resource": resource, "subresource": subresource}
            place = {"namespace": ground.fill(self.namespace) if self.namespace else "", "name": ground.fill(self.name)}
            yield {"resourceAttributes": {**attributes, **place}}


def _words(actor: Actor, attributes: Mapping[str, Any]) -> str:
    if path := attributes.get("nonResourceAttributes"):
        return f"may {actor} {path['verb']} {path['path']}"
    a = attributes["resourceAttributes"]
    resource = (
        a["resource"] + (f"/{a['subresource']}" if a["subresource"] else "") + (f".{a['group']}" if a["group"] else "")
    )
    name = f" {a['name']}" if a["name"] else ""
    return f"may {actor} {a['verb']} {resource}{name} " + (f"in {a['namespace']}" if a["namespace"] else "cluster-wide")


async def review(ground: Ground, actor: Actor, attributes: Mapping[str, Any], *, wanted: bool) -> Trial:
    """Asks the authorizer, and compares its answer with what is `wanted`."""
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": actor.user, "groups": list(actor.all_groups), **attributes},
    }
    answer = (await ground.client.request("POST", REVIEWS, body=body))["status"]
    what = f"SubjectAccessReview: {_words(actor, attributes)}?"
    if answer.get("evaluationError") and not answer["allowed"] and wanted:
        return Trial(what, Verdict.ERROR, answer["evaluationError"], control=wanted)
    got = "allowed" if answer["allowed"] else "not allowed"
    got += f" ({answer['reason']})" if answer.get("reason") else ""
    if answer["allowed"] == wanted:
        return Trial(what, Verdict.HELD, got, "" if wanted else "RBAC", control=wanted)
    return Trial(what, Verdict.ERROR if wanted else Verdict.BROKEN, got, control=wanted)


FEW = 8
"""Tenants up to which every question is asked of the authorizer itself."""
READ = "SelfSubjectRulesReview: "
NOWHERE = "manor-verify-nowhere"
"""A namespace that does not exist: what holds there holds over the whole cluster."""

Actors = Callable[[Ground], Sequence[Actor]]

READS_OWN = Access("list", "pods", namespace="$own")
"""The control of most checks: every member of a tenant may list its pods."""


def members(ground: Ground) -> Sequence[Actor]:
    """Someone of each role of the attacking tenant."""
    return ground.attacker.actors


async def _denied(ground: Ground, actor: Actor, attributes: Mapping[str, Any], number: int) -> Trial:
    """Asks the authorizer; where tenants are many, some pairs ask each question and the rest read the rules."""
    teams = ground.tenancy.teams
    if len(teams) <= FEW or (number + teams.index(ground.attacker)) % (len(teams) // 2) == 0:
        return await review(ground, actor, attributes, wanted=False)
    namespace = attributes.get("resourceAttributes", {}).get("namespace") or NOWHERE
    rules = await ground.snapshot.rules(actor, namespace)
    if not rules.complete:
        return await review(ground, actor, attributes, wanted=False)
    what = f"{READ}{_words(actor, attributes)}?"
    if rule := rules.allowing(attributes):
        return Trial(what, Verdict.BROKEN, f"allowed by {dict(rule)}")
    return Trial(what, Verdict.HELD, f"none of {len(rules.resources)} rules allows it", "RBAC")


def no_access(*cells: Access, control: Access = READS_OWN, actors: Actors = members) -> Attack:
    """None of the actors may do any of it; the attacker's mightiest member may do the control."""

    async def run(ground: Ground) -> list[Trial]:
        asks = [review(ground, ground.attacker.actor, a, wanted=True) for a in control.attributes(ground)]
        asks += [
            _denied(ground, actor, attributes, number)
            for actor in actors(ground)
            for number, attributes in enumerate(a for cell in cells for a in cell.attributes(ground))
        ]
        return _condensed(await asyncio.gather(*asks))

    return run


def _condensed(trials: list[Trial]) -> list[Trial]:
    """The questions that rules answered with no, as one trial: of many tenants they are too many to list."""
    read = [trial for trial in trials if trial.what.startswith(READ) and trial.verdict is Verdict.HELD]
    if len(read) < 2:
        return trials
    whole = READ + "; ".join(trial.what.removeprefix(READ) for trial in read)
    known = set(map(id, read))
    rest = [trial for trial in trials if id(trial) not in known]
    return [*rest, Trial(whole, Verdict.HELD, f"{len(read)} questions, none is allowed by the rules", "RBAC")]
