"""A cluster with guardrails and tenants, for the tests of the policies; and how a case is sent to
it."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from manor.api import Platform, Tenant
from manor.api.subjects import ROLES
from manor.api.wellknown import SYSTEM_NAMESPACE
from manor.kube import ApiError, Client, Conflict, NotFound, UnknownKind
from manor.render import guardrails, labels
from manor.render.crds import crds
from manor.render.metadata import namespace_annotations
from manor.rollout.fixtures import definition
from policy_cases import OWNERS, Case
from waiting import until

Object = dict[str, Any]

SPECS = list(yaml.safe_load_all((Path(__file__).parent / "guardrails.yaml").read_text()))
PLATFORM = Platform.model_validate(SPECS[0])
MORE = {
    "engines": {"queue": "kueue"},
    "ingress": {
        "classes": ["nginx"],
        "dataPlane": {"namespace": "ingress-nginx"},
        "annotations": ["nginx.ingress.kubernetes.io/proxy-body-size"],
    },
}
WHOLE_PLATFORM = Platform.model_validate({**SPECS[0], "spec": {**SPECS[0]["spec"], **MORE}})
"""The same platform with a queue system and an ingress controller: team-queue's."""
TENANTS = [Tenant.model_validate(spec) for spec in SPECS[1:]]

RBAC = "rbac.authorization.k8s.io"
STAND_INS = {
    ("snapshot.storage.k8s.io", "v1", "VolumeSnapshot", "volumesnapshots", "Namespaced"),
    ("cilium.io", "v2", "CiliumNetworkPolicy", "ciliumnetworkpolicies", "Namespaced"),
    ("gateway.envoyproxy.io", "v1alpha1", "EnvoyPatchPolicy", "envoypatchpolicies", "Namespaced"),
    (
        "trainer.kubeflow.org",
        "v1alpha1",
        "ClusterTrainingRuntime",
        "clustertrainingruntimes",
        "Cluster",
    ),
    ("ray.io", "v1", "RayJob", "rayjobs", "Namespaced"),
    ("kueue.x-k8s.io", "v1beta1", "LocalQueue", "localqueues", "Namespaced"),
}
"""Kinds that the policies speak of and a bare API server lacks; without a schema, since only names
matter here."""

# What an administrator may grant by mistake: everything in the namespace, and outside it much that
# is not a tenant's.
EVERYTHING = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
TOO_MUCH = [
    {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["create", "get", "update", "patch"]},
    {
        "apiGroups": [""],
        "resources": ["namespaces/status", "namespaces/finalize"],
        "verbs": ["update", "patch"],
    },
    {
        "apiGroups": [""],
        "resources": ["namespaces"],
        "resourceNames": ["team-a", "team-b"],
        "verbs": ["delete"],
    },
    {
        "apiGroups": [RBAC],
        "resources": ["clusterroles", "clusterrolebindings"],
        "verbs": ["create", "patch", "delete"],
    },
    {"apiGroups": [RBAC], "resources": ["clusterroles"], "verbs": ["escalate", "bind"]},
    {
        "apiGroups": ["certificates.k8s.io"],
        "resources": ["certificatesigningrequests"],
        "verbs": ["create"],
    },
    {
        "apiGroups": ["flowcontrol.apiserver.k8s.io"],
        "resources": ["flowschemas"],
        "verbs": ["create"],
    },
    {
        "apiGroups": ["manor.dev"],
        "resources": ["tenants", "tenants/status", "tools"],
        "verbs": ["create", "patch"],
    },
]
ADDONS = "system:serviceaccount:cluster-addons"
COMPONENTS: dict[str, list[Object]] = {
    "labels-namespaces": [{"apiGroups": [""], "resources": ["namespaces"], "verbs": ["patch"]}],
    "patches-pod-status": [{"apiGroups": [""], "resources": ["pods/status"], "verbs": ["patch"]}],
    "patches-slices": [
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["patch"]}
    ],
}
"""Components outside kube-system, each with what it may do in every namespace; in team-a they may
do everything."""
BIND_CLAIMS = {"apiGroups": [""], "resources": ["persistentvolumeclaims"], "verbs": ["patch"]}
"""The volume controller updates claims; here it is sent as a patch."""


def scaled(kind: Object) -> Object:
    """The definition, with the subresource scale."""
    paths = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}
    kind["spec"]["versions"][0]["subresources"] = {"scale": paths}
    return kind


