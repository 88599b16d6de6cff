"""Pods select the tenant's own pools alone."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import policy
from manor.verify.objects import pod
from manor.verify.requests import create

TERM = {
    "matchExpressions": [{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}]
}

CHECK = Check(
    id="MNR-POD-024",
    title="Select control-plane or others' nodes",
    guarantee="Pods select the tenant's own pools alone.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=(
        "Kubernetes: Multi-tenancy, node isolation",
        "rancher: node isolation",
    ),
    attempt="Creates Pods with node selectors and affinities for nodes that are not of its pools.",
    expect="Refused by the policy manor-pods.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {
            "a node selector": create(
                pod(nodeSelector={"node-role.kubernetes.io/control-plane": ""})
            ),
            "a host name": create(pod(nodeSelector={"kubernetes.io/hostname": "any-node"})),
            "a required affinity": create(
                pod(
                    affinity={
                        "nodeAffinity": {
                            "requiredDuringSchedulingIgnoredDuringExecution": {
                                "nodeSelectorTerms": [TERM]
                            }
                        }
                    }
                )
            ),
            "a preferred affinity": create(
                pod(
                    affinity={
                        "nodeAffinity": {
                            "preferredDuringSchedulingIgnoredDuringExecution": [
                                {"weight": 1, "preference": TERM}
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
