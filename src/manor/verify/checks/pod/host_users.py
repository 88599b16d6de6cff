"""A pod runs as users and groups of its own tenant, or in a user namespace of its own."""

from manor.verify.attacks import refused
from manor.verify.attempt import Asked
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.mechanisms import policy
from manor.verify.objects import container, pod
from manor.verify.requests import Request, create

SAFE = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


async def _attacks(context: AttackContext) -> dict[str, Request]:
    tenant = context.attacker.tenant
    if tenant and tenant.spec.sandbox:
        raise Asked(f"pods of {tenant.name} have a kernel of their own (sandbox)")
    other = next(each for each in (65532, 64999) if not tenant or each not in tenant.user_ids)
    return {
        "another user": create(pod(hostUsers=True, security={"runAsUser": other})),
        "another group": create(pod(hostUsers=True, security={"fsGroup": other})),
        "another user, in a container": create(
            pod(container(securityContext={**SAFE, "runAsUser": other}), hostUsers=True)
        ),
        "groups of the image": create(
            pod(hostUsers=True, security={"supplementalGroupsPolicy": "Merge"})
        ),
    }


CHECK = Check(
    id="MNR-POD-031",
    title="Run as a user or group of somebody else on the node",
    guarantee=(
        "A pod runs as users and groups of its own tenant, or in a user namespace of its own."
    ),
    severity=Severity.MEDIUM,
    level=Level.DRY_RUN,
    references=(
        "KEP-127",
        "NSA/CISA: Kubernetes Pod security",
    ),
    attempt="Creates Pods with hostUsers: true as users and groups that are not of its tenant.",
    expect="Refused by the policy manor-pod-fields.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(_attacks, by=policy("pod-fields"), control=create(pod(hostUsers=True))),
)
