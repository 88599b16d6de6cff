"""No tenant's pod reaches a cloud's metadata address, where node credentials are.

A tenant that asks for an identity of its own (`network.workloadIdentity`) reaches one that gives a
pod nothing else: of that it is tried that it does not give the node's.
"""

from manor.verify.asked import metadata_servers
from manor.verify.attempt import Attempt, Verdict
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import PROBE_IMAGE
from manor.verify.findings import holds
from manor.verify.probe.probe_pods import Outcome, Target
from manor.verify.probe.reach import cut_off

GOOGLE = "169.254.169.254"
ACCOUNT = "iam.gke.io/gcp-service-account"
"""Annotation of a service account whose pods are a Google service account, where IAM lets them."""
MECHANISM = "GKE's metadata server"

cut_off_from_all = cut_off(
    {
        "AWS, GCP, Azure": Target("http", GOOGLE, 80),
        "GCP, its other port": Target("tcp", GOOGLE, 988),
        "AWS, tasks": Target("http", "169.254.170.2", 80),
        "AWS, pod identity": Target("http", "169.254.170.23", 80),
        "Alibaba": Target("http", "100.100.100.200", 80),
    },
    witness="free",
)


def _google(path: str) -> Target:
    where = f"/computeMetadata/v1/{path}"
    return Target("http", GOOGLE, 80, where, (("Metadata-Flavor", "Google"),))


ASKED = (
    _google("project/project-id"),
    _google("instance/service-accounts/default/email"),
    # A GKE node's credentials, with which it joins the cluster.
    _google("instance/attributes/kube-env"),
)


def _answer(outcome: Outcome) -> tuple[str, str]:
    """Status and body of an answer by HTTP; what came in its place, and nothing."""
    head, _, body = outcome.detail.partition("\r\n\r\n")
    if not outcome.reached or not head.startswith("HTTP/"):
        return outcome.outcome, ""
    return head.split()[1], body.strip()


async def own_identity(context: AttackContext) -> list[Attempt]:
    """The metadata server takes the pod for itself, and tells nothing of the node's."""
    team = context.attacker
    account = await context.client.get("v1", "ServiceAccount", "default", team.namespace)
    outcomes = await context.probes.probe(team, ASKED)
    (first, project), (status, email), (kept, _) = map(_answer, outcomes)
    # Without a Google service account a pod is a member of its project's pool of identities.
    own = {f"{project}.svc.id.goog", account["metadata"].get("annotations", {}).get(ACCOUNT)}
    what = f"who a pod of {team.name} is to {GOOGLE}"
    if first != "200" or status != "200":
        got = f"{first}, {status}; it is asked for, and does not answer as GKE's does"
        return [Attempt(what, Verdict.ERROR, got)]
    got = f"{email}; its own: {', '.join(filter(None, own))}"
    return [
        holds(what, email in own, got, MECHANISM),
        # What kube-env holds belongs in no report.
        holds(f"kube-env of the node from {GOOGLE}", kept != "200", kept, MECHANISM),
    ]


async def _run(context: AttackContext) -> list[Attempt]:
    attempts = await cut_off_from_all(context)
    if metadata_servers(context.attacker, context.tenancy.platform):
        attempts += await own_identity(context)
    return attempts


CHECK = Check(
    id="MNR-NETWORK-009",
    title="Read the cloud's metadata",
    guarantee=(
        "No tenant's pod reaches a cloud's metadata address, where node credentials are; one that "
        "asks for an identity of its own gets no other there."
    ),
    severity=Severity.CRITICAL,
    level=Level.LIVE,
    references=(
        "CIS 5.3.2",
        "NSA/CISA: Network separation and hardening",
        "GKE: Protecting cluster metadata",
    ),
    attempt=(
        "Asks the metadata addresses of AWS, GCP, Azure and Alibaba over HTTP from a pod of the "
        "attacker. Where its tenant asks for `network.workloadIdentity`, asks GKE's who the pod "
        "is, and for the attribute that holds the node's credentials."
    ),
    expect=(
        "The connection is dropped by NetworkPolicy: a free pod gets another outcome, or, where "
        "nothing answers at the address, the policies let no packet pass and are seen to be "
        "enforced. GKE's metadata server names the pod's own identity (the project's pool, or the "
        "Google service account of its service account) and refuses the attribute."
    ),
    remedy=(
        "Remove the NetworkPolicy that lets it pass; `manor apply` writes the default-deny "
        "policy again. Where the node's identity is given out: take `network.workloadIdentity` out "
        "of the Platform until each node pool has `--workload-metadata=GKE_METADATA`."
    ),
    requires=(PROBE_IMAGE,),
    run=_run,
)
