"""No list over all namespaces is open to a tenant."""

from manor.api.wellknown import RBAC_API
from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import RBAC
from manor.verify.requests import lists

CHECK = Check(
    id="MNR-RBAC-005",
    title="List everyone's objects at once",
    guarantee="No list over all namespaces is open to a tenant.",
    severity=Severity.CRITICAL,
    level=Level.STATIC,
    references=(
        "CIS 5.1.2",
        "CIS 5.1.3",
        "NSA/CISA: Authentication and authorization",
    ),
    attempt=(
        "Lists Secrets, Pods, ConfigMaps, Services, Events, Namespaces, RoleBindings and Tenants "
        "over the "
        "whole cluster."
    ),
    expect="403 from RBAC.",
    remedy="Remove the ClusterRoleBinding that gives the attacker the list.",
    run=refused(
        {
            kind: lists(api_version, kind)
            for api_version, kind in (
                ("v1", "Secret"),
                ("v1", "Pod"),
                ("v1", "ConfigMap"),
                ("v1", "Service"),
                ("v1", "Event"),
                ("v1", "Namespace"),
                ("v1", "PersistentVolumeClaim"),
                ("apps/v1", "Deployment"),
                (RBAC_API, "RoleBinding"),
            )
        },
        by=RBAC,
        control={"list its own Pods": lists("v1", "Pod", "$own")},
    ),
)
