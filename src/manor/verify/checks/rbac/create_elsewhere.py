"""Only its members write into a tenant's namespace."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import RBAC
from manor.verify.objects import NAME, config_map, make, pod, service
from manor.verify.requests import create, create_sub, delete, delete_all, patch

EVICTION = {
    "apiVersion": "policy/v1",
    "kind": "Eviction",
    "metadata": {"name": NAME, "namespace": "$other"},
}

CHECK = Check(
    id="MNR-RBAC-003",
    title="Create, change or delete objects of another tenant",
    guarantee="Only its members write into a tenant's namespace.",
    severity=Severity.CRITICAL,
    level=Level.DRY_RUN,
    references=(
        "CIS 5.1.4",
        "NSA/CISA: Authentication and authorization",
        "MTB-PL1-CC-TI-2: Block access to other tenant resources",
    ),
    attempt=(
        "Creates a Pod and a Deployment, patches, deletes and sweeps away Pods, Services and "
        "ConfigMaps in "
        "another tenant's namespace."
    ),
    expect="403 from RBAC.",
    remedy="Remove the binding that lets the attacker write there.",
    run=refused(
        {
            "create a Pod": create(pod(namespace="$other")),
            "create a Service": create(service("$other")),
            "create a ConfigMap": create(config_map("$other")),
            "create a Secret": create(make("v1", "Secret", "$other")),
            "patch a ConfigMap": patch(
                "v1", "ConfigMap", "kube-root-ca.crt", {"data": {"ca.crt": "mine"}}, "$other"
            ),
            "delete a ServiceAccount": delete("v1", "ServiceAccount", "default", "$other"),
            "delete every Pod": delete_all("v1", "Pod", "$other"),
            "delete every Secret": delete_all("v1", "Secret", "$other"),
            "evict a Pod": create_sub("v1", "Pod", NAME, "eviction", EVICTION, "$other"),
        },
        by=RBAC,
        control={"create a Pod at home": create(pod())},
    ),
)
