"""Reads what is to be adopted."""

from collections import defaultdict
from collections.abc import Collection

from manor.adoption.profiles import Place
from manor.errors import ManorError
from manor.kube import Client, Forbidden, Object, UnknownKind

GROUP = "kubeflow.org"
ENFORCE = "pod-security.kubernetes.io/enforce"
"""The label by which a namespace has the level that a tenant's has."""
GROUPS = {
    "AuthorizationPolicy": "security.istio.io",
    "LimitRange": "",
    "NetworkPolicy": "networking.k8s.io",
    "PersistentVolumeClaim": "",
    "Pod": "",
    "PodDefault": GROUP,
    "ResourceQuota": "",
    "RoleBinding": "rbac.authorization.k8s.io",
    "VirtualService": "networking.istio.io",
}
"""The kinds that are looked at, with their groups."""


async def read_places(client: Client, names: Collection[str], warnings: list[str]) -> list[Place]:
    """The Profiles of these names, or all of them, with what stands in their namespaces.

    `warnings` is where the client puts what the server warns of. ManorError where there are no
    Profiles, or none of a name.
    """
    try:
        kind = await client.preferred_resource(GROUP, "Profile")
    except UnknownKind:
        raise ManorError(f"this cluster has no Profiles ({GROUP})") from None
    profiles = {
        each["metadata"]["name"]: each for each in await client.list(kind.api_version, "Profile")
    }
    if missing := sorted(set(names) - set(profiles)):
        there = ", ".join(sorted(profiles)) or "none"
        raise ManorError(f"no Profile {', '.join(missing)}; there are: {there}")
    spaces = {each["metadata"]["name"]: each for each in await client.list("v1", "Namespace")}
    objects = {kind: await _by_namespace(client, kind) for kind in GROUPS}
    places = []
    for name in sorted(names or profiles):
        held = {kind: found.get(name, []) for kind, found in objects.items()}
        space = spaces.get(name)
        refused = await _refused(client, space, warnings) if space and held["Pod"] else []
        places.append(Place(profiles[name], space, held, refused))
    return places


async def _by_namespace(client: Client, kind: str) -> dict[str, list[Object]]:
    """The objects of a kind; none where the server lacks it."""
    found = defaultdict(list)
    try:
        served = await client.preferred_resource(GROUPS[kind], kind)
    except UnknownKind:
        return {}
    for each in await client.list(served.api_version, kind):
        found[each["metadata"]["namespace"]].append(each)
    return found


async def _refused(client: Client, space: Object, warnings: list[str]) -> list[str]:
    """What the server warns of when the namespace gets the level `restricted`, in a dry run: each
    pod that would be refused, with what is wrong with it."""
    name = space["metadata"]["name"]
    warnings.clear()
    body = {"metadata": {"labels": {ENFORCE: "restricted"}}}
    try:
        await client.patch("v1", "Namespace", name, body, dry_run=True)
    except Forbidden as error:
        return [f"security is not known: {error.message}"]
    # The first line names the namespace and the level; one for each pod follows.
    return [text for text in warnings if not text.startswith("existing pods in namespace")]
