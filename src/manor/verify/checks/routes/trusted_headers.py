"""Nothing is trusted from a header: a request is who its credentials say, whatever its headers
claim."""

from typing import Any

from manor.api.wellknown import service_account_user
from manor.verify.attempt import Attempt, Undetermined
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import PROBE_IMAGE
from manor.verify.findings import holds, seen
from manor.verify.probe.probe_pods import FREE, Target

CLAIMS = {
    "the front proxy's headers": (
        ("X-Remote-User", "system:admin"),
        ("X-Remote-Group", "system:masters"),
    ),
    "impersonation": (
        ("Impersonate-User", "system:admin"),
        ("Impersonate-Group", "system:masters"),
    ),
    "headers of login proxies": (
        ("kubeflow-userid", "admin@example.com"),
        ("X-Forwarded-User", "admin"),
        ("X-Auth-Request-User", "admin"),
    ),
}
ACCOUNT = service_account_user(FREE.namespace, "default")


async def _token(context: AttackContext) -> str:
    body: dict[str, Any] = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": 600},
    }
    path = f"/api/v1/namespaces/{FREE.namespace}/serviceaccounts/default/token"
    return str((await context.client.request("POST", path, body=body))["status"]["token"])


async def _attack(context: AttackContext) -> list[Attempt]:
    address = (await context.client.get("v1", "Service", "kubernetes", "default"))["spec"][
        "clusterIP"
    ]
    await context.probes.running(FREE, "client")
    credentials = (("Authorization", f"Bearer {await _token(context)}"),)
    secrets = f"/api/v1/namespaces/{context.victim.namespace}/secrets"
    targets = [Target("https", address, 443, "/api", credentials)]
    targets += [
        Target("https", address, 443, secrets, (*credentials, *claim)) for claim in CLAIMS.values()
    ]
    known, *answers = await context.probes.probe(FREE, targets)
    if " 200 " not in known.detail:
        raise Undetermined(
            f"the API server does not answer a service account in a pod without policies: {known}"
        )
    attempts = [seen(f"GET /api as {ACCOUNT} from its pod", "200")]
    for title, outcome in zip(CLAIMS, answers, strict=True):
        fine = " 403 " in outcome.detail and ACCOUNT in outcome.detail
        what = f"GET {secrets} as {ACCOUNT} from its pod, with {title}"
        attempts.append(holds(what, fine, outcome.detail[-400:], "authentication"))
    return attempts


CHECK = Check(
    id="MNR-ROUTES-012",
    title="Claim to be somebody by a header",
    guarantee="No identity is taken from a header that a client can write.",
    severity=Severity.CRITICAL,
    level=Level.LIVE,
    references=("kubeflow/kubeflow#6702", "CIS 1.2.1", "Kubernetes: Authenticating proxy"),
    attempt=(
        "From a pod, with its service account's token, asks for another tenant's Secrets with "
        "the headers of the front "
        "proxy, of impersonation, of Kubeflow's and other login proxies."
    ),
    expect="403 that names the service account: the headers changed nothing.",
    remedy=(
        "Set --requestheader-client-ca-file to a CA of its own; take `impersonate` from the "
        "account."
    ),
    requires=(PROBE_IMAGE,),
    run=_attack,
)
