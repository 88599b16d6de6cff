"""The pod is the last word: the guardrails hold whoever creates it, controllers included."""

import asyncio

from manor.verify.attacks import try_allowed, try_refused
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.mechanisms import POD_SECURITY, any_of, policy
from manor.verify.objects import container, pod
from manor.verify.requests import create
from manor.verify.team import account

CONTROLLERS = (
    "replicaset-controller",
    "job-controller",
    "statefulset-controller",
    "daemon-set-controller",
)
BY = any_of(policy("images"), policy("pods"), POD_SECURITY)
ATTACKS = {
    "a foreign image": create(pod(container("evil.example/image:1"))),
    "a node name": create(pod(nodeName="any-node")),
    "a hostPath": create(pod(volumes=[{"name": "host", "hostPath": {"path": "/"}}])),
}


async def _attack(context: AttackContext) -> list[Attempt]:
    tries = []
    for controller in CONTROLLERS:
        actor = account("kube-system", controller)
        tries.append(try_allowed(context, actor, f"a plain Pod by the {controller}", create(pod())))
        tries += [
            try_refused(context, actor, title, request, BY) for title, request in ATTACKS.items()
        ]
    return await asyncio.gather(*tries)


CHECK = Check(
    id="MNR-POD-039",
    title="Have a controller create a bad Pod",
    guarantee=(
        "The pod is the last word: the guardrails hold whoever creates it, controllers included."
    ),
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=(
        "CVE-2022-47633 (class)",
        "Kubernetes: Validating admission policy",
    ),
    attempt=(
        "As Kubernetes' own ReplicaSet, Job and StatefulSet controllers, creates Pods with a "
        "foreign image, a "
        "node name, a hostPath in the tenant's namespace."
    ),
    expect=(
        "Refused by the policies manor-images and manor-pods and by Pod Security, as for the "
        "tenant itself."
    ),
    remedy="Bind the policy again (`manor apply`).",
    run=_attack,
    attended=True,
)
