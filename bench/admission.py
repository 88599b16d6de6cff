"""What the guardrails add to the creation of a pod: p50 and p99 with and without them, on one API
server.

Rounds alternate between namespaces that differ in the policies bound to them alone, so that load
on the machine falls on all alike. Whatever fills in a pod's fields costs a
MutatingAdmissionPolicy's patch: the physical limit is one that adds a single field, and nothing
else. The last row is a pod that asks for a node, a GPU and a label of its own, and so for a full
look; the bar is for the plain one.
Bar: p50 with the policies at most 1.5 times p50 with that one patch.

    python bench/admission.py [KUBECONFIG]      without it, on a throw-away API server of its own
"""

import argparse
import asyncio
import statistics
import time
from pathlib import Path
from typing import Any

from ground.api_server import api_server
from manor.api import Platform, Tenant
from manor.api.wellknown import MANAGED_BY_LABEL, NAME_LABEL, POD_SECURITY
from manor.kube import ApiError, Client
from manor.render import guardrails, labels

BAR = 1.5
ROUNDS = 600
WARM_UP = 50
USER = "bench-ada"
GUARDED, OPEN, PATCHED = "bench-guarded", "bench-open", "bench-patched"

PLATFORM = Platform.model_validate(
    {
        "apiVersion": "manor.dev/v1alpha1",
        "kind": "Platform",
        "spec": {
            "domain": "example.org",
            "network": {
                "podCidrs": ["10.0.0.0/16"],
                "serviceCidrs": ["10.1.0.0/16"],
                "nodeCidrs": ["10.2.0.0/16"],
            },
            "registries": ["registry.example.com"],
        },
    }
)
TENANT = Tenant.model_validate(
    {
        "apiVersion": "manor.dev/v1alpha1",
        "kind": "Tenant",
        "metadata": {"name": GUARDED},
        "spec": {"owners": [{"name": USER}], "gpu": {"guarantee": 1}},
    }
)


def pod(
    namespace: str, name: str, image: str = "registry.example.com/ml/train:1", asks: bool = False
) -> dict[str, Any]:
    """A pod as a data scientist's: two containers, a volume, ten variables; with `asks`, a node, a
    GPU and a label."""
    security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container: dict[str, Any] = {
        "image": image,
        "securityContext": security,
        "env": [{"name": f"VARIABLE_{n}", "value": "value"} for n in range(10)],
        "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
    }
    spec: dict[str, Any] = {
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{**container, "name": "train"}, {**container, "name": "watch"}],
        "volumes": [{"name": "scratch", "emptyDir": {}}],
    }
    marks = {NAME_LABEL: "train", MANAGED_BY_LABEL: "manor"}
    if asks:
        marks["app.kubernetes.io/component"] = "two"
        spec["nodeSelector"] = {"kubernetes.io/arch": "amd64"}
        container["resources"] = {"limits": {"nvidia.com/gpu": "1"}}
        spec["containers"] = [{**container, "name": "train"}, {**container, "name": "watch"}]
    metadata = {"name": name, "namespace": namespace, "labels": marks}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


ADMISSION = "admissionregistration.k8s.io/v1"
ONE_PATCH: list[dict[str, Any]] = [
    {
        "apiVersion": ADMISSION,
        "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": PATCHED},
        "spec": {
            "reinvocationPolicy": "Never",
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": [""],
                        "apiVersions": ["v1"],
                        "operations": ["CREATE"],
                        "resources": ["pods"],
                    }
                ]
            },
            "mutations": [
                {
                    "patchType": "JSONPatch",
                    "jsonPatch": {
                        "expression": (
                            "[JSONPatch{op: 'add', path: '/spec/hostname', value: 'bench'}]"
                        )
                    },
                }
            ],
        },
    },
    {
        "apiVersion": ADMISSION,
        "kind": "MutatingAdmissionPolicyBinding",
        "metadata": {"name": PATCHED},
        "spec": {
            "policyName": PATCHED,
            "matchResources": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": PATCHED}}
            },
        },
    },
]


