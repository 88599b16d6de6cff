"""Who may do what: the three tenant roles, and what binds people to them.

Every verb and resource is written out. No tenant role holds `bind`, `escalate`, `impersonate`, a wildcard, or anything
on nodes, quotas, limits or network policies beyond reading them.
"""

from manor.api import Platform, Subject, Tenant, kinds
from manor.api.roles import RoleRule
from manor.api.wellknown import (
    APPLIER,
    FRONT,
    GATEWAY_GROUP,
    GROUP,
    MANAGE,
    OWN,
    RBAC_API,
    RBAC_GROUP,
    SYSTEM_NAMESPACE,
    cluster_role,
    tenant_cluster_role,
)
from manor.render import names
from manor.render.objects import Object, make
from manor.render.quota import is_device_class

READ = ["get", "list", "watch"]
WRITE = ["create", "update", "patch", "delete", "deletecollection"]
ALL = READ + WRITE
CHANGE = ["get", "update", "patch"]

_WORKLOADS: dict[str, list[str]] = {
    "": ["pods", "services", "configmaps", "persistentvolumeclaims", "replicationcontrollers"],
    "apps": ["deployments", "replicasets", "statefulsets", "daemonsets"],
    "batch": ["jobs", "cronjobs"],
    "autoscaling": ["horizontalpodautoscalers"],
    "policy": ["poddisruptionbudgets"],
    "coordination.k8s.io": ["leases"],
    GATEWAY_GROUP: ["httproutes", "grpcroutes"],
    "networking.k8s.io": ["ingresses"],
    GROUP: ["trainingjobs", "models"],
}
_SCALES: dict[str, list[str]] = {
    "": ["replicationcontrollers/scale"],
    "apps": ["deployments/scale", "replicasets/scale", "statefulsets/scale"],
}
_READ_ONLY: dict[str, list[str]] = {
    "": ["pods/log", "pods/status", "events", "resourcequotas", "limitranges", "endpoints", "serviceaccounts"],
    "apps": ["controllerrevisions", "deployments/status", "statefulsets/status"],
    "batch": ["jobs/status"],
    "discovery.k8s.io": ["endpointslices"],
    "events.k8s.io": ["events"],
    "networking.k8s.io": ["networkpolicies"],
    "metrics.k8s.io": ["pods"],
}


def _rule(groups: dict[str, list[str]], verbs: list[str]) -> list[Object]:
    return [{"apiGroups": [group], "resources": resources, "verbs": verbs} for group, resources in groups.items()]


def _viewer(platform: Platform) -> list[Object]:
    return [*_rule(_WORKLOADS, READ), *_rule(_optional(platform), READ), *_rule(_READ_ONLY, READ)]


def _editor(platform: Platform) -> list[Object]:
    return [
        *_rule(_WORKLOADS, ALL),
        *_rule(_optional(platform), ALL),
        *_rule(_SCALES, CHANGE),
        *_rule(_READ_ONLY, READ),
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ALL},
        {"apiGroups": [""], "resources": ["pods/exec", "pods/attach", "pods/portforward"], "verbs": ["get", "create"]},
        {"apiGroups": [""], "resources": ["pods/ephemeralcontainers", "pods/resize"], "verbs": CHANGE},
        {"apiGroups": [""], "resources": ["pods/eviction"], "verbs": ["create"]},
        {"apiGroups": ["", "events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"]},
    ]


def _owner(platform: Platform) -> list[Object]:
    return [
        *_editor(platform),
        {"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": WRITE},
        # What any pod may have by naming the account; the policy manor-credentials bounds audience and time.
        {"apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"]},
        # The API serves no more than get and create of these; charts grant every verb all the same.
        {"apiGroups": [""], "resources": ["pods/exec", "pods/attach", "pods/portforward"], "verbs": ALL},
        {"apiGroups": [RBAC_GROUP], "resources": ["roles", "rolebindings"], "verbs": ALL},
    ]


def _optional(platform: Platform) -> dict[str, list[str]]:
    """Kinds that teams work with where the Platform says so."""
    kinds: dict[str, list[str]] = {}
    if any(is_device_class(name) for name in (*platform.spec.gpu.resource_names, *platform.spec.resources)):
        kinds["resource.k8s.io"] = ["resourceclaims", "resourceclaimtemplates"]
    if platform.spec.network.tenant_policies:
        kinds["networking.k8s.io"] = ["networkpolicies"]
    return kinds


def _extra(rules: list[RoleRule]) -> list[Object]:
    return [rule.model_dump(mode="json", by_alias=True) for rule in rules]


def cluster_roles(platform: Platform) -> list[Object]:
    """The tenant roles: viewer reads all but Secrets; editor works; owner also grants roles to members."""
    extra = platform.spec.roles
    viewer, editor, owner = _extra(extra.viewer), _extra(extra.editor), _extra(extra.owner)
    rules = {
        "owner": [*_owner(platform), *viewer, *editor, *owner],
        "editor": [*_editor(platform), *viewer, *editor],
        "viewer": [*_viewer(platform), *viewer],
    }
    return [make(RBAC_API, "ClusterRole", cluster_role(role), rules=rules[role]) for role in names.ROLES]


