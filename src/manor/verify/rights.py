"""What an account needs to run `manor verify`: reads by kind, impersonation by name, and nothing
besides.

A right to impersonate is the right to be somebody; without names it is that of the mightiest of
all. So the names are those of this cluster's tenants, and the role is made for a cluster as it is,
not shipped with the product.
"""

from manor.api import kinds
from manor.api.looked_at import LOOKED_AT
from manor.api.wellknown import (
    ENVOY_GROUP,
    GATEWAY_GROUP,
    GROUP,
    GUARDRAILS,
    MANAGE,
    OWN,
    RBAC_API,
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

MORE: dict[str, list[str]] = {
    "": ["configmaps", "events", "persistentvolumeclaims"],
    "discovery.k8s.io": ["endpointslices"],
    GATEWAY_GROUP: ["referencegrants"],
    "networking.k8s.io": ["ingressclasses"],
}
"""What live checks read besides."""
STORED: dict[str, list[str]] = {
    "": ["namespaces", "pods", "services", "persistentvolumeclaims"],
    "discovery.k8s.io": ["endpointslices", "endpointslices/restricted"],
    ENVOY_GROUP: ["backendtrafficpolicies", "securitypolicies"],
    GATEWAY_GROUP: ["httproutes"],
}
"""What live checks make and remove; the server has no narrower right for a name that is not there
yet."""


def role(tenancy: Tenancy, level: Level) -> Object:
    """The ClusterRole for checks up to `level` on the tenants as they are: a new member is not in
    it."""
    rules: list[Object] = [
        {"apiGroups": [group], "resources": resources, "verbs": READ}
        for group, resources in LOOKED_AT.items()
    ]
    rules += [
        {
            "apiGroups": [""],
            "resources": ["configmaps"],
            "resourceNames": [GUARDRAILS],
            "verbs": ["get"],
        },
        {
            "apiGroups": ["authorization.k8s.io"],
            "resources": ["subjectaccessreviews", "selfsubjectaccessreviews"],
            "verbs": ["create"],
        },
        *_impersonation(tenancy),
    ]
    if level is Level.LIVE:
        rules += [
            {"apiGroups": [group], "resources": resources, "verbs": READ}
            for group, resources in MORE.items()
        ]
        rules += [
            {"apiGroups": [group], "resources": resources, "verbs": WRITE}
            for group, resources in STORED.items()
        ]
        rules += [
            {"nonResourceURLs": ["/debug/api_priority_and_fairness/*"], "verbs": ["get"]},
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
    actors += [account(each.namespace, each.name) for each in tenancy.tools.controllers]
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
