"""What the cluster already says: its Platform and its Tenants, as far as the user may read them."""

from collections.abc import Iterable

from manor.api import API_VERSION, Platform, Tenant
from manor.kube import Client, Forbidden, NotFound, Object, UnknownKind
from manor.load import Document, InvalidInput, Problem, Specs, specs_from
from manor.render import labels


async def read_known(client: Client, namespaces: Iterable[str] = ()) -> Specs:
    """The Platform and the Tenants on the cluster; for a user who may not list tenants, those of `namespaces`."""
    known = Specs()
    try:
        known.platform = Platform.model_validate(await client.get(API_VERSION, "Platform", "manor"))
        tenants = await _tenants(client, namespaces)
    except (UnknownKind, NotFound):
        return known
    known.tenants = {tenant.name: tenant for tenant in map(Tenant.model_validate, tenants)}
    return known


async def _tenants(client: Client, namespaces: Iterable[str]) -> list[Object]:
    try:
        return await client.list(API_VERSION, "Tenant")
    except Forbidden:
        names = set()
        for namespace in set(namespaces):
            found = await client.get("v1", "Namespace", namespace)
            names.add(found["metadata"].get("labels", {}).get(labels.TENANT))
        return [await client.get(API_VERSION, "Tenant", name) for name in sorted(names - {None})]


def namespaces_of(documents: Iterable[Document]) -> list[str]:
    """The namespaces that documents name, before they are known to be valid."""
    found = []
    for document in documents:
        metadata = document.value.get("metadata") if isinstance(document.value, dict) else None
        namespace = metadata.get("namespace") if isinstance(metadata, dict) else None
        found += [namespace] if isinstance(namespace, str) else []
    return found


async def read_specs(client: Client, documents: list[Document]) -> tuple[Specs, Specs]:
    """The specs in `documents`, checked against the cluster's own; and all specs known afterwards."""
    if not documents:
        raise InvalidInput([Problem("", 0, "", "nothing to do: the files hold no document")])
    known = await read_known(client, namespaces_of(documents))
    specs = specs_from(documents, known=known)
    return specs, Specs(platform=specs.platform or known.platform, tenants=known.tenants | specs.tenants)
