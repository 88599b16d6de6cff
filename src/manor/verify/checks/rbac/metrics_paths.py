"""The API server's own metrics and debugging paths are closed to tenants."""

from manor.verify.access import NOWHERE, Access, askers, no_access, rules_of
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.findings import holds

OPEN = (
    *("/api/", "/apis/", "/openapi/", "/version/", "/.well-known/", "/openid/"),
    *("/healthz/", "/livez/", "/readyz/"),
)
"""What clients ask before anything else; these, and what is below them."""
_ASKED = no_access(
    *(
        Access("get", "", path=path)
        for path in (
            "/metrics",
            "/metrics/slis",
            "/logs",
            "/debug/pprof/",
            "/debug/flags/v",
            "/statusz",
            "/flagz",
        )
    ),
    Access("get", "", path="/debug/api_priority_and_fairness/dump_requests"),
)


async def _attack(context: AttackContext) -> list[Attempt]:
    attempts = await _ASKED(context)
    for actor in await askers(context):
        paths = (await rules_of(context, actor, NOWHERE)).paths
        urls = {url for rule in paths for url in rule["nonResourceURLs"]}
        found = sorted(u for u in urls - {"/"} if not f"{u.rstrip('*')}/".startswith(OPEN))
        got = f"also: {', '.join(found)}" if found else "what clients ask before anything else"
        attempts.append(holds(f"paths of {actor}", not found, got, "RBAC"))
    return attempts


CHECK = Check(
    id="MNR-RBAC-024",
    title="Read metrics, logs and debugging paths",
    guarantee="The API server's own metrics and debugging paths are closed to tenants.",
    severity=Severity.MEDIUM,
    level=Level.STATIC,
    references=(
        "CIS 1.2.15 (profiling)",
        "kubeflow/kubeflow#5588 (class)",
        "NSA/CISA: Authentication and authorization",
    ),
    attempt=(
        "Asks for /metrics, /logs, /debug/pprof, /debug/flags and "
        "/debug/api_priority_and_fairness, and lists every path that a role gives beside those of "
        "discovery and health."
    ),
    expect="The authorizer (RBAC) answers `not allowed`.",
    remedy="Remove the ClusterRoleBinding that gives the path.",
    run=_attack,
)
