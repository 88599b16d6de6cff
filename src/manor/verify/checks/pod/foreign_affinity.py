"""Pod affinity sees the tenant's own pods alone, so that it tells nothing of others and blocks
nobody."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import policy
from manor.verify.objects import pod
from manor.verify.requests import create

TERM = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {}}

CHECK = Check(
    id="MNR-POD-033",
    title="Steer by pods of other tenants",
    guarantee=(
        "Pod affinity sees the tenant's own pods alone, so that it tells nothing of others and "
        "blocks nobody."
    ),
    severity=Severity.MEDIUM,
    level=Level.DRY_RUN,
    references=("Kubernetes: Multi-tenancy, scheduling",),
    attempt=(
        "Creates Pods whose affinity and anti-affinity name pods of another tenant and of every "
        "namespace."
    ),
    expect="Refused by the policy manor-pods.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {
            "namespaces": create(
                pod(
                    affinity={
                        "podAntiAffinity": {
                            "requiredDuringSchedulingIgnoredDuringExecution": [
                                {**TERM, "namespaces": ["$other"]}
                            ]
                        }
                    }
                )
            ),
            "every namespace": create(
                pod(
                    affinity={
                        "podAntiAffinity": {
                            "requiredDuringSchedulingIgnoredDuringExecution": [
                                {**TERM, "namespaceSelector": {}}
                            ]
                        }
                    }
                )
            ),
            "preferred": create(
                pod(
                    affinity={
                        "podAffinity": {
                            "preferredDuringSchedulingIgnoredDuringExecution": [
                                {"weight": 1, "podAffinityTerm": {**TERM, "namespaces": ["$other"]}}
                            ]
                        }
                    }
                )
            ),
        },
        by=policy("pods"),
        control=create(pod()),
    ),
)
