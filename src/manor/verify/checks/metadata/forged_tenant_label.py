"""Every namespace with a tenant's label is one that this tenant declares, its owners may make, or
that was kept."""

from collections import defaultdict

from manor.api import kinds
from manor.api.wellknown import GROUP, TENANT_LABEL
from manor.objectset.applyset import PART_OF, applyset_id
from manor.objectset.references import Ref
from manor.verify import holes
from manor.verify.attempt import Attempt, Verdict
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import TENANTS
from manor.verify.findings import holds, seen

ENFORCE = "pod-security.kubernetes.io/enforce"


def _set(tenant: str | None) -> str:
    """The mark of what was made for a tenant."""
    return applyset_id(Ref(GROUP, kinds.TENANT.kind, "", tenant or ""))


async def _look(context: AttackContext) -> list[Attempt]:
    tenants = {team.name: team.tenant for team in context.tenancy.teams if team.tenant is not None}
    declaring = defaultdict[str, list[str]](list)
    for found in tenants.values():
        for space in found.namespaces:
            declaring[space.name].append(found.name)
    attempts = []
    for namespace in await context.snapshot.all("v1", "Namespace"):
        name, labels = namespace["metadata"]["name"], namespace["metadata"].get("labels", {})
        claimed = labels.get(TENANT_LABEL)
        tenant = tenants.get(claimed or "")
        declared = declaring.get(name, [])
        if claimed is None and not declared:
            continue
        if "deletionTimestamp" in namespace["metadata"]:
            attempts.append(
                Attempt(
                    f"label of namespace {name}",
                    Verdict.ASKED,
                    f"namespace {name} is being deleted",
                )
            )
            continue
        slots = {
            f"{claimed}-{number}"
            for number in range(1, (tenant.spec.max_namespaces if tenant else 0) + 1)
        }
        # Only Manor writes on a Tenant which namespaces it kept for what is in them, and on a
        # namespace whose it is: of a Tenant that was deleted it stays, closed.
        kept = name in tenant.kept_namespaces if tenant else labels.get(PART_OF) == _set(claimed)
        fine = declared == [claimed] or (not declared and name in slots)
        if kept and not declared:
            told = f"kept: namespace {name} of {claimed}, no longer declared"
            attempts.append(Attempt(f"label of namespace {name}", Verdict.ASKED, told))
        else:
            got = f"labelled {claimed}, declared by {', '.join(declared) or 'no tenant'}"
            attempts.append(holds(f"label of namespace {name}", fine, got, "the Tenant's own spec"))
        level, version = labels.get(ENFORCE), labels.get(f"{ENFORCE}-version", "latest")
        current = version == "latest" or (holes.parse(version) or (0,)) >= holes.OLDEST
        attempts.append(
            holds(
                f"Pod Security of namespace {name}",
                level == "restricted" and current,
                f"enforce: {level}, of version {version}",
                "its label",
            )
        )
    return [
        seen("namespaces are listed", f"{len(attempts)} labels of tenants' namespaces"),
        *attempts,
    ]


CHECK = Check(
    id="MNR-METADATA-012",
    title="Find a namespace that is labelled for a tenant that does not claim it",
    guarantee=(
        "Every namespace with a tenant's label is one that this tenant declares, that its owners "
        "may make, or that was "
        "kept for what is in it."
    ),
    severity=Severity.CRITICAL,
    level=Level.STATIC,
    references=(
        "projectcapsule/capsule#200",
        "CVE-2024-39690 (class)",
    ),
    attempt=(
        "Compares the label manor.dev/tenant of every namespace with the Tenants' specs; and the "
        "other way round."
    ),
    expect=(
        "Each labelled namespace is declared by its Tenant, is one of the names that its owners "
        "may use, was kept by Manor (of a deleted Tenant too) or is being deleted; each declared "
        "one is labelled and `restricted`, by no old version's rules."
    ),
    remedy="Remove the label from the namespace, or declare the namespace in the Tenant.",
    requires=(TENANTS,),
    run=_look,
    kept=True,
    scope="cluster",
)
