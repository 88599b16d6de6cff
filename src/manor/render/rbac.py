"""Who may do what besides the tenant roles: whoever applies tenants, and a tenant's people outside
its namespaces; and the bindings of all of them."""

from collections.abc import Iterable, Sequence

from manor.api import Platform, Subject, Tenant, kinds
from manor.api.pack_zero import CHANGE, READ, RULES, WRITE
from manor.api.subjects import ROLES
from manor.api.wellknown import (
    APPLIER,
    CONTROLLER,
    ENVOY_GROUP,
    FRONT,
    FRONT_SEEN,
    GATEWAY_GROUP,
    GROUP,
    KEEPER,
    MANAGE,
    OPERATOR,
    OWN,
    RBAC_API,
    RBAC_GROUP,
    STAND_IN,
    STAND_IN_ACCOUNT,
    SYSTEM_NAMESPACE,
    WORKLOADS,
    WORKLOADS_ACCOUNT,
    cluster_role,
    tenant_cluster_role,
    tool_role,
    usage_account,
)
from manor.objectset.kinds import NETWORK_POLICY, GroupKind, group_of
from manor.render import names
from manor.render.objects import Object, make
from manor.tools import Toolset

_APPLIED: dict[str, list[str]] = {
    "": [
        "namespaces",
        "resourcequotas",
        "limitranges",
        "configmaps",
        "serviceaccounts",
        "persistentvolumeclaims",
        "services",
    ],
    RBAC_GROUP: ["clusterroles", "clusterrolebindings", "roles", "rolebindings"],
    "networking.k8s.io": ["networkpolicies"],
    GATEWAY_GROUP: ["gateways", "httproutes", "listenersets", "referencegrants"],
    ENVOY_GROUP: ["backendtrafficpolicies", "envoyextensionpolicies", "securitypolicies"],
    "flowcontrol.apiserver.k8s.io": ["flowschemas", "prioritylevelconfigurations"],
    GROUP: [info.plural for info in (kinds.TENANT, *kinds.WORKLOADS)],
}
_TOLD = {GROUP: [f"{info.plural}/status" for info in kinds.ALL]}
"""The status of Manor's own kinds."""
_LOOKED_AT: dict[str, list[str]] = {
    "": ["pods", "events"],
    "apps": ["replicasets"],
    "apiextensions.k8s.io": ["customresourcedefinitions"],
    "storage.k8s.io": ["storageclasses"],
    GROUP: [kinds.PLATFORM.plural],
}
_OPERATOR_SEEN: Object = {
    "apiGroups": ["coordination.k8s.io"],
    "resources": ["leases"],
    "resourceNames": [OPERATOR],
    "verbs": ["get"],
}
"""Whether an operator works: `manor apply` leaves to it what it keeps."""


def _rule(groups: dict[str, list[str]], verbs: Sequence[str]) -> list[Object]:
    return [
        {"apiGroups": [group], "resources": found, "verbs": list(verbs)}
        for group, found in groups.items()
    ]


def applier_role(tools: Toolset, by_engines: Iterable[GroupKind]) -> Object:
    """What it takes to apply tenants and workloads and to say how they stand, and no more: no
    Secret, no exec, no guardrail, no wildcard. `by_engines` are the kinds that engines and the
    queue system make.

    `bind` names the tenant roles alone, and those of Tools; every other role that it writes grants
    only what it holds itself. The Platform, its roles and its guardrails are a cluster
    administrator's to apply. `manage` makes the guardrails take its holder for the platform.
    """
    return _writer(APPLIER, tools, by_engines)


def keeper_role(
    tools: Toolset, by_queues: Iterable[GroupKind], seen: Iterable[GroupKind]
) -> Object:
    """The same, but what engines make for workloads, and what comes of that until there are pods,
    only to see it: `workloads_role` writes it. Of some of these kinds tenants' own places have
    objects too."""
    role = _writer(KEEPER, tools, by_queues)
    besides = {
        group: [plural for plural in plurals if plural not in _LOOKED_AT.get(group, ())]
        for group, plurals in _made(tools, seen).items()
    }
    role["rules"] += _rule({group: plurals for group, plurals in besides.items() if plurals}, READ)
    return role


