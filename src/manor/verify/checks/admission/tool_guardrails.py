"""What a Tool's guardrails must refuse is refused by them; its own examples are the attacks."""

from manor.api.tool import Guardrail, RawObject, Tool
from manor.tools.guardrails import policy_name
from manor.tools.objects import filled
from manor.verify.attacks import try_allowed, try_refused
from manor.verify.attempt import Asked, Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import MANOR, TENANTS, TOOLS
from manor.verify.mechanisms import Policy
from manor.verify.requests import Request, create


async def _attack(context: AttackContext) -> list[Attempt]:
    guarded = [(tool, guardrail) for tool in context.tools.tools for guardrail in tool.spec.guardrails]
    if not guarded:
        raise Asked("no Tool that the team uses has guardrails")
    return [attempt for tool, guardrail in guarded for attempt in await _try(context, tool, guardrail)]


async def _try(context: AttackContext, tool: Tool, guardrail: Guardrail) -> list[Attempt]:
    actor, policy = context.attacker.actor, Policy(policy_name(tool, guardrail))
    controls = [
        await try_allowed(context, actor, f"{tool.name}: {guardrail.name}, admits[{at}]", _sent(context, raw))
        for at, raw in enumerate(guardrail.admits)
    ]
    attacks = [
        await try_refused(context, actor, f"{tool.name}: {guardrail.name}, refuses[{at}]", _sent(context, raw), policy)
        for at, raw in enumerate(guardrail.refuses)
    ]
    return [*controls, *attacks]


def _sent(context: AttackContext, raw: RawObject) -> Request:
    domain = context.platform.spec.domain
    words = {"tenant": context.attacker.name, "namespace": context.attacker.namespace, "domain": domain}
    obj = filled(raw, words)
    labels = {**obj["metadata"].get("labels", {}), **context.queued.get("labels", {})}
    return create({**obj, "metadata": {**obj["metadata"], "labels": labels}}, context.attacker.namespace)


CHECK = Check(
    id="MNR-ADMISSION-016",
    title="Make what a Tool's guardrails refuse",
    guarantee="What the guardrails of an ML system must refuse is refused by them, on the cluster as it is.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=(
        "CVE-2023-48022",
        "Kubernetes: ValidatingAdmissionPolicy",
    ),
    attempt="Creates every object that a guardrail of the team's Tools has under `refuses`, and under `admits`.",
    expect="Each of the former is refused by the guardrail's own policy; each of the latter is admitted.",
    remedy="Bind the policy again (`manor apply`), and install the version of the system that the Tool is written for.",
    run=_attack,
    requires=(MANOR, TENANTS, TOOLS),
)
