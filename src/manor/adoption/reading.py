"""Reads what is to be adopted."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from manor.adoption.capsule import LABEL
from manor.adoption.places import Origin, Place, Space
from manor.errors import ManorError
from manor.kube import Client, Forbidden, Object, UnknownKind

KUBEFLOW = "kubeflow.org"
CAPSULE = "capsule.clastix.io"
ENFORCE = "pod-security.kubernetes.io/enforce"
"""The label by which a namespace has the level that a tenant's has."""
GROUPS = {
    "AuthorizationPolicy": "security.istio.io",
    "LimitRange": "",
    "NetworkPolicy": "networking.k8s.io",
    "PersistentVolumeClaim": "",
    "Pod": "",
    "PodDefault": KUBEFLOW,
    "ResourceQuota": "",
    "RoleBinding": "rbac.authorization.k8s.io",
    "VirtualService": "networking.istio.io",
}
"""The kinds that are looked at, with their groups."""


async def read_profiles(client: Client, names: Collection[str], warnings: list[str]) -> list[Place]:
    """Kubeflow's Profiles of these names, or all of them, with what stands in their namespaces.

    `warnings` is where the client puts what the server warns of. ManorError where there are no
    Profiles, or none of a name.
    """
    profiles = await _named(client, KUBEFLOW, "Profile", "Profile", names)
    spaces = await _spaces(client, list(profiles), warnings)
    return [
        Place(name, Origin.PROFILE, [spaces[name]], profile) for name, profile in profiles.items()
    ]


async def read_capsule(client: Client, names: Collection[str], warnings: list[str]) -> list[Place]:
    """Capsule's Tenants, likewise."""
    tenants = await _named(client, CAPSULE, "Tenant", "Capsule Tenant", names)
    held: dict[str, list[str]] = defaultdict(list)
    for each in await client.list("v1", "Namespace", labels={LABEL: None}):
        held[each["metadata"]["labels"][LABEL]].append(each["metadata"]["name"])
    wanted = [space for name in tenants for space in held[name]]
    spaces = await _spaces(client, wanted, warnings)
    return [
        Place(name, Origin.CAPSULE, [spaces[space] for space in sorted(held[name])], tenant)
        for name, tenant in tenants.items()
    ]


async def read_namespaces(
    client: Client,
    names: Sequence[str],
    warnings: list[str],
    *,
    together: str = "",
    owners: Sequence[Object] = (),
) -> list[Place]:
    """Namespaces that people made, each to become a Tenant of its name, or all of them the one
    called `together`. ManorError where one is not there."""
    spaces = await _spaces(client, names, warnings)
    if missing := sorted(name for name, space in spaces.items() if space.namespace is None):
        raise ManorError(f"no namespace {', '.join(missing)}")
    given: Object = {"owners": list(owners)}
    if together:
        return [Place(together, Origin.NAMESPACE, list(spaces.values()), given)]
    return [Place(name, Origin.NAMESPACE, [space], given) for name, space in spaces.items()]


async def _named(
    client: Client, group: str, kind: str, title: str, names: Collection[str]
) -> Mapping[str, Object]:
    """The objects of a kind by their names."""
    try:
        served = await client.preferred_resource(group, kind)
    except UnknownKind:
        raise ManorError(f"this cluster has no {title}s ({group})") from None
    found = {each["metadata"]["name"]: each for each in await client.list(served.api_version, kind)}
    if missing := sorted(set(names) - set(found)):
        there = ", ".join(sorted(found)) or "none"
        raise ManorError(f"no {title} {', '.join(missing)}; there are: {there}")
    return {name: found[name] for name in sorted(names or found)}


async def _spaces(client: Client, names: Collection[str], warnings: list[str]) -> dict[str, Space]:
    """The namespaces of these names with what stands in them."""
    there = {each["metadata"]["name"]: each for each in await client.list("v1", "Namespace")}
    objects = {kind: await _by_namespace(client, kind) for kind in GROUPS}
    spaces = {}
    for name in names:
        held = {kind: found.get(name, []) for kind, found in objects.items()}
        space = there.get(name)
        refused = await _refused(client, space, warnings) if space and held["Pod"] else []
        spaces[name] = Space(name, space, held, refused)
    return spaces


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