def _writer(name: str, tools: Toolset, besides: Iterable[GroupKind]) -> Object:
    roles = {"apiGroups": [RBAC_GROUP], "resources": ["clusterroles"]}
    bound = [cluster_role(role) for role in ROLES]
    bound += [
        tool_role(tool.name, role) for tool in tools.tools if tool.has_roles for role in ROLES
    ]
    bound += [WORKLOADS, STAND_IN, FRONT_SEEN]
    bound += [tool_role(tool.name, CONTROLLER) for tool in tools.tools if tool.spec.rights]
    rules = [
        *_rule(_APPLIED, READ + WRITE),
        *_rule(_made(tools, besides), READ + WRITE),
        *_rule(_TOLD, CHANGE),
        *_seen_by_tenants(tools),
        *_rule(_LOOKED_AT, READ),
        _OPERATOR_SEEN,
        {**roles, "resourceNames": bound, "verbs": ["bind"]},
        {"apiGroups": [GROUP], "resources": [kinds.TENANT.plural], "verbs": [OWN, MANAGE]},
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": [OWN]},
    ]
    return make(RBAC_API, "ClusterRole", name, rules=rules)


def workloads_role(platform: Platform, tools: Toolset, by_engines: Iterable[GroupKind]) -> Object:
    """What it takes to make what a workload becomes, in its own namespace. The operator does it as
    whom this is bound to there, so that what a tenant asks for is written with no more rights than
    its people have: NetworkPolicies only where these may write them."""
    barred = set() if platform.spec.network.tenant_policies else {NETWORK_POLICY}
    rules = [
        *_rule(_plurals(tools, {*by_engines} - barred), READ + WRITE),
        *_rule({"": ["pods", "events"]}, READ),  # why it is no further
        *_rule({"": ["pods/log"]}, ["get"]),
    ]
    return make(RBAC_API, "ClusterRole", WORKLOADS, rules=rules)


def front_role() -> Object:
    """What every tenant's people see of the front. It is one for all: of an account that is no
    administrator the API server compares what each Role grants with all that the account holds,
    and a ClusterRole that it may bind by name it does not compare."""
    gateways = {"apiGroups": [GATEWAY_GROUP], "resources": ["gateways"]}
    rules = [{**gateways, "resourceNames": [FRONT], "verbs": ["get"]}]
    return make(RBAC_API, "ClusterRole", FRONT_SEEN, rules=rules)


def _plurals(tools: Toolset, found: Iterable[GroupKind]) -> dict[str, list[str]]:
    """The resources of these kinds, by their groups."""
    known = {(rule.group, rule.kind): rule.plural for rule in (*RULES, *tools.rules)}
    plurals: dict[str, list[str]] = {}
    for group, kind in sorted(found):
        plurals.setdefault(group, []).append(known[group, kind])
    return plurals


def _made(tools: Toolset, by_engines: Iterable[GroupKind]) -> dict[str, list[str]]:
    """What Tools bring into each tenant, and what engines and the queue system make there."""
    made: dict[str, list[str]] = {}
    brought = [
        (group_of(raw["apiVersion"]), raw["kind"])
        for tool in tools.tools
        for raw in (*tool.spec.objects.tenant, *tool.spec.objects.namespace)
    ]
    for group, plurals in _plurals(tools, {*brought, *by_engines}).items():
        if more := [plural for plural in plurals if plural not in _APPLIED.get(group, ())]:
            made[group] = more
    return made


def _seen_by_tenants(tools: Toolset) -> list[Object]:
    """What every team may read of what lives in no namespace."""
    return [
        {"apiGroups": [rule.group], "resources": [rule.plural], "verbs": list(rule.verbs.viewer)}
        for rule in tools.rules
        if not rule.namespaced and rule.verbs.viewer
    ]


def _subjects(platform: Platform, subjects: list[Subject]) -> list[Object]:
    rbac: list[Object] = []
    for subject in subjects:
        if subject.kind == "ServiceAccount":
            rbac.append(
                {"kind": "ServiceAccount", "name": subject.name, "namespace": subject.namespace}
            )
        else:
            name = subject.known_as(platform.spec.identity.group_prefix)
            rbac.append({"apiGroup": RBAC_GROUP, "kind": subject.kind, "name": name})
    return rbac


def _stand_in(tenant: Tenant) -> Object:
    return {
        "kind": "ServiceAccount",
        "name": STAND_IN_ACCOUNT,
        "namespace": tenant.namespaces[0].name,
    }


def _role_ref(name: str) -> Object:
    return {"apiGroup": RBAC_GROUP, "kind": "ClusterRole", "name": name}


