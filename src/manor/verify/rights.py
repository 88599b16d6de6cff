"""What an account needs to run `manor verify`: reads by kind, impersonation by name, and nothing
besides.

A right to impersonate is the right to be somebody; without names it is that of the mightiest of
all. So the names are those of this cluster's tenants, and the role is made for a cluster as it is,
not shipped with the product.
"""

from manor.api import kinds
from manor.api.wellknown import (
    GATEWAY_GROUP,
    GROUP,
    KUEUE_GROUP,
    MANAGE,
    OWN,
    RBAC_API,
    RBAC_GROUP,
    SERVICE_ACCOUNT_PREFIX,
)
from manor.verify.check import Level
from manor.verify.checks.pod.as_controller import CONTROLLERS
from manor.verify.checks.rbac.anonymous import NOBODY
from manor.verify.checks.rbac.outsider import STRANGER
from manor.verify.objects import Object
from manor.verify.team import Actor, Tenancy, account

NAME = "manor:verifier"
READ = ["get", "list", "watch"]
WRITE = ["create", "delete", "patch"]

READS: dict[str, list[str]] = {
    "": [
        *(
            "limitranges",
            "namespaces",
            "nodes",
            "persistentvolumes",
            "pods",
            "resourcequotas",
            "serviceaccounts",
        ),
        *("configmaps", "events", "persistentvolumeclaims", "services"),
    ],
    "admissionregistration.k8s.io": [
        *("mutatingadmissionpolicies", "mutatingadmissionpolicybindings"),
        *("validatingadmissionpolicies", "validatingadmissionpolicybindings"),
        *("mutatingwebhookconfigurations", "validatingwebhookconfigurations"),
    ],
    "apiextensions.k8s.io": ["customresourcedefinitions"],
    "apps": ["daemonsets", "deployments", "statefulsets"],
    "batch": ["cronjobs", "jobs"],
    "discovery.k8s.io": ["endpointslices"],
    "flowcontrol.apiserver.k8s.io": ["flowschemas", "prioritylevelconfigurations"],
    "gateway.envoyproxy.io": ["envoyproxies", "securitypolicies"],
    GATEWAY_GROUP: ["gateways", "gatewayclasses", "httproutes", "referencegrants"],
    KUEUE_GROUP: ["clusterqueues", "localqueues"],
    "networking.k8s.io": ["ingressclasses", "networkpolicies"],
    RBAC_GROUP: ["clusterroles", "clusterrolebindings", "roles", "rolebindings"],
    "storage.k8s.io": ["storageclasses"],
    GROUP: [info.plural for info in kinds.ALL],
}
"""What static checks look at. No Secret."""
STORED: dict[str, list[str]] = {
    "": ["namespaces", "pods", "services", "persistentvolumeclaims"],
    "discovery.k8s.io": ["endpointslices", "endpointslices/restricted"],
    "gateway.envoyproxy.io": ["securitypolicies"],
    GATEWAY_GROUP: ["httproutes"],
}
"""What live checks make and remove; the server has no narrower right for a name that is not there
yet."""


def role(tenancy: Tenancy, level: Level) -> Object:
    """The ClusterRole for checks up to `level` on the tenants as they are: a new member is not in
    it."""
    rules: list[Object] = [
        {"apiGroups": [group], "resources": resources, "verbs": READ}
        for group, resources in READS.items()
    ]
    rules += [
        {
            "apiGroups": ["authorization.k8s.io"],
            "resources": ["subjectaccessreviews", "selfsubjectaccessreviews"],
            "verbs": ["create"],
        },
        {"nonResourceURLs": ["/debug/api_priority_and_fairness/*", "/metrics"], "verbs": ["get"]},
        *_impersonation(tenancy),
    ]
    if level is Level.LIVE:
        rules += [
            {"apiGroups": [group], "resources": resources, "verbs": WRITE}
            for group, resources in STORED.items()
        ]
        rules += [
            {"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create", "get"]},
            {"apiGroups": [""], "resources": ["events"], "verbs": ["delete"]},
            {"apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"]},
            {"apiGroups": [GROUP], "resources": [kinds.TENANT.plural], "verbs": [MANAGE, OWN]},
            {"apiGroups": [""], "resources": ["namespaces"], "verbs": [OWN]},
        ]
    return {
        "apiVersion": RBAC_API,
        "kind": "ClusterRole",
        "metadata": {"name": NAME},
        "rules": rules,
    }


def _impersonation(tenancy: Tenancy) -> list[Object]:
    actors: list[Actor] = [
        NOBODY,
        STRANGER,
        *(account("kube-system", name) for name in CONTROLLERS),
    ]
    actors += [
        account(each.namespace, each.name)
        for tool in tenancy.tools.tools
        for each in tool.spec.controllers
    ]
    for team in tenancy.teams:
        actors += [*team.actors, *(account(namespace, "default") for namespace in team.namespaces)]
    people = {actor.user for actor in actors if not actor.user.startswith(SERVICE_ACCOUNT_PREFIX)}
    # Checks also come as a team's namesake in another's namespace.
    accounts = {actor.user.rpartition(":")[2] for actor in actors} - people | {
        team.name for team in tenancy.teams
    }
    groups = {group for actor in actors for group in actor.all_groups}
    return [
        {
            "apiGroups": [""],
            "resources": [resource],
            "verbs": ["impersonate"],
            "resourceNames": sorted(names),
        }
        for resource, names in (
            ("users", people),
            ("groups", groups),
            ("serviceaccounts", accounts),
        )
    ]