_APPLIED: dict[str, list[str]] = {
    "": ["namespaces", "resourcequotas", "limitranges", "configmaps", "serviceaccounts", "persistentvolumeclaims"],
    RBAC_GROUP: ["clusterroles", "clusterrolebindings", "roles", "rolebindings"],
    "networking.k8s.io": ["networkpolicies"],
    GATEWAY_GROUP: ["gateways", "listenersets", "referencegrants"],
    "flowcontrol.apiserver.k8s.io": ["flowschemas", "prioritylevelconfigurations"],
    GROUP: [info.plural for info in (kinds.TENANT, *kinds.WORKLOADS)],
}
_MADE_BY_ENGINES: dict[str, list[str]] = {
    "": ["services"],
    "apps": ["deployments"],
    "batch": ["jobs"],
    "autoscaling": ["horizontalpodautoscalers"],
    "policy": ["poddisruptionbudgets"],
    GATEWAY_GROUP: ["httproutes"],
}
_LOOKED_AT: dict[str, list[str]] = {
    "": ["pods", "events"],
    "apiextensions.k8s.io": ["customresourcedefinitions"],
    "storage.k8s.io": ["storageclasses"],
    GROUP: [kinds.PLATFORM.plural],
}


def applier_role() -> Object:
    """What it takes to apply tenants and workloads, and no more: no Secret, no exec, no guardrail, no wildcard.

    `bind` names the three tenant roles alone; every other role that it writes grants only what it holds itself. The
    Platform, its roles and its guardrails are a cluster administrator's to apply. `manage` makes the guardrails take
    its holder for the platform.
    """
    roles = {"apiGroups": [RBAC_GROUP], "resources": ["clusterroles"]}
    rules = [
        *_rule(_APPLIED, ALL),
        *_rule(_MADE_BY_ENGINES, ALL),
        *_rule(_LOOKED_AT, READ),
        {**roles, "resourceNames": [cluster_role(role) for role in names.ROLES], "verbs": ["bind"]},
        {"apiGroups": [GROUP], "resources": [kinds.TENANT.plural], "verbs": [OWN, MANAGE]},
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": [OWN]},
    ]
    return make(RBAC_API, "ClusterRole", APPLIER, rules=rules)


def _subjects(platform: Platform, subjects: list[Subject]) -> list[Object]:
    rbac: list[Object] = []
    for subject in subjects:
        if subject.kind == "ServiceAccount":
            rbac.append({"kind": "ServiceAccount", "name": subject.name, "namespace": subject.namespace})
        else:
            prefix = platform.spec.identity.group_prefix if subject.kind == "Group" else ""
            rbac.append({"apiGroup": RBAC_GROUP, "kind": subject.kind, "name": prefix + subject.name})
    return rbac


def _role_ref(name: str) -> Object:
    return {"apiGroup": RBAC_GROUP, "kind": "ClusterRole", "name": name}


def role_bindings(platform: Platform, tenant: Tenant, namespace: str) -> list[Object]:
    """The RoleBindings of a namespace: one for each role that somebody has."""
    return [
        make(
            RBAC_API,
            "RoleBinding",
            names.role_binding(role),
            namespace,
            roleRef=_role_ref(cluster_role(role)),
            subjects=_subjects(platform, subjects),
        )
        for role in names.ROLES
        if (subjects := tenant.subjects(role))
    ]


def tenant_role(platform: Platform, tenant: Tenant) -> list[Object]:
    """What people of a tenant may do outside its namespaces: see their Tenant and Gateway; owners create namespaces.

    The verb `own` does nothing by itself: the namespace guardrail asks the authorizer for it, of the Tenant and of the
    namespace's name; the list of names bounds their number.
    """
    name = tenant_cluster_role(tenant.name)
    tenants = {"apiGroups": [GROUP], "resources": [kinds.TENANT.plural], "resourceNames": [tenant.name]}
    spaces = {"apiGroups": [""], "resources": ["namespaces"], "resourceNames": [n.name for n in tenant.namespaces]}
    platforms = {"apiGroups": [GROUP], "resources": [kinds.PLATFORM.plural], "resourceNames": [platform.metadata.name]}
    gateways = {"apiGroups": [GATEWAY_GROUP], "resources": ["gateways"]}
    seeing: list[Object] = [{**named, "verbs": ["get"]} for named in (platforms, tenants, spaces)]
    owning: list[Object] = [
        {**tenants, "verbs": [OWN]},
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["create"]},
    ]
    if slots := tenant.namespace_slots:  # an empty list of names would mean every name
        owning.append(
            {"apiGroups": [""], "resources": ["namespaces"], "resourceNames": slots, "verbs": [OWN, "delete"]}
        )
    everyone = [subject for role in names.ROLES for subject in tenant.subjects(role)]
    bound = _subjects(platform, everyone)
    made: list[Object] = []
    for suffix, rules, subjects in (
        ("", seeing, bound),
        (":owner", owning, _subjects(platform, tenant.subjects("owner"))),
    ):
        made.append(make(RBAC_API, "ClusterRole", name + suffix, rules=rules))
        ref = _role_ref(name + suffix)
        made.append(make(RBAC_API, "ClusterRoleBinding", name + suffix, roleRef=ref, subjects=subjects))
    seen = {SYSTEM_NAMESPACE: names.gateway(tenant)}
    if platform.spec.gateway.isolation == "tenant":
        seen[platform.spec.gateway.front.namespace] = FRONT
    for space, gateway in seen.items():
        rule = {**gateways, "resourceNames": [gateway], "verbs": ["get"]}
        made.append(make(RBAC_API, "Role", name, space, rules=[rule]))
        ref = {**_role_ref(name), "kind": "Role"}
        made.append(make(RBAC_API, "RoleBinding", name, space, roleRef=ref, subjects=bound))
    return made
