"""Checks of the Tools that are turned on: each guardrail's fixtures, sent to the live cluster as a
tenant's user, or as the Tool's controller where it makes such objects at a tenant's word."""

from collections.abc import Iterable, Mapping
from typing import Any

from manor.api.tool import Guardrail, RawObject, Tool
from manor.tools.guardrails import maker, policy_name
from manor.tools.objects import filled
from manor.verify.attacks import refused
from manor.verify.attempt import Asked, Attempt
from manor.verify.check import Attack, Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import TENANTS
from manor.verify.mechanisms import QUOTA, WEBHOOK, AnyOf, Policy
from manor.verify.requests import create
from manor.verify.team import account

PREFIX = "MNR-TOOLS-"
AFTER = AnyOf((QUOTA, WEBHOOK))
"""What is asked after the policies: a webhook of the system's own may want what a fixture names to
be there."""
WORDS = {"tenant": "$tenant", "namespace": "$own", "domain": "$domain"}
"""What a fixture's words are called here."""


def tool_checks(tools: Iterable[Tool]) -> list[Check]:
    """A check for each guardrail of the Tools."""
    return [_check(tool, guardrail) for tool in tools for guardrail in tool.spec.guardrails]


def _check(tool: Tool, guardrail: Guardrail) -> Check:
    policy = policy_name(tool, guardrail)
    return Check(
        id=f"{PREFIX}{tool.name}-{guardrail.name}".upper(),
        title=f"Write what {tool.name} must not be asked ({guardrail.name})",
        guarantee="; ".join(rule.message for rule in guardrail.rules),
        severity=Severity(guardrail.severity),
        level=Level.DRY_RUN,
        references=tuple(guardrail.references) or (f"Tool {tool.name} {tool.spec.version}",),
        attempt=(
            f"Creates each object that the guardrail lists under `refuses`: "
            f"{', '.join(guardrail.kinds)}."
        ),
        expect=f"Refused by the policy {policy}.",
        remedy="Bind the policy again (`manor apply` of the Platform).",
        requires=(TENANTS,),
        run=_attack(tool, guardrail, policy),
        attended=maker(tool, guardrail) is not None,
    )


def _attack(tool: Tool, guardrail: Guardrail, policy: str) -> Attack:
    queued = {kind.kind for kind in tool.spec.kinds if kind.queued}

    async def run(context: AttackContext) -> list[Attempt]:
        if tool not in context.tools.tools:
            raise Asked(f"{context.attacker.name} does not use the Tool {tool.name}, by its Tenant")

        def request(raw: RawObject) -> Any:
            return create(
                _queued(filled(raw, WORDS), context.queued if raw["kind"] in queued else {}), "$own"
            )

        controller = maker(tool, guardrail)
        attack = refused(
            {f"refuses[{at}]": request(raw) for at, raw in enumerate(guardrail.refuses)},
            by=Policy(policy),
            control={f"admits[{at}]": request(raw) for at, raw in enumerate(guardrail.admits)},
            after=AFTER,
            actor=account(controller.namespace, controller.name) if controller else None,
        )
        return await attack(context)

    return run


def _queued(obj: dict[str, Any], metadata: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """The object as it waits in its tenant's queue, where there are queues and it names none."""
    labels = {**metadata.get("labels", {}), **obj["metadata"].get("labels", {})}
    return {**obj, "metadata": {**obj["metadata"], **({"labels": labels} if labels else {})}}
