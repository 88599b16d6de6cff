"""Every guardrail is bound, denies, and fails closed."""

from typing import Any

from manor.api.wellknown import TENANT_LABEL
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import MANOR
from manor.verify.findings import holds, seen

API = "admissionregistration.k8s.io/v1"
SELECTOR = {"matchExpressions": [{"key": TENANT_LABEL, "operator": "Exists"}]}
KNOWN = [
    "cluster",
    "credentials",
    "endpoints",
    "gpu",
    "images",
    "ingress",
    "metadata",
    "namespaces",
    "pod-fields",
    "pods",
    "probes",
    "queued",
    "queues",
    "rbac",
    "reserved",
    "routes",
    "services",
    "storage",
]

ADVISORY = {"manor-unapplied", "manor-unapplied-namespaces"}
"""They warn, and no guarantee rests on them."""


def _faults(policy: dict[str, Any], bindings: list[dict[str, Any]]) -> list[str]:
    faults = [] if policy["spec"].get("failurePolicy", "Fail") == "Fail" else ["it fails open"]
    mine = [b["spec"] for b in bindings if b["spec"]["policyName"] == policy["metadata"]["name"]]
    if not any("Deny" in b.get("validationActions", []) for b in mine):
        faults.append("no binding denies")
    if policy["spec"].get("paramKind") and not any(
        b.get("paramRef", {}).get("parameterNotFoundAction") == "Deny" for b in mine
    ):
        faults.append("no binding denies where parameters are missing")
    for binding in mine:
        match = binding.get("matchResources", {})
        if match.get("namespaceSelector", SELECTOR) not in (SELECTOR, {}) or match.get(
            "objectSelector"
        ):
            faults.append("a binding has a selector of its own")
        if match.get("excludeResourceRules"):
            faults.append("a binding excludes resources")
    return faults


async def _look(context: AttackContext) -> list[Attempt]:
    policies = await context.snapshot.all(API, "ValidatingAdmissionPolicy")
    bindings = await context.snapshot.all(API, "ValidatingAdmissionPolicyBinding")
    ours = {
        p["metadata"]["name"]: p for p in policies if p["metadata"]["name"].startswith("manor-")
    }
    attempts = [seen("policies are there", f"{len(ours)} policies, {len(bindings)} bindings")]
    for name in sorted({f"manor-{known}" for known in KNOWN} | (set(ours) - ADVISORY)):
        faults = _faults(ours[name], bindings) if name in ours else ["it is not there"]
        got = "; ".join(faults) or "bound, denies, fails closed"
        attempts.append(
            holds(f"ValidatingAdmissionPolicy {name}", not faults, got, "its own specification")
        )
    return attempts


CHECK = Check(
    id="MNR-ADMISSION-009",
    title="Find a policy unbound, audit-only or failing open",
    guarantee="Every guardrail is bound, denies, and fails closed.",
    severity=Severity.CRITICAL,
    level=Level.STATIC,
    references=(
        "CIS 5.2.1",
        "Kubernetes: Validating admission policy",
        "CVE-2021-25735 (class)",
    ),
    attempt=(
        "Looks at each ValidatingAdmissionPolicy and MutatingAdmissionPolicy of Manor and "
        "its bindings."
    ),
    expect=(
        "failurePolicy is Fail; at least one binding denies; a binding for new objects denies "
        "where its "
        "parameters are missing; none exempts namespaces or objects by a selector of its own."
    ),
    remedy="`manor apply` writes policies and bindings again.",
    requires=(MANOR,),
    run=_look,
    kept=True,
    scope="cluster",
)
