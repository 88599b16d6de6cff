"""A member that is a service account is known by its namespace as well as by its name."""

from collections.abc import Sequence

from manor.api.wellknown import GROUP, RBAC_GROUP
from manor.verify.access import Access, no_access
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.team import Actor, account


def _namesakes(context: AttackContext) -> Sequence[Actor]:
    names = {actor.user.rpartition(":")[2] for actor in context.attacker.actors} | {
        "default",
        context.attacker.name,
    }
    return [account(context.victim.namespace, name) for name in sorted(names)]


CHECK = Check(
    id="MNR-RBAC-023",
    title="Come in as a service account of a member's name from another namespace",
    guarantee=(
        "A member that is a service account is known by its namespace as well as by its name."
    ),
    severity=Severity.HIGH,
    level=Level.STATIC,
    references=("CVE-2023-46254",),
    attempt=(
        "As service accounts of another tenant's namespace that bear the names of this tenant's "
        "members and "
        "accounts, asks to read and write in this tenant's namespace."
    ),
    expect="The authorizer (RBAC) answers `not allowed`.",
    remedy=(
        "Name the service account's namespace in the binding; remove bindings to it by user "
        "name alone."
    ),
    run=no_access(
        Access("get list create", "secrets", namespace="$own"),
        Access("list create delete", "pods", namespace="$own"),
        Access("create", "rolebindings", RBAC_GROUP, "$own"),
        Access("own", "tenants", GROUP, None, "$tenant"),
        actors=_namesakes,
    ),
)
