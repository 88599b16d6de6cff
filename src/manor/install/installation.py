"""The way of a Tool's manifests onto the cluster."""

from manor.api.tool import Tool, ToolInstall
from manor.apply import Options, Progress, Result, apply, delete, silent
from manor.install.certificate import PLACEHOLDER, Pair, certified, is_good, made
from manor.install.hardening import Object
from manor.install.manifests import installation_of, inventory_of
from manor.kube import Client, NotFound


async def pair_for(client: Client, install: ToolInstall) -> Pair:
    """The pair that the cluster has, or a new one where there is none, or not for long."""
    wanted = install.certificate
    if wanted is None:
        return PLACEHOLDER
    host = f"{wanted.service}.{install.namespace}.svc"
    try:
        data = (await client.get("v1", "Secret", wanted.secret, install.namespace)).get("data", {})
    except NotFound:
        return made(host)
    pair = Pair(data.get("tls.crt", ""), data.get("tls.key", ""))
    return pair if is_good(pair, host) else made(host)


async def install(
    client: Client, tool: Tool, objects: list[Object], progress: Progress = silent
) -> Result:
    """Apply what `manifests` made, with its certificate; what an older version had besides goes."""
    spec = installation_of(tool)
    objects = certified(spec, objects, await pair_for(client, spec))
    return await apply(client, objects, inventory_of(tool), Options(force_conflicts=True), progress)


async def is_installed(client: Client, tool: Tool) -> bool:
    """Whether `install` has installed it."""
    inventory = inventory_of(tool)
    try:
        await client.get(inventory.api_version, inventory.kind, inventory.name, inventory.namespace)
    except NotFound:
        return False
    return True


async def uninstall(client: Client, tool: Tool, progress: Progress = silent) -> Result:
    """Remove what was installed, CRDs and so all objects of its kinds included."""
    return await delete(client, inventory_of(tool), Options(), progress)
