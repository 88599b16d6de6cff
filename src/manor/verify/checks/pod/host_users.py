"""A pod runs as users and groups of its own tenant, or in a user namespace of its own."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import policy
from manor.verify.objects import container, pod
from manor.verify.requests import create

SAFE = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}

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
    run=refused(
        {
            "another user": create(pod(hostUsers=True, security={"runAsUser": 65532})),
            "another group": create(pod(hostUsers=True, security={"fsGroup": 65532})),
            "another user, in a container": create(
                pod(container(securityContext={**SAFE, "runAsUser": 65532}), hostUsers=True)
            ),
            "groups of the image": create(
                pod(hostUsers=True, security={"supplementalGroupsPolicy": "Merge"})
            ),
        },
        by=policy("pod-fields"),
        control=create(pod(hostUsers=True)),
    ),
)