async def prepare(client: Client) -> None:
    """Both namespaces, the tenant's ConfigMap, the user's rights and the policies, in force."""
    rbac = "rbac.authorization.k8s.io"
    for name in (GUARDED, OPEN, PATCHED):
        marks = labels.namespace_labels(TENANT) if name == GUARDED else dict(POD_SECURITY)
        await client.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": marks}}
        )
        await client.apply(guardrails.params(PLATFORM, TENANT, name))
        await client.apply(
            {
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": {"name": "default", "namespace": name},
            }
        )
        await client.apply(
            {
                "apiVersion": f"{rbac}/v1",
                "kind": "RoleBinding",
                "metadata": {"name": "bench", "namespace": name},
                "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": "edit"},
                "subjects": [{"apiGroup": rbac, "kind": "User", "name": USER}],
            }
        )
    for obj in [*ONE_PATCH, *guardrails.policies(PLATFORM)]:
        await client.apply(obj)
    user = client.impersonate(USER)
    deadline = time.monotonic() + 60
    while True:  # until the policies refuse what they should, and for the right reason
        try:
            await user.create(pod(GUARDED, "probe", image="quay.io/other:1"), dry_run=True)
        except ApiError as error:
            if "not from an allowed registry" in error.message:
                return
        if time.monotonic() > deadline:
            raise SystemExit("error: the policies are not in force after 60 s")
        await asyncio.sleep(0.2)


async def clean(client: Client) -> None:
    """Removes what prepare made."""
    for obj in [*ONE_PATCH, *guardrails.policies(PLATFORM)]:
        await client.delete(obj["apiVersion"], obj["kind"], obj["metadata"]["name"])
    for name in (GUARDED, OPEN, PATCHED):
        await client.delete("v1", "Namespace", name)


CASES = {
    "without policies": (OPEN, False),
    "one field filled in": (PATCHED, False),
    "with policies": (GUARDED, False),
    "with policies, asking": (GUARDED, True),
}


async def measure(client: Client) -> dict[str, list[float]]:
    """Milliseconds of each creation; the pods are really made, and deleted afterwards."""
    user = client.impersonate(USER)
    took: dict[str, list[float]] = {case: [] for case in CASES}
    for number in range(WARM_UP + ROUNDS):
        order = list(CASES.items())
        order = order[number % len(order) :] + order[: number % len(order)]
        for case, (namespace, asks) in order:
            body = pod(namespace, f"train-{number}-{asks}".lower(), asks=asks)
            start = time.perf_counter()
            await user.create(body)
            took[case].append((time.perf_counter() - start) * 1000)
            await client.delete("v1", "Pod", body["metadata"]["name"], namespace, grace_seconds=0)
    return {case: times[WARM_UP:] for case, times in took.items()}


async def run(kubeconfig: Path) -> float:
    """Prints the table and returns the ratio of the medians."""
    async with Client.connect(kubeconfig) as client:
        await prepare(client)
        try:
            took = await measure(client)
        finally:
            await clean(client)
    print(f"pod create, {ROUNDS} each, ms {'p50':>8} {'p99':>8}")
    medians = {}
    for case, times in took.items():
        cuts = statistics.quantiles(times, n=100)
        medians[case] = cuts[49]
        print(f"{case:<26} {cuts[49]:8.2f} {cuts[98]:8.2f}")
    print(f"at p50, to none: {medians['with policies'] / medians['without policies']:.2f}")
    ratio = medians["with policies"] / medians["one field filled in"]
    print(f"at p50, to one field: {ratio:.2f} (bar: {BAR})")
    return ratio


def main() -> int:
    """Exit code 1 where the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--kubeconfig", type=Path, help="an API server to fill; default: a throw-away one"
    )
    given = parser.parse_args()
    with api_server(given.kubeconfig, durable=True) as kubeconfig:
        return int(asyncio.run(run(kubeconfig)) > BAR)


if __name__ == "__main__":
    raise SystemExit(main())
