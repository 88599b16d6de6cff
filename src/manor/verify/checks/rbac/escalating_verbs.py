"""No tenant may grant what it does not hold, or act as somebody else."""

from manor.api.wellknown import RBAC_GROUP
from manor.verify.access import Access, no_access
from manor.verify.check import Check, Level, Severity

CHECK = Check(
    id="MNR-RBAC-007",
    title="Hold bind, escalate or impersonate",
    guarantee="No tenant may grant what it does not hold, or act as somebody else.",
    severity=Severity.CRITICAL,
    level=Level.STATIC,
    references=(
        "CIS 5.1.8",
        "NSA/CISA: Authentication and authorization",
        "Kubernetes: RBAC good practices",
    ),
    attempt=(
        "Asks for `bind` and `escalate` on Roles and ClusterRoles, and for `impersonate`, and its "
        "narrower verbs, on users, groups, uids, service accounts and nodes, at home, elsewhere "
        "and cluster-wide."
    ),
    expect="The authorizer (RBAC) answers `not allowed`.",
    remedy="Remove the verb from the role; `manor apply` writes the roles without it.",
    run=no_access(
        Access("bind escalate", "roles", RBAC_GROUP, "$own"),
        Access("bind escalate", "roles", RBAC_GROUP),
        Access("bind escalate", "clusterroles", RBAC_GROUP, None),
        Access("impersonate", "users", namespace=None),
        Access("impersonate", "groups", namespace=None),
        Access("impersonate", "serviceaccounts", namespace="$own"),
        Access("impersonate", "serviceaccounts"),
        Access("impersonate", "uids", "authentication.k8s.io", None),
        Access("impersonate", "userextras/scopes", "authentication.k8s.io", None),
        # The narrower verbs that Kubernetes 1.36 has beside it.
        Access("impersonate:user-info", "users", "authentication.k8s.io", None),
        Access("impersonate:user-info", "groups", "authentication.k8s.io", None),
        Access("impersonate:serviceaccount", "serviceaccounts", "authentication.k8s.io", "$own"),
        Access("impersonate:serviceaccount", "serviceaccounts", "authentication.k8s.io"),
        Access("impersonate:arbitrary-node", "nodes", "authentication.k8s.io", None),
    ),
)
