"""Who may do what: the three tenant roles, and what binds people to them.

Every verb and resource is written out. No tenant role holds `bind`, `escalate`, `impersonate`, a wildcard, or anything
on nodes, quotas, limits or network policies beyond reading them.
"""

from manor.api import GROUP, Platform, Subject, Tenant
from manor.api.roles import RoleRule
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
    "gateway.networking.k8s.io": ["httproutes", "grpcroutes"],
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
        {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "rolebindings"], "verbs": ALL},
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
    return [
        make("rbac.authorization.k8s.io/v1", "ClusterRole", names.cluster_role(role), rules=rules[role])
        for role in names.ROLES
    ]


_APPLIED: dict[str, list[str]] = {
    "": ["namespaces", "resourcequotas", "limitranges", "configmaps", "serviceaccounts", "persistentvolumeclaims"],
    "rbac.authorization.k8s.io": ["clusterroles", "clusterrolebindings", "roles", "rolebindings"],
    "networking.k8s.io": ["networkpolicies"],
    "gateway.networking.k8s.io": ["gateways", "listenersets", "referencegrants"],
    "flowcontrol.apiserver.k8s.io": ["flowschemas", "prioritylevelconfigurations"],
    GROUP: ["tenants", "trainingjobs", "models"],
}
_MADE_BY_ENGINES: dict[str, list[str]] = {
    "": ["services"],
    "apps": ["deployments"],
    "batch": ["jobs"],
    "autoscaling": ["horizontalpodautoscalers"],
    "policy": ["poddisruptionbudgets"],
    "gateway.networking.k8s.io": ["httproutes"],
}
_LOOKED_AT: dict[str, list[str]] = {
    "": ["pods", "events"],
    "apiextensions.k8s.io": ["customresourcedefinitions"],
    "storage.k8s.io": ["storageclasses"],
    GROUP: ["platforms"],
}


def applier_role() -> Object:
    """What it takes to apply tenants and workloads, and no more: no Secret, no exec, no guardrail, no wildcard.

    `bind` names the three tenant roles alone; every other role that it writes grants only what it holds itself. The
    Platform, its roles and its guardrails are a cluster administrator's to apply. `manage` makes the guardrails take
    its holder for the platform.
    """
    roles = {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"]}
    rules = [
        *_rule(_APPLIED, ALL),
        *_rule(_MADE_BY_ENGINES, ALL),
        *_rule(_LOOKED_AT, READ),
        {**roles, "resourceNames": [names.cluster_role(role) for role in names.ROLES], "verbs": ["bind"]},
        {"apiGroups": [GROUP], "resources": ["tenants"], "verbs": ["own", "manage"]},
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["own"]},
    ]
    return make("rbac.authorization.k8s.io/v1", "ClusterRole", names.APPLIER, rules=rules)


def _subjects(platform: Platform, subjects: list[Subject]) -> list[Object]:
    rbac: list[Object] = []
    for subject in subjects:
        if subject.kind == "ServiceAccount":
            rbac.append({"kind": "ServiceAccount", "name": subject.name, "namespace": subject.namespace})
        else:
            prefix = platform.spec.identity.group_prefix if subject.kind == "Group" else ""
            rbac.append({"apiGroup": "rbac.authorization.k8s.io", "kind": subject.kind, "name": prefix + subject.name})
    return rbac


def _role_ref(name: str) -> Object:
    return {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}


def role_bindings(platform: Platform, tenant: Tenant, namespace: str) -> list[Object]:
    """The RoleBindings of a namespace: one for each role that somebody has."""
    return [
        make(
            "rbac.authorization.k8s.io/v1",
            "RoleBinding",
            names.role_binding(role),
            namespace,
            roleRef=_role_ref(names.cluster_role(role)),
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
    name = names.tenant_cluster_role(tenant)
    tenants = {"apiGroups": [GROUP], "resources": ["tenants"], "resourceNames": [tenant.name]}
    spaces = {"apiGroups": [""], "resources": ["namespaces"], "resourceNames": [n.name for n in tenant.namespaces]}
    platforms = {"apiGroups": [GROUP], "resources": ["platforms"], "resourceNames": [platform.metadata.name]}
    gateways = {"apiGroups": ["gateway.networking.k8s.io"], "resources": ["gateways"]}
    seeing: list[Object] = [{**named, "verbs": ["get"]} for named in (platforms, tenants, spaces)]
    owning: list[Object] = [
        {**tenants, "verbs": ["own"]},
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["create"]},
    ]
    if slots := tenant.namespace_slots:  # an empty list of names would mean every name
        owning.append(
            {"apiGroups": [""], "resources": ["namespaces"], "resourceNames": slots, "verbs": ["own", "delete"]}
        )
    everyone = [subject for role in names.ROLES for subject in tenant.subjects(role)]
    api, bound = "rbac.authorization.k8s.io/v1", _subjects(platform, everyone)
    made: list[Object] = []
    for suffix, rules, subjects in (
        ("", seeing, bound),
        (":owner", owning, _subjects(platform, tenant.subjects("owner"))),
    ):
        made.append(make(api, "ClusterRole", name + suffix, rules=rules))
        made.append(make(api, "ClusterRoleBinding", name + suffix, roleRef=_role_ref(name + suffix), subjects=subjects))
    seen = {names.SYSTEM_NAMESPACE: names.gateway(tenant)}
    if platform.spec.gateway.isolation == "tenant":
        seen[platform.spec.gateway.front.namespace] = names.FRONT
    for space, gateway in seen.items():
        rule = {**gateways, "resourceNames": [gateway], "verbs": ["get"]}
        made.append(make(api, "Role", name, space, rules=[rule]))
        made.append(make(api, "RoleBinding", name, space, roleRef={**_role_ref(name), "kind": "Role"}, subjects=bound))
    return made