def role_bindings(
    platform: Platform, tenant: Tenant, namespace: str, tools: Toolset
) -> list[Object]:
    """The RoleBindings of a namespace: one for each role that somebody has, and one more for each
    Tool with kinds; those of the Tools' controllers, of what workloads become, and of the tenant's
    stand-in."""

    def bound(name: str, role: str, subjects: list[Object]) -> Object:
        ref = _role_ref(role)
        return make(RBAC_API, "RoleBinding", name, namespace, roleRef=ref, subjects=subjects)

    made = []
    for role in ROLES:
        if subjects := _subjects(platform, tenant.subjects(role)):
            made.append(bound(names.role_binding(role), cluster_role(role), subjects))
            # The kinds of Tools hold nothing that its stand-in must not see.
            asking = [*subjects, _stand_in(tenant)] if role == "owner" else subjects
            made += [
                bound(names.tool_role_binding(tool.name, role), tool_role(tool.name, role), asking)
                for tool in tools.tools
                if tool.has_roles
            ]
    for tool in tools.tools:
        if tool.spec.rights:
            name = names.tool_role_binding(tool.name, CONTROLLER)
            accounts = [
                {"kind": "ServiceAccount", **account.model_dump()}
                for account in tool.spec.controllers
            ]
            made.append(bound(name, tool_role(tool.name, CONTROLLER), accounts))
    account = {"kind": "ServiceAccount", "name": WORKLOADS_ACCOUNT, "namespace": namespace}
    made.append(bound(WORKLOADS_ACCOUNT, WORKLOADS, [account]))
    made.append(bound(STAND_IN_ACCOUNT, STAND_IN, [_stand_in(tenant)]))
    return made


def tenant_role(platform: Platform, tenant: Tenant, tools: Toolset) -> list[Object]:
    """What people of a tenant may do outside its namespaces: see their Tenant, its Tools, its
    Gateway, what they used, whether an operator works, and what Tools let everyone read; owners
    create namespaces.

    The verb `own` does nothing by itself: the namespace guardrail asks the authorizer for it, of
    the Tenant and of the namespace's name; the list of names bounds their number.
    """
    name = tenant_cluster_role(tenant.name)
    tenants = {
        "apiGroups": [GROUP],
        "resources": [kinds.TENANT.plural],
        "resourceNames": [tenant.name],
    }
    spaces = {
        "apiGroups": [""],
        "resources": ["namespaces"],
        "resourceNames": [n.name for n in tenant.namespaces],
    }
    platforms = {
        "apiGroups": [GROUP],
        "resources": [kinds.PLATFORM.plural],
        "resourceNames": [platform.metadata.name],
    }
    gateways = {"apiGroups": [GATEWAY_GROUP], "resources": ["gateways"]}
    seen_first: list[Object] = [platforms, tenants, spaces]
    if used := [tool.name for tool in tools.tools]:  # no names would mean every name
        tool_files = {"apiGroups": [GROUP], "resources": [kinds.TOOL.plural]}
        seen_first.append({**tool_files, "resourceNames": used})
    seeing: list[Object] = [{**named, "verbs": ["get"]} for named in seen_first]
    seeing += _seen_by_tenants(tools)
    owning: list[Object] = [
        {**tenants, "verbs": [OWN]},
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["create"]},
    ]
    if slots := tenant.namespace_slots:  # an empty list of names would mean every name
        owning.append(
            {
                "apiGroups": [""],
                "resources": ["namespaces"],
                "resourceNames": slots,
                "verbs": [OWN, "delete"],
            }
        )
    everyone = [subject for role in ROLES for subject in tenant.subjects(role)]
    bound = [*_subjects(platform, everyone), _stand_in(tenant)]
    owners = [*_subjects(platform, tenant.subjects("owner")), _stand_in(tenant)]
    made: list[Object] = []
    for suffix, rules, subjects in (
        ("", seeing, bound),
        (":owner", owning, owners),
    ):
        made.append(make(RBAC_API, "ClusterRole", name + suffix, rules=rules))
        ref = _role_ref(name + suffix)
        made.append(
            make(RBAC_API, "ClusterRoleBinding", name + suffix, roleRef=ref, subjects=subjects)
        )
    accounts = [usage_account(tenant.name, month) for month in range(1, 13)]
    own = {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": accounts}
    rules = [
        {**gateways, "resourceNames": [names.gateway(tenant)], "verbs": ["get"]},
        _OPERATOR_SEEN,
        {**own, "verbs": ["get"]},
    ]
    made.append(make(RBAC_API, "Role", name, SYSTEM_NAMESPACE, rules=rules))
    places = [(SYSTEM_NAMESPACE, name, {**_role_ref(name), "kind": "Role"})]
    if platform.spec.gateway.isolation == "tenant":
        # A binding names its role for ever: the one named as in `manor-system` named a Role.
        places.append(
            (platform.spec.gateway.front.namespace, f"{name}:front", _role_ref(FRONT_SEEN))
        )
    made += [
        make(RBAC_API, "RoleBinding", binding, space, roleRef=ref, subjects=bound)
        for space, binding, ref in places
    ]
    return made
