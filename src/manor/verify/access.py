"""Questions to the authorizer: may this identity do that, there? (SubjectAccessReview)"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from manor.api.wellknown import tenant_cluster_role
from manor.verify.attempt import Attempt, Verdict
from manor.verify.check import Attack
from manor.verify.context import AttackContext
from manor.verify.rules import Rules, rule_words
from manor.verify.team import Actor


@dataclass(frozen=True)
class Access:
    """Verbs on a resource (`group/resource` or `resource/subresource`); no namespace means the
    whole cluster."""

    verbs: str
    """Verbs, with blanks between."""
    resource: str
    group: str = ""
    namespace: str | None = "$other"
    name: str = ""
    path: str = ""
    """A non-resource URL, in place of a resource."""

    def attributes(self, context: AttackContext) -> Iterable[Mapping[str, Any]]:
        """The review's attributes, one for each verb."""
        resource, _, subresource = self.resource.partition("/")
        for verb in self.verbs.split():
            if self.path:
                yield {"nonResourceAttributes": {"path": self.path, "verb": verb}}
                continue
            attributes = {
                "verb": verb,
                "group": self.group,
                "resource": resource,
                "subresource": subresource,
            }
            place = {
                "namespace": context.fill(self.namespace) if self.namespace else "",
                "name": context.fill(self.name),
            }
            yield {"resourceAttributes": {**attributes, **place}}


def _words(actor: Actor, attributes: Mapping[str, Any]) -> str:
    if path := attributes.get("nonResourceAttributes"):
        return f"may {actor} {path['verb']} {path['path']}"
    a = attributes["resourceAttributes"]
    resource = (
        a["resource"]
        + (f"/{a['subresource']}" if a["subresource"] else "")
        + (f".{a['group']}" if a["group"] else "")
    )
    name = f" {a['name']}" if a["name"] else ""
    return f"may {actor} {a['verb']} {resource}{name} " + (
        f"in {a['namespace']}" if a["namespace"] else "cluster-wide"
    )


async def review(
    context: AttackContext, actor: Actor, attributes: Mapping[str, Any], *, wanted: bool
) -> Attempt:
    """Asks the authorizer, and compares its answer with what is `wanted`."""
    answer = await context.snapshot.access(actor, attributes)
    what = f"SubjectAccessReview: {_words(actor, attributes)}?"
    if answer.get("evaluationError") and not answer["allowed"] and wanted:
        return Attempt(what, Verdict.ERROR, answer["evaluationError"], control=wanted)
    got = "allowed" if answer["allowed"] else "not allowed"
    got += f" ({answer['reason']})" if answer.get("reason") else ""
    if answer["allowed"] == wanted:
        return Attempt(what, Verdict.HELD, got, "" if wanted else "RBAC", control=wanted)
    return Attempt(what, Verdict.ERROR if wanted else Verdict.BROKEN, got, control=wanted)


Actors = Callable[[AttackContext], Sequence[Actor]]
Questions = list[Mapping[str, Any]]

FEW = 8
"""Tenants up to which every question is asked of the authorizer itself."""
NOWHERE = "manor-verify-nowhere"
"""A namespace that does not exist: what holds there holds over the whole cluster."""
READS_OWN = Access("list", "pods", namespace="$own")
"""The control of most checks: every member of a tenant may list its pods."""


def members(context: AttackContext) -> Sequence[Actor]:
    """Someone of each role of the attacking tenant; whom else a binding names is asked for too."""
    return context.attacker.actors


async def bound_elsewhere(context: AttackContext) -> list[Actor]:
    """Other members whom a binding names that their Tenant does not bring: for these, who has the
    same role does not speak."""
    team, bindings = context.attacker, await context.snapshot.bindings()
    role = tenant_cluster_role(team.name)
    brought = {role, f"{role}:owner"}
    return [
        member
        for member in team.members
        if member not in team.actors
        and any(
            binding["metadata"]["name"] not in brought
            and binding["metadata"].get("namespace") not in team.namespaces
            for binding in bindings.of(member)
        )
    ]


async def rules_of(context: AttackContext, actor: Actor, namespace: str) -> Rules:
    """All that an identity of the attacker may do in a namespace: as the server tells it, or worked
    out where it is not asked for."""
    if actor in (*context.attacker.actors, context.attacker.stand_in):
        return await context.snapshot.rules(actor, namespace)
    return (await context.snapshot.bindings()).rules(actor, namespace)


async def askers(context: AttackContext) -> list[Actor]:
    """Whose rules are looked at: someone of each role, or the stand-in of all of them, and who is
    bound elsewhere."""
    team = context.attacker
    return [*([team.stand_in] if team.stand_in else team.actors), *await bound_elsewhere(context)]


async def _by_rules(
    context: AttackContext, actor: Actor, namespace: str, questions: Questions
) -> list[Attempt]:
    """Answers from the identity's rules; of the authorizer itself where they are not complete."""
    rules = await context.snapshot.rules(actor, namespace)
    if not rules.complete:
        return await asyncio.gather(
            *(review(context, actor, question, wanted=False) for question in questions)
        )
    attempts, denied = [], []
    for question in questions:
        words = _words(actor, question)
        if rule := rules.allowing(question):
            attempts.append(
                Attempt(
                    f"SelfSubjectRulesReview: {words}?",
                    Verdict.BROKEN,
                    f"allowed: {rule_words(rule)}",
                )
            )
        else:
            denied.append(words)
    if denied:
        what = f"SelfSubjectRulesReview: {'; '.join(denied)}?"
        attempts.append(
            Attempt(what, Verdict.HELD, f"none of {len(rules.resources)} rules allows it", "RBAC")
        )
    return attempts


def no_access(*cells: Access, control: Access = READS_OWN, actors: Actors = members) -> Attack:
    """None of the actors may do any of it; the attacker's mightiest member may do the control.

    Where tenants are many, some pairs ask the authorizer each question, and the rest read the
    identities' rules.
    """

    async def run(context: AttackContext) -> list[Attempt]:
        teams, place = len(context.tenancy.teams), context.tenancy.place(context.attacker)
        reviews = [
            review(context, context.attacker.actor, a, wanted=True)
            for a in control.attributes(context)
        ]
        read: dict[tuple[Actor, str], Questions] = {}
        others = await bound_elsewhere(context) if actors is members else []
        reviews += [
            review(context, actor, question, wanted=False)
            for actor in others
            for cell in cells
            for question in cell.attributes(context)
        ]
        for actor in actors(context):
            for number, question in enumerate(
                a for cell in cells for a in cell.attributes(context)
            ):
                if teams <= FEW or (number + place) % (teams // 2) == 0:
                    reviews.append(review(context, actor, question, wanted=False))
                else:
                    namespace = question.get("resourceAttributes", {}).get("namespace") or NOWHERE
                    read.setdefault((actor, namespace), []).append(question)
        answered = await asyncio.gather(
            *(_by_rules(context, *key, questions) for key, questions in read.items())
        )
        return [
            *await asyncio.gather(*reviews),
            *(attempt for part in answered for attempt in part),
        ]

    return run
