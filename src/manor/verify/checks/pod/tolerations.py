"""Pods tolerate the taints of the tenant's pools alone."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import policy
from manor.verify.objects import pod
from manor.verify.requests import create

CHECK = Check(
    id="MNR-POD-025",
    title="Tolerate control-plane or every taint",
    guarantee="Pods tolerate the taints of the tenant's pools alone.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=("Kubernetes: Multi-tenancy, node isolation",),
    attempt=(
        "Creates Pods that tolerate everything, the control plane's taint, and a foreign pool's."
    ),
    expect="Refused by the policy manor-pods.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {
            "everything": create(pod(tolerations=[{"operator": "Exists"}])),
            "the control plane": create(
                pod(
                    tolerations=[
                        {
                            "key": "node-role.kubernetes.io/control-plane",
                            "operator": "Exists",
                            "effect": "NoSchedule",
                        }
                    ]
                )
            ),
            "somebody's GPUs": create(
                pod(tolerations=[{"key": "manor-verify/gpu", "operator": "Exists"}])
            ),
        },
        by=policy("pods"),
        control=create(pod()),
    ),
)
