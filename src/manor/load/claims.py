"""What only one tenant can have: namespaces, those that its owners may make themselves, and host
names.

The first has it: of the tenants on the cluster the oldest, then those of the files in their order.
What a tenant has on the cluster it keeps when its file is read again.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from manor.api import Platform, Tenant
from manor.api.hosts import HostClaims
from manor.api.wellknown import PROBE_LABEL, TENANT_LABEL
from manor.load.positions import Document, Path, Problem

Given = Sequence[tuple[Document, Tenant]]
_NUMBER = re.compile("[1-9][0-9]*")


def made_for(namespace: Mapping[str, Any]) -> str:
    """The tenant whose owners made a live namespace, as its name and its label say; else empty.

    The API server lets a tenant's owners alone write that label onto a new namespace, and nobody
    of a tenant onto one that is there. Who got past that gains nothing: what the namespace is
    filled with is that tenant's, and others' rights are none of it. What `manor verify` has marked
    as its own stays as it is: it looks at what a namespace is before it is filled.
    """
    meta = namespace["metadata"]
    labels = meta.get("labels") or {}
    if PROBE_LABEL in labels:
        return ""
    tenant = str(labels.get(TENANT_LABEL, ""))
    before, _, number = meta["name"].rpartition("-")
    made = tenant and before == tenant and _NUMBER.fullmatch(number)
    return tenant if made and "deletionTimestamp" not in meta else ""


def _spaces(tenant: Tenant) -> dict[str, bool]:
    """The tenant's namespaces and, marked True, those that its owners may make."""
    slots = dict.fromkeys(tenant.namespace_slots, True)
    return slots | {space.name: False for space in tenant.namespaces if space.name not in slots}


@dataclass(frozen=True)
class _Taken:
    """Why a tenant cannot have a namespace; `kept` is that it is kept for owners of another one."""

    why: str
    kept: bool = False


@dataclass
class _Namespaces:
    holders: dict[str, tuple[str, bool]] = field(default_factory=dict)
    reserved: Sequence[str] = ()
    existing: Mapping[str, str] = field(default_factory=dict)

    def claim(self, name: str, tenant: str, slot: bool) -> _Taken | None:
        """Why `tenant` cannot have the namespace; None if it has it now."""
        if name in self.reserved or (slot and name.startswith(("kube-", "manor-"))):
            return _Taken(f"namespace {name!r} is the platform's own")
        holder, kept = self.holders.setdefault(name, (tenant, slot))
        if holder != tenant:
            if kept:
                return _Taken(
                    f"namespace {name!r} is kept for owners of tenant {holder!r} to make", kept=True
                )
            return _Taken(f"namespace {name!r} belongs to tenant {holder!r} already")
        if slot and self.existing.get(name, tenant) != tenant:
            return _Taken(f"namespace {name!r} exists and is not this tenant's")
        return None


def namespaces(
    given: Given, known: Mapping[str, Tenant], reserved: Sequence[str], existing: Mapping[str, str]
) -> Iterator[Problem]:
    """What the tenants of the files cannot have; `existing` is each namespace of the cluster with
    its tenant, or ''."""
    files = {tenant.name: _spaces(tenant) for _, tenant in given}
    claims = _Namespaces()
    for tenant in known.values():
        for name, slot in _spaces(tenant).items():
            if files.get(tenant.name, {name: slot}).get(name) == slot:
                claims.claim(name, tenant.name, slot)
    kept = set(claims.holders)
    claims.reserved, claims.existing = reserved, existing
    for document, tenant in given:
        places = {space.name: index for index, space in enumerate(tenant.spec.namespaces)}
        for name, slot in files[tenant.name].items():
            if slot and name in kept and claims.holders[name] == (tenant.name, True):
                continue
            if taken := claims.claim(name, tenant.name, slot):
                if slot:
                    fewer = (
                        f"its owners may not make it; set maxNamespaces below "
                        f"{name.rpartition('-')[2]}"
                    )
                    yield document.problem(("spec", "maxNamespaces"), f"{taken.why}: {fewer}")
                    continue
                path: Path = (
                    ("spec", "namespaces", places[name]) if name in places else ("metadata", "name")
                )
                yield document.problem(
                    path,
                    f"{taken.why}; choose another"
                    + (", or lower its maxNamespaces" if taken.kept else ""),
                )


def hosts(given: Given, known: Mapping[str, Tenant], platform: Platform) -> Iterator[Problem]:
    """The hosts of the files' tenants that another tenant has."""
    domain = platform.spec.domain
    files = {tenant.name: tenant.hosts(domain) for _, tenant in given}
    claims = HostClaims()
    for tenant in known.values():
        for host in tenant.hosts(domain):
            if host in files.get(tenant.name, [host]):
                claims.claim(host, tenant.name)
    for document, tenant in given:
        for index, host in enumerate(files[tenant.name]):
            if taken := claims.claim(host, tenant.name):
                path: Path = ("spec", "hosts", index) if tenant.spec.hosts else ("metadata", "name")
                message = (
                    f"host {host!r} overlaps {taken[0]!r} of tenant {taken[1]!r}; choose another"
                )
                yield document.problem(path, message)
