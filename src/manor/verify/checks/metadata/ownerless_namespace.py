"""Every namespace that a tenant makes is its own from the first moment."""

from manor.api.wellknown import TENANT_LABEL
from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import RBAC, SCHEMA, any_of, policy
from manor.verify.objects import Object, make
from manor.verify.requests import create


def space(name: str, labels: dict[str, str]) -> Object:
    """A namespace with these labels."""
    return make("v1", "Namespace", None, name, meta={"labels": labels})


CHECK = Check(
    id="MNR-METADATA-005",
    title="Create a namespace without an owner",
    guarantee="Every namespace that a tenant makes is its own from the first moment.",
    severity=Severity.CRITICAL,
    level=Level.DRY_RUN,
    references=(
        "CVE-2022-46167",
        "CVE-2024-39690 (class)",
    ),
    attempt=(
        "Creates namespaces without the tenant label, with an empty one, and with its name in "
        "another case."
    ),
    expect="Refused by the policy manor-namespaces.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {
            "without a label": create(space("$slot", {})),
            "with an empty label": create(space("$slot", {TENANT_LABEL: ""})),
            "in upper case": create(space("$slot", {"Manor.dev/tenant": "$tenant"})),
        },
        by=any_of(policy("namespaces"), RBAC, SCHEMA),
        control=create(space("$slot", {TENANT_LABEL: "$tenant"})),
    ),
)
