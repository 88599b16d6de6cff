"""API Priority and Fairness: one tenant's flood of requests queues behind itself, not before the
others.

The API server divides its concurrency (`--max-requests-inflight` and
`--max-mutating-requests-inflight` together, 600 by default) among priority levels by their shares;
a level has `ceil(concurrency * shares / sum of shares)` seats, and a request holds one while it
runs (Kubernetes: API Priority and Fairness). What a flood costs the others is decided by how many
it fills at a time: where the CPU is the limit, more of them make every request slower and none
more. So a tenant has few and queues for them: a client that waits costs nothing, one that is
refused asks again.

Kubernetes' own levels have 245 shares. With 100 tenants of one share each the sum is 345, so that
these keep 71 % of what they have without tenants: of 600 seats node-high has 70 then (98 before),
system 53 (74), leader-election 18 (25); a tenant has 2, and 3 among few tenants. Seats grow with
the concurrency that a larger API server is given.
"""

from manor.api import Platform, Tenant
from manor.api.subjects import ROLES
from manor.api.wellknown import FLOWCONTROL_API
from manor.render import names
from manor.render.objects import Object, make

SHARES = 1
"""A tenant's part of the API server's concurrency, beside the 245 shares of Kubernetes' own
levels."""

PRECEDENCE = 1000
"""After Kubernetes' own schemas for nodes, controllers and `kube-system` (900 at most); before
`service-accounts` (9000) and `global-default` (9900). Of a member of two tenants, the schema first
by name takes the requests."""

QUEUES = {"queues": 16, "handSize": 4, "queueLengthLimit": 50}
"""A user's requests wait in 4 of 16 queues, 200 at most; a colleague's are all behind them with
odds of 1 in 1820."""


def _subjects(platform: Platform, tenant: Tenant) -> list[Object]:
    subjects: list[Object] = []
    for role in ROLES:
        for subject in tenant.subjects(role):
            if subject.kind == "ServiceAccount":
                account = {"name": subject.name, "namespace": subject.namespace}
                subjects.append({"kind": "ServiceAccount", "serviceAccount": account})
            else:
                name = subject.known_as(platform.spec.identity.group_prefix)
                subjects.append({"kind": subject.kind, subject.kind.lower(): {"name": name}})
    for space in tenant.namespaces:
        subjects.append(
            {"kind": "ServiceAccount", "serviceAccount": {"name": "*", "namespace": space.name}}
        )
    return subjects


def fairness(platform: Platform, tenant: Tenant) -> list[Object]:
    """The tenant's priority level and the schema that sends its people's and its pods' requests
    there."""
    name = names.fairness(tenant)
    level = {
        "type": "Limited",
        "limited": {
            "nominalConcurrencyShares": SHARES,
            # Neither lent nor borrowed: other levels' idle seats are no idle CPU, and what is lent
            # comes back in 10 s.
            "lendablePercent": 0,
            "borrowingLimitPercent": 0,
            "limitResponse": {"type": "Queue", "queuing": dict(QUEUES)},
        },
    }
    everything: Object = {
        "subjects": _subjects(platform, tenant),
        "resourceRules": [
            {
                "verbs": ["*"],
                "apiGroups": ["*"],
                "resources": ["*"],
                "namespaces": ["*"],
                "clusterScope": True,
            }
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
        make(FLOWCONTROL_API, "PriorityLevelConfiguration", name, spec=level),
        make(FLOWCONTROL_API, "FlowSchema", name, spec=schema),
    ]
