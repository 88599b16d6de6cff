"""Specs to objects for the components: read, checked together, rendered. Knows nothing
of Pulumi."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any

from manor.api import Model, Platform, Tenant, Tool, TrainingJob, Workload, Workspace
from manor.engines import compile_specs, model_url, render_workload
from manor.infra.errors import DuplicateComponent, InfraError
from manor.load import Document, InvalidInput, Problem, Specs, read, specs_from
from manor.render import Object, spec_object, url

Spec = Platform | Tool | Tenant | TrainingJob | Model | Workspace


def document_of(spec: Any, kind: str, component: str) -> Document:
    """A spec given as a model, as the mapping that its YAML is, or as a file that holds
    it alone."""
    if isinstance(spec, Spec):
        document = Document(spec_object(spec), component, {(): 0})
    elif isinstance(spec, str | PathLike):
        found = read([Path(spec)])
        if len(found) != 1:
            raise InvalidInput(
                [
                    Problem(
                        str(spec), 0, "", f"holds {len(found)} documents; a {kind} is wanted, alone"
                    )
                ]
            )
        document = found[0]
    else:
        document = Document(spec, component, {(): 0})
    if isinstance(document.value, Mapping) and document.value.get("kind") != kind:
        given = document.value.get("kind")
        raise InvalidInput(
            [
                Problem(
                    document.source,
                    document.line(("kind",)),
                    "kind",
                    f"must be {kind}; got {given!r}",
                )
            ]
        )
    return document


@dataclass
class Known:
    """The Platform and everyone on it, read once for however many components stand on them."""

    taken: dict[tuple[str, str, str], str] = field(default_factory=dict)
    tenants: dict[str, Tenant] = field(default_factory=dict)
    """Tenants registered so far: their names, namespaces and hosts are taken."""
    _last: tuple[list[Document], Specs] | None = None
    _last_tenant: tuple[list[Document], tuple[Platform, Tenant, dict[str, Tenant]]] | None = None

    def specs(self, documents: Sequence[Document]) -> Specs:
        """The specs of `documents`, the Platform first. InvalidInput holds every problem."""
        if self._last is None or self._last[0] != list(documents):
            self._last = (list(documents), specs_from(documents))
        return self._last[1]

    def tenant(self, documents: Sequence[Document]) -> tuple[Platform, Tenant, dict[str, Tenant]]:
        """Platform, tenant, and everyone; the documents are the tenant's, the Platform's and every
        tenant's."""
        given = list(documents)
        if self._last_tenant is None or self._last_tenant[0] != given:
            base = self.specs(given[1:])
            everyone = Specs(platform=base.platform, tenants={**self.tenants, **base.tenants})
            tenant = next(iter(specs_from(given[:1], known=everyone).tenants.values()))
            self._last_tenant = (
                given,
                (_platform(base), tenant, {**base.tenants, tenant.name: tenant}),
            )
        return self._last_tenant[1]

    def claim(self, spec: Spec, component: str) -> None:
        """Taken if another component is this tenant or workload already."""
        key = (spec.kind, getattr(spec.metadata, "namespace", ""), spec.metadata.name)
        owner = self.taken.setdefault(key, component)
        if owner != component:
            name = "/".join(filter(None, key[1:]))
            raise DuplicateComponent(
                f"{component}: {spec.kind} {name} is made by component {owner!r} already"
            )
        if isinstance(spec, Tenant):
            self.tenants[spec.name] = spec


def _platform(specs: Specs) -> Platform:
    if specs.platform is None:
        raise InfraError("the first spec is no Platform")
    return specs.platform


def _compiled(spec: Platform | Tenant, specs: Specs) -> list[Object]:
    """What one spec becomes beside all others."""
    (part,) = compile_specs(_platform(specs), specs.tenants, [spec], specs.toolset)
    return part.objects


def platform_objects(documents: Sequence[Document], known: Known) -> list[Object]:
    """The Platform and what it becomes, own Tools first; the documents are the Platform's, its
    Tools' and every tenant's."""
    specs = known.specs(documents)
    platform = _platform(specs)
    tools = [spec_object(tool) for tool in specs.tools.values()]
    return [spec_object(platform), *tools, *_compiled(platform, specs)]


def tenant_objects(documents: Sequence[Document], known: Known) -> list[Object]:
    """The Tenant and what it becomes."""
    _, tenant, tenants = known.tenant(documents)
    everyone = replace(known.specs(documents[1:]), tenants=tenants)
    return [spec_object(tenant), *_compiled(tenant, everyone)]


def tenant_urls(documents: Sequence[Document], known: Known) -> list[str]:
    """Where the tenant's host names are reached."""
    platform, tenant, _ = known.tenant(documents)
    return [url(platform, host) for host in tenant.hosts(platform.spec.domain)]


def workload_of(documents: Sequence[Document], known: Known) -> tuple[Platform, Tenant, Workload]:
    """Platform, tenant and workload; the documents are the workload's, the tenant's, the Platform's
    and the others'."""
    own, *rest = documents
    platform, tenant, _ = known.tenant(rest)
    workload = specs_from(
        [own], known=Specs(platform=platform, tenants={tenant.name: tenant})
    ).workloads[0]
    return platform, tenant, workload


def workload_objects(documents: Sequence[Document], known: Known) -> list[Object]:
    """The workload and what it becomes."""
    platform, tenant, workload = workload_of(documents, known)
    tools = known.specs(documents[2:]).toolset
    return [spec_object(workload), *render_workload(platform, tenant, workload, tools)]


def serving_url(documents: Sequence[Document], known: Known) -> str:
    """Where a Model answers."""
    platform, tenant, workload = workload_of(documents, known)
    if not isinstance(workload, Model):
        raise InfraError(f"{workload.kind} {workload.metadata.name} serves nothing")
    return model_url(platform, tenant, workload)
