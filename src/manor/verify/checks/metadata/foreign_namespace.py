"""An owner makes namespaces of its own tenant, of the names that it was given, up to its limit."""

from manor.api.wellknown import TENANT_LABEL
from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import RBAC, any_of, policy
from manor.verify.objects import Object, make
from manor.verify.requests import create


def space(name: str, labels: dict[str, str]) -> Object:
    """A namespace with these labels."""
    return make("v1", "Namespace", None, name, meta={"labels": labels})


CHECK = Check(
    id="MNR-METADATA-006",
    title="Create a namespace in another tenant's name",
    guarantee=(
        "An owner makes namespaces of its own tenant, of the names that it was given, up "
        "to its limit."
    ),
    severity=Severity.CRITICAL,
    level=Level.DRY_RUN,
    references=(
        "CVE-2024-39690",
        "CVE-2025-55205 (class)",
        "projectcapsule/capsule#200",
    ),
    attempt=(
        "Creates namespaces labelled for another tenant, of another's, a reserved, a foreign "
        "name, and beyond "
        "the limit."
    ),
    expect="Refused by the policy manor-namespaces.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {
            "for another tenant": create(space("$other_tenant-1", {TENANT_LABEL: "$other_tenant"})),
            "another's name, its own label": create(
                space("$other_tenant-1", {TENANT_LABEL: "$tenant"})
            ),
            "its own name, another's label": create(
                space("$slot", {TENANT_LABEL: "$other_tenant"})
            ),
            "a reserved name": create(space("kube-$tenant", {TENANT_LABEL: "$tenant"})),
            "a foreign name": create(space("verify-foreign", {TENANT_LABEL: "$tenant"})),
            "beyond its limit": create(space("$tenant-101", {TENANT_LABEL: "$tenant"})),
            "a tenant that does not exist": create(
                space("$slot", {TENANT_LABEL: "manor-verify-nobody"})
            ),
        },
        by=any_of(policy("namespaces"), RBAC),
        control=create(space("$slot", {TENANT_LABEL: "$tenant"})),
    ),
)
