"""Every guardrail is bound, denies, fails closed, and says what Manor wrote."""

from functools import cache
from typing import Any

from manor.api.wellknown import TENANT_LABEL
from manor.manifests import documents
from manor.policies import files
from manor.policies.digest import is_as_written
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import MANOR
from manor.verify.findings import holds, seen

API = "admissionregistration.k8s.io/v1"
SELECTOR = {"matchExpressions": [{"key": TENANT_LABEL, "operator": "Exists"}]}
ADVISORY = {"manor-unapplied", "manor-unapplied-namespaces"}
"""They warn, and no guarantee rests on them."""


@cache
def _shipped() -> tuple[tuple[str, str, str], ...]:
    """Kind and name of each policy and binding that comes with Manor, and what it binds: what is
    missing cannot be listed from the cluster."""
    found = [obj for file in files() for obj in documents(file.read_text("utf-8"))]
    return tuple(
        (obj["kind"], obj["metadata"]["name"], obj["spec"].get("policyName", "")) for obj in found
    )


def _faults(policy: dict[str, Any], bindings: list[dict[str, Any]]) -> list[str]:
    spec = policy["spec"]
    faults = [] if spec.get("failurePolicy", "Fail") == "Fail" else ["it fails open"]
    name, kind = policy["metadata"]["name"], f"{policy['kind']}Binding"
    bound = {b["metadata"]["name"]: b for b in bindings if b["spec"]["policyName"] == name}
    mine = [binding["spec"] for binding in bound.values()]
    if not mine:
        return [*faults, "it is not bound"]
    shipped = {binding for of_kind, binding, of in _shipped() if (of_kind, of) == (kind, name)}
    faults += [f"binding {gone} is not there" for gone in sorted(shipped - set(bound))]
    if "validations" in spec and not any("Deny" in b["validationActions"] for b in mine):
        faults.append("no binding denies")
    if spec.get("paramKind") and not any(
        b.get("paramRef", {}).get("parameterNotFoundAction") == "Deny" for b in mine
    ):
        faults.append("no binding denies where parameters are missing")
    matches = [b.get("matchResources", {}) for b in mine]
    for what, match in [
        ("the policy", spec.get("matchConstraints", {})),
        *(("a binding", match) for match in matches),
    ]:
        if match.get("namespaceSelector", SELECTOR) not in (SELECTOR, {}) or match.get(
            "objectSelector"
        ):
            faults.append(f"{what} has a selector of its own")
        if match.get("excludeResourceRules"):
            faults.append(f"{what} excludes resources")
    # Any condition, rule or expression that is another may let somebody pass.
    if not is_as_written(policy, spec):
        faults.append("the policy is not as Manor wrote it")
    faults += [
        f"binding {of_ours} is not as Manor wrote it"
        for of_ours, binding in bound.items()
        if of_ours.startswith("manor-") and not is_as_written(binding, binding["spec"])
    ]
    return faults


async def _look(context: AttackContext) -> list[Attempt]:
    attempts = []
    for kind in ("ValidatingAdmissionPolicy", "MutatingAdmissionPolicy"):
        policies = await context.snapshot.all(API, kind)
        bindings = await context.snapshot.all(API, f"{kind}Binding")
        ours = {
            p["metadata"]["name"]: p for p in policies if p["metadata"]["name"].startswith("manor-")
        }
        attempts.append(
            seen(f"{kind}: policies are there", f"{len(ours)} policies, {len(bindings)} bindings")
        )
        shipped = {name for of, name, _ in _shipped() if of == kind}
        for name in sorted(shipped | (set(ours) - ADVISORY)):
            faults = _faults(ours[name], bindings) if name in ours else ["it is not there"]
            got = "; ".join(faults) or "bound, denies, fails closed"
            attempts.append(holds(f"{kind} {name}", not faults, got, "its own specification"))
    return attempts


CHECK = Check(
    id="MNR-ADMISSION-009",
    title="Find a policy unbound, audit-only or failing open",
    guarantee="Every guardrail is bound, denies, fails closed, and says what Manor wrote.",
    severity=Severity.CRITICAL,
    level=Level.STATIC,
    references=(
        "CIS 5.2.1",
        "Kubernetes: Validating admission policy",
        "CVE-2021-25735 (class)",
    ),
    attempt=(
        "Looks at each ValidatingAdmissionPolicy and MutatingAdmissionPolicy of Manor and "
        "its bindings, and compares their specs with the digests that they were made with."
    ),
    expect=(
        "failurePolicy is Fail; at least one binding denies; a binding for new objects denies "
        "where its "
        "parameters are missing; none exempts namespaces or objects by a selector of its own; "
        "each condition, rule, parameter and expression is the one that Manor wrote."
    ),
    remedy=(
        "Delete what is named, and `manor apply` makes it again: of what is there, apply leaves "
        "what somebody added."
    ),
    requires=(MANOR,),
    run=_look,
    kept=True,
    scope="cluster",
)
