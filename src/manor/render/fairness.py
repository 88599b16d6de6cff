"""API Priority and Fairness: one tenant's flood of requests queues behind itself, not before the others."""

from manor.api import Platform, Tenant
from manor.render import names
from manor.render.objects import Object, make

API_VERSION = "flowcontrol.apiserver.k8s.io/v1"

SHARES = 10
"""A tenant's part of the API server's concurrency, beside `global-default`'s 20 and `workload-low`'s 100."""

PRECEDENCE = 900
"""After Kubernetes' own schemas for nodes and controllers; before `service-accounts` and `global-default`."""


def _subjects(platform: Platform, tenant: Tenant) -> list[Object]:
    subjects: list[Object] = []
    for role in names.ROLES:
        for subject in tenant.subjects(role):
            if subject.kind == "ServiceAccount":
                account = {"name": subject.name, "namespace": subject.namespace}
                subjects.append({"kind": "ServiceAccount", "serviceAccount": account})
            elif subject.kind == "Group":
                group = {"name": platform.spec.identity.group_prefix + subject.name}
                subjects.append({"kind": "Group", "group": group})
            else:
                subjects.append({"kind": "User", "user": {"name": subject.name}})
    for space in tenant.namespaces:
        subjects.append({"kind": "ServiceAccount", "serviceAccount": {"name": "*", "namespace": space.name}})
    return subjects


def fairness(platform: Platform, tenant: Tenant) -> list[Object]:
    """The tenant's priority level and the schema that sends its people's and its pods' requests there."""
    name = names.fairness(tenant)
    level = {
        "type": "Limited",
        "limited": {
            "nominalConcurrencyShares": SHARES,
            "lendablePercent": 50,
            "borrowingLimitPercent": 100,
            "limitResponse": {"type": "Queue", "queuing": {"queues": 16, "handSize": 4, "queueLengthLimit": 50}},
        },
    }
    everything: Object = {
        "subjects": _subjects(platform, tenant),
        "resourceRules": [
            {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "namespaces": ["*"], "clusterScope": True}
        ],
        "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
    }
    schema = {
        "priorityLevelConfiguration": {"name": name},
        "matchingPrecedence": PRECEDENCE,
        "distinguisherMethod": {"type": "ByUser"},
        "rules": [everything],
    }
    return [
        make(API_VERSION, "PriorityLevelConfiguration", name, spec=level),
        make(API_VERSION, "FlowSchema", name, spec=schema),
    ]
