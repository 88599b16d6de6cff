"""A container that states nothing gets requests and limits, so that the quota counts it."""

from manor.kube import ApiError
from manor.verify.attacks import try_allowed
from manor.verify.attempt import Attempt, Verdict
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.findings import holds
from manor.verify.mechanisms import LIMITS, QUOTA
from manor.verify.objects import container, pod
from manor.verify.requests import create

PLAIN = create(pod(container(resources={})))


async def _attack(context: AttackContext) -> list[Attempt]:
    actor = context.attacker.asker
    attempts = [await try_allowed(context, actor, "a Pod that states its resources", create(pod()))]
    request = PLAIN.filled(context)
    what = f"a Pod that states none: as {actor}: {await request.describe(context.client)}"
    try:
        made = await request.send(context.act())
    except ApiError as error:
        # Counted and found to be too many, or not to be counted: either way it is not made.
        by = (
            LIMITS.stopped(error)
            or QUOTA.stopped(error)
            or ("quota" if "must specify" in error.message else "")
        )
        return [*attempts, Attempt(what, Verdict.HELD if by else Verdict.ERROR, error.message, by)]
    given = made["spec"]["containers"][0].get("resources", {})
    asked, limits = set(given.get("requests", {})), given.get("limits", {})
    fine = {"cpu", "memory", "ephemeral-storage"} <= asked and "memory" in limits
    return [
        *attempts,
        holds(what, fine, f"the API server made of it: {given}", "limit range and mutation"),
    ]


CHECK = Check(
    id="MNR-QUOTA-011",
    title="State no requests, and be counted for nothing",
    guarantee=(
        "A container that states nothing gets requests and limits, so that the quota counts it."
    ),
    severity=Severity.MEDIUM,
    level=Level.DRY_RUN,
    references=(
        "NSA/CISA: Resource policies",
        "Kubernetes: Limit ranges",
    ),
    attempt=(
        "Creates a Pod whose container states no resources, and looks at what the API server "
        "made of it."
    ),
    expect="Requests of CPU, memory and ephemeral storage are filled in, and a memory limit.",
    remedy="Write the LimitRange and the policy manor-pods-defaults again (`manor apply`).",
    run=_attack,
)
