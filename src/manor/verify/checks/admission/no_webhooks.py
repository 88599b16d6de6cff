"""Isolation holds while every process of Manor is down: no webhook of Manor's stands in the request
path."""

from manor.api.wellknown import GROUP
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.findings import holds, seen

API = "admissionregistration.k8s.io/v1"


async def _look(context: AttackContext) -> list[Attempt]:
    hooks = [
        hook
        for kind in ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
        for hook in await context.snapshot.all(API, kind)
    ]
    crds = await context.snapshot.all("apiextensions.k8s.io/v1", "CustomResourceDefinition")
    ours = [hook["metadata"]["name"] for hook in hooks if "manor" in str(hook)]
    ours += [
        crd["metadata"]["name"]
        for crd in crds
        if crd["spec"]["group"] == GROUP
        and crd["spec"].get("conversion", {}).get("strategy") == "Webhook"
    ]
    got = f"{len(hooks)} webhook configurations" + (
        f", of Manor: {', '.join(ours)}" if ours else ", none of Manor"
    )
    return [
        seen("kinds are listed", f"{len(crds)} CustomResourceDefinitions"),
        holds("webhooks of Manor", not ours, got, "in-tree policies alone"),
    ]


CHECK = Check(
    id="MNR-ADMISSION-012",
    title="Depend on a process of Manor's in the request path",
    guarantee=(
        "Isolation holds while every process of Manor is down: no webhook of Manor's stands in "
        "the request path."
    ),
    severity=Severity.MEDIUM,
    level=Level.STATIC,
    references=(
        "CVE-2021-25735 (class)",
        "CIS 5.1.12",
    ),
    attempt=(
        "Looks for webhook configurations and authorizers of Manor's, and conversion webhooks in "
        "its kinds."
    ),
    expect="There is none: every guardrail is evaluated in the API server itself.",
    remedy="Delete the webhook configuration.",
    run=_look,
    scope="cluster",
)
