"""Nothing is trusted from a header: a request that only says who it is, is nobody's."""

from manor.verify.check import Check, Level, Severity
from manor.verify.findings import holds, seen
from manor.verify.ground import Ground
from manor.verify.probe.stage import FREE, Target
from manor.verify.trial import Skip, Trial

CLAIMS = (
    ("X-Remote-User", "system:admin"),
    ("X-Remote-Group", "system:masters"),
    ("Impersonate-User", "system:admin"),
    ("Impersonate-Group", "system:masters"),
    ("kubeflow-userid", "admin@example.com"),
    ("X-Forwarded-User", "admin"),
)


async def _attack(ground: Ground) -> list[Trial]:
    address = (await ground.client.get("v1", "Service", "kubernetes", "default"))["spec"]["clusterIP"]
    secrets = f"/api/v1/namespaces/{ground.victim.namespace}/secrets"
    targets = [Target("https", address, 443, "/version")]
    targets += [Target("https", address, 443, secrets, (claim,)) for claim in CLAIMS]
    targets.append(Target("https", address, 443, secrets, CLAIMS))
    version, *answers = await ground.stage.probe(FREE, targets)
    if not version.reached:
        raise Skip(f"the API server is not reached from a pod without policies: {version}")
    trials = [seen("the API server answers a pod without policies", version.detail.splitlines()[0])]
    for title, outcome in zip([*(name for name, _ in CLAIMS), "all of them"], answers, strict=True):
        status = outcome.detail.split(" ")[1:2]
        refused = status in (["401"], ["403"])
        what = f"GET {secrets} with header {title} and no credentials"
        trials.append(holds(what, refused, outcome.detail[-300:], "authentication"))
    return trials


CHECK = Check(
    id="MNR-ROUTES-012",
    title="Claim to be somebody by a header",
    guarantee="No identity is taken from a header that a client can write.",
    severity=Severity.CRITICAL,
    level=Level.LIVE,
    references=("kubeflow/kubeflow#6702", "CVE-2022-29165 (class)", "CIS 1.2.1"),
    attempt="From a pod without policies, asks for Secrets with X-Remote-User, Impersonate-User and others.",
    expect="401 or 403: the headers of the front proxy count only with its certificate.",
    remedy="Set --requestheader-client-ca-file to a CA of its own; take rights from system:anonymous.",
    run=_attack,
)