def grant(name: str, rules: list[Object], user: str, namespace: str | None = None) -> list[Object]:
    """A role of `rules` and its binding to `user`, in `namespace` or in the whole cluster."""
    prefix = "" if namespace else "Cluster"
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    role = {
        "apiVersion": f"{RBAC}/v1",
        "kind": f"{prefix}Role",
        "metadata": metadata,
        "rules": rules,
    }
    binding = {
        "apiVersion": f"{RBAC}/v1",
        "kind": f"{prefix}RoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": RBAC, "kind": f"{prefix}Role", "name": name},
        "subjects": [{"apiGroup": RBAC, "kind": "User", "name": user}],
    }
    return [role, binding]


def tenancy(tenant: Tenant) -> list[Object]:
    """A tenant's namespace, as far as the policies look at it, with far too many rights for its
    owner."""
    name, owner = tenant.name, tenant.spec.owners[0].name
    params = guardrails.params(WHOLE_PLATFORM if name == "team-queue" else PLATFORM, tenant, name)
    owning = [
        {
            "apiGroups": ["manor.dev"],
            "resources": ["tenants"],
            "resourceNames": [name],
            "verbs": ["own"],
        },
        {
            "apiGroups": [""],
            "resources": ["namespaces"],
            "resourceNames": tenant.namespace_slots,
            "verbs": ["own", "delete"],
        },
    ]
    return [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": name,
                "labels": labels.namespace_labels(tenant),
                "annotations": namespace_annotations(PLATFORM, tenant),
            },
        },
        params,
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "default", "namespace": name},
            "automountServiceAccountToken": False,
        },
        *grant("test-everything", EVERYTHING, owner, name),
        *grant(f"test-{name}", owning, owner),
    ]


def cluster_objects() -> list[Object]:
    """All that the cases need beside the policies."""
    manage = {"apiGroups": ["manor.dev"], "resources": ["tenants"], "verbs": ["manage"]}
    roles = [
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": f"manor:{role}"},
            "rules": [],
        }
        for role in ROLES
    ]
    return [
        *crds(),
        *(scaled(definition(*kind)) for kind in sorted(STAND_INS)),
        *roles,
        *(obj for tenant in TENANTS for obj in tenancy(tenant)),
        *grant("test-too-much", TOO_MUCH, "ada"),
        *grant(
            "test-binder",
            [BIND_CLAIMS],
            "system:serviceaccount:kube-system:persistent-volume-binder",
        ),
        *grant("test-platform", [manage, *EVERYTHING], "platform"),
        *(
            obj
            for name, rules in COMPONENTS.items()
            for obj in grant(f"test-{name}", rules, f"{ADDONS}:{name}")
        ),
        *(
            obj
            for user in (
                *(f"{ADDONS}:{name}" for name in (*COMPONENTS, "named")),
                "system:serviceaccount:team-a:robot",
                "system:serviceaccount:team-a:manor-stand-in",
            )
            for obj in grant(f"test-{user.rpartition(':')[2]}", EVERYTHING, user, "team-a")
        ),
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "unowned"}},
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM_NAMESPACE}},
        {
            "apiVersion": "node.k8s.io/v1",
            "kind": "RuntimeClass",
            "metadata": {"name": "gvisor"},
            "handler": "runsc",
            "overhead": {"podFixed": {"memory": "64Mi"}},
        },
        *(
            {
                "apiVersion": "node.k8s.io/v1",
                "kind": "RuntimeClass",
                "metadata": {"name": name},
                "handler": name,
            }
            for name in ("nvidia", "runc")
        ),
        {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": "batch"},
            "value": 1000,
        },
    ]


async def apply_all(client: Client, objects: Iterable[Object]) -> None:
    for obj in objects:
        await until(
            f"{obj['kind']} {obj['metadata']['name']} applied", partial(_applied, client, obj)
        )


async def _applied(client: Client, obj: Object) -> bool:
    try:
        await client.apply(obj, field_manager="tests", force=True)
    except (NotFound, UnknownKind):  # a kind whose definition is not served yet
        return False
    return True


@asynccontextmanager
async def guarded(kubeconfig: Path, *in_force: Case) -> AsyncIterator[Client]:
    """A cluster of one's own with guardrails and tenants, once it refuses all of `in_force`."""
    async with Client.connect(kubeconfig) as client:
        wanted = [*cluster_objects(), *guardrails.policies(WHOLE_PLATFORM)]
        await apply_all(client, [obj for obj in wanted if await _gone(client, where(obj))])
        for case in in_force:
            await until(f"{case.id} refused", partial(refuses, client, case))
        yield client


