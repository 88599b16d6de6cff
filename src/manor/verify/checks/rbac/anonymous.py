"""Whoever has not said who he is may do nothing but look at versions and health."""

from manor.api.wellknown import GROUP
from manor.verify.access import Access, no_access
from manor.verify.check import Check, Level, Severity
from manor.verify.team import Actor

NOBODY = Actor("anonymous", "system:anonymous", ("system:unauthenticated",), authenticated=False)

CHECK = Check(
    id="MNR-RBAC-020",
    title="Use the cluster without a name",
    guarantee="Whoever has not said who he is may do nothing but look at versions and health.",
    severity=Severity.CRITICAL,
    level=Level.STATIC,
    references=(
        "CIS 1.2.1",
        "CIS 5.1.1",
        "NSA/CISA: Authentication and authorization",
    ),
    attempt=(
        "As system:anonymous, asks for Secrets, Pods, Nodes, Namespaces, Tenants, exec, metrics "
        "and debugging paths."
    ),
    expect="The authorizer (RBAC) answers `not allowed`.",
    remedy="Remove the binding to system:anonymous or system:unauthenticated.",
    run=no_access(
        Access("get list watch create", "secrets"),
        Access("get list watch create", "pods"),
        Access("create get", "pods/exec"),
        Access("list", "secrets", namespace=None),
        Access("list", "pods", namespace=None),
        Access("list", "namespaces", namespace=None),
        Access("list", "nodes", namespace=None),
        Access("get", "nodes/proxy", namespace=None),
        Access("list", "tenants", GROUP, None),
        Access("get", "", path="/metrics"),
        Access("get", "", path="/logs"),
        Access("get", "", path="/debug/pprof/"),
        actors=lambda _: [NOBODY],
    ),
)
