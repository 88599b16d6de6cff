"""Everything that a set of files says, as components: what the programs under `deploy/` have in
common."""

from collections.abc import Collection, Mapping
from typing import Any

import pulumi

from manor.engines import tenant_of
from manor.infra.components import Model, Platform, Tenant, TrainingJob, Workspace
from manor.infra.errors import InfraError
from manor.load import Specs


def make_all(
    specs: Specs,
    *,
    platform: Mapping[str, Any] | None = None,
    delete_data: Collection[str] = (),
    opts: pulumi.ResourceOptions | None = None,
) -> dict[str, Any]:
    """Make the Platform, its tenants and their workloads; returns what a stack puts out about the
    tenants.

    `platform` stands for the Platform of `specs` where values of it are Outputs; the volumes of the
    tenants named in `delete_data` go with them. A component is named like its spec.
    """
    if specs.platform is None:
        raise InfraError("the files hold no Platform; add one (kind: Platform, name: manor)")
    ground = Platform(
        "manor",
        {
            "spec": platform or specs.platform,
            "tenants": list(specs.tenants.values()),
            "tools": list(specs.tools.values()),
        },
        opts,
    )
    tenants = {
        name: Tenant(
            name, {"spec": spec, "platform": ground, "delete_data": name in delete_data}, opts
        )
        for name, spec in specs.tenants.items()
    }
    models: dict[str, dict[str, pulumi.Output[str]]] = {name: {} for name in tenants}
    for spec in specs.workloads:
        owner = tenant_of(spec, specs.tenants).name
        name = f"{spec.metadata.namespace}-{spec.kind.lower()}-{spec.metadata.name}"
        if spec.kind == "Model":
            models[owner][spec.metadata.name] = Model(
                name, {"spec": spec, "tenant": tenants[owner]}, opts
            ).url
        else:
            made = Workspace if spec.kind == "Workspace" else TrainingJob
            made(name, {"spec": spec, "tenant": tenants[owner]}, opts)
    return {
        name: {"namespaces": tenant.namespaces, "urls": tenant.urls, "models": models[name]}
        for name, tenant in tenants.items()
    }