async def refuses(client: Client, case: Case) -> bool:
    """Whether the case is refused by its policy, and for its reason: params not seen yet are
    another."""
    message = await refusal(client, case) or ""
    return said_by(case) in message and case.directives["expect"] in message


def where(obj: Object) -> tuple[str, str, str, str | None]:
    return obj["apiVersion"], obj["kind"], obj["metadata"]["name"], obj["metadata"].get("namespace")


def bindings(policy: str | None = None) -> list[Object]:
    """The validating bindings, of one policy or of all."""
    found = [
        obj
        for obj in guardrails.policies(WHOLE_PLATFORM)
        if obj["kind"] == "ValidatingAdmissionPolicyBinding"
    ]
    return [
        obj for obj in found if policy in (None, obj["spec"]["policyName"].removeprefix("manor-"))
    ]


async def send(client: Client, case: Case) -> None:
    """The case's request, by a dry run unless it says otherwise, as its user; what must exist
    exists for that long. Raises ApiError."""
    async with _existing(client, case.onto):
        asked = client.impersonate(case.user)
        obj, metadata = case.object, case.object["metadata"]
        target = case.onto.object if case.onto else obj
        if "post" in case.directives:
            resource = await client.resource(target["apiVersion"], target["kind"])
            path = resource.path(
                metadata["namespace"], target["metadata"]["name"], case.directives["subresource"]
            )
            await asked.request("POST", path, params={"dryRun": "All"}, body=obj)
        elif "connect" in case.directives:
            await _connect(asked, case)
        elif "collection" in case.directives:
            resource = await client.resource(obj["apiVersion"], obj["kind"])
            where_all = resource.path(metadata["namespace"])
            await asked.request("DELETE", where_all, params={"dryRun": "All"})
        elif "delete" in case.directives:
            await asked.delete(
                obj["apiVersion"],
                obj["kind"],
                metadata["name"],
                metadata.get("namespace"),
                dry_run=True,
            )
        elif "patch" in case.directives:
            await _change(asked, case)
        elif "stored" in case.directives:
            await asked.create(obj)
            await client.delete(*where(obj))
        else:
            await asked.create(obj, dry_run=True)


async def _connect(asked: Client, case: Case) -> None:
    meta = case.object["metadata"]
    pod = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"
    path = f"{pod}/{case.directives['subresource']}"
    try:
        await asked.request("POST", path, params={"command": "true", "stdout": "true"})
    except ApiError as error:  # there is no kubelet, and the request upgrades to nothing
        if "denied request" in error.message:
            raise


async def _change(asked: Client, case: Case) -> None:
    obj, metadata = case.object, case.object["metadata"]
    subresource = case.directives.get("subresource")
    if subresource == "finalize":  # takes PUT alone
        path = f"/api/v1/namespaces/{metadata['name']}/finalize"
        await asked.request("PUT", path, params={"dryRun": "All"}, body=obj)
        return
    body = (
        {**obj, "apiVersion": "autoscaling/v1", "kind": "Scale"} if subresource == "scale" else obj
    )
    kind_of_patch = "strategic-merge-patch" if obj["kind"] == "Pod" else "merge-patch"
    await asked.patch(
        obj["apiVersion"],
        obj["kind"],
        metadata["name"],
        body,
        namespace=metadata.get("namespace"),
        content_type=f"application/{kind_of_patch}+json",
        subresource=subresource,
        dry_run=True,
    )


@asynccontextmanager
async def _existing(client: Client, case: Case | None) -> AsyncIterator[None]:
    if case is None:
        yield
        return
    place = where(case.object)
    await until(f"{place} made", lambda: _made(client, case.object))
    try:
        yield
    finally:
        await client.delete(*place, grace_seconds=0)
        await until(f"{place} gone", lambda: _gone(client, place))


async def _made(client: Client, obj: Object) -> bool:
    try:
        await client.create(obj)
    except Conflict:  # the one before is still going
        return False
    return True


async def _gone(client: Client, place: tuple[str, str, str, str | None]) -> bool:
    try:
        await client.get(*place)
    except (NotFound, UnknownKind):
        return True
    return False


async def refusal(client: Client, case: Case) -> str | None:
    """The message with which the case's request is refused, or None where it is admitted."""
    try:
        await send(client, case)
    except ApiError as error:
        return f"{error.status} {error.message}"
    return None


def said_by(case: Case) -> str:
    """The words with which the API server names the policy that refuses."""
    return f"ValidatingAdmissionPolicy 'manor-{case.policy}' with binding 'manor-{case.policy}"


assert {tenant.name for tenant in TENANTS} == set(OWNERS)
