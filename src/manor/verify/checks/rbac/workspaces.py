"""A tenant's notebooks are its own members' to see, start and stop."""

from manor.api.wellknown import API_VERSION
from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.features import MANOR
from manor.verify.mechanisms import RBAC
from manor.verify.objects import NAME, make
from manor.verify.requests import create, delete, lists, patch


def _workspace(namespace: str) -> dict[str, object]:
    return make(API_VERSION, "Workspace", namespace, spec={"image": "$image", "stopped": True})


CHECK = Check(
    id="MNR-RBAC-030",
    title="Read, start or stop another tenant's notebooks",
    guarantee="A tenant's notebooks are its own members' to see, start and stop.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=(
        "CIS 5.1.1",
        "NSA/CISA: Authentication and authorization",
        "CVE-2024-28179 (class)",
    ),
    attempt=(
        "Lists Workspaces, creates one, starts and deletes one in another tenant's namespace. (To "
        "enter one takes what MNR-RBAC-004 asks for; to connect to it, MNR-NETWORK-001.)"
    ),
    expect="403 from RBAC.",
    remedy="Remove the binding that lets the attacker in there.",
    requires=(MANOR,),
    run=refused(
        {
            "list Workspaces": lists(API_VERSION, "Workspace", "$other"),
            "create a Workspace": create(_workspace("$other")),
            "start a Workspace": patch(
                API_VERSION, "Workspace", NAME, {"spec": {"stopped": False}}, "$other"
            ),
            "delete a Workspace": delete(API_VERSION, "Workspace", NAME, "$other"),
        },
        by=RBAC,
        control={"create a Workspace at home": create(_workspace("$own"))},
    ),
)
