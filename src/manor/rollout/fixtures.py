"""Tries a Tool's guardrails on an API server of their own: what they must admit is admitted, what
they must refuse is refused by them and nothing else."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from manor.api import API_VERSION, Tool
from manor.api.tool import Guardrail
from manor.api.wellknown import RBAC_API, RBAC_GROUP, service_account_user
from manor.apply import Options, wait
from manor.errors import ManorError
from manor.kube import ApiError, Client, Object
from manor.limits import limits
from manor.load import Document, specs_from
from manor.objectset.kinds import GroupKind, group_of
from manor.objectset.refusals import is_by_policy, is_passing
from manor.polling import poll_until
from manor.render import spec_object
from manor.render.objects import make
from manor.rollout.desired import Desired, compiled
from manor.rollout.rollout import roll_out
from manor.rollout.sets import apply_stages
from manor.tools.guardrails import maker, policy_name
from manor.tools.objects import filled

TENANT, OWNER = "tool-check", "tool-check-owner"
WORDS = {
    "tenant": TENANT,
    "namespace": TENANT,
    "domain": "tools.example",
    "image": "registry.example/tool:check",
}
MANAGER = "manor-tools-check"
NETWORK = {
    "podCidrs": ["10.244.0.0/16"],
    "serviceCidrs": ["10.96.0.0/16"],
    "nodeCidrs": ["10.0.0.0/24"],
}


@dataclass(frozen=True)
class Finding:
    """One fixture, and whether the guardrail did with it what it must."""

    guardrail: str
    fixture: str
    """Where it is in the file: `guardrails[0].refuses[1]`."""
    must: str
    """`admit` or `refuse`."""
    ok: bool
    said: str
    """What the API server answered."""


async def try_fixtures(client: Client, tool: Tool) -> AsyncIterator[Finding]:
    """Every fixture of the Tool, tried as the owner of a tenant that uses it, or, of kinds that
    teams only read, as the Tool's controller; nothing of them is stored.

    The client is an administrator's of a server that serves nothing else: what the tenant needs is
    applied to it, and the Tool's kinds are defined, without a schema, where the server lacks them.
    """
    await define_kinds(client, tool)
    desired = await _desired(client, tool)
    outcome = await roll_out(client, apply_stages(desired), Options())
    if not outcome.ok:
        raise ManorError(
            "; ".join(step.message for step in outcome.steps if step.message)
            or "nothing could be applied"
        )
    for index, guardrail in enumerate(tool.spec.guardrails):
        policy, sender = policy_name(tool, guardrail), await _sender(client, tool, guardrail)
        await _wait_for_rights(sender, tool, guardrail)
        for must, part, fixtures in (
            ("admit", "admits", guardrail.admits),
            ("refuse", "refuses", guardrail.refuses),
        ):
            for at, raw in enumerate(fixtures):
                error = await _sent(sender, filled(raw, WORDS))
                ok = (
                    error is None
                    if must == "admit"
                    else error is not None and is_by_policy(error.message, policy)
                )
                said = error.message if error is not None else "admitted"
                yield Finding(guardrail.name, f"guardrails[{index}].{part}[{at}]", must, ok, said)


async def _sender(client: Client, tool: Tool, guardrail: Guardrail) -> Client:
    """Who makes such objects: the tenant's owner, or the Tool's controller, with the rights that it
    has for it."""
    account = maker(tool, guardrail)
    if account is None:
        return client.impersonate(OWNER)
    kinds = [kind for kind in tool.spec.kinds if kind.kind in guardrail.kinds]
    rules = [
        {"apiGroups": [kind.group], "resources": [kind.plural], "verbs": ["create", "update"]}
        for kind in kinds
    ]
    name = f"tool-check-{tool.name}-{guardrail.name}"
    subject = {"kind": "ServiceAccount", "name": account.name, "namespace": account.namespace}
    ref = {"apiGroup": RBAC_GROUP, "kind": "ClusterRole", "name": name}
    await client.apply(make(RBAC_API, "ClusterRole", name, rules=rules), field_manager=MANAGER)
    binding = make(RBAC_API, "ClusterRoleBinding", name, roleRef=ref, subjects=[subject])
    await client.apply(binding, field_manager=MANAGER)
    return client.impersonate(service_account_user(account.namespace, account.name))


async def _wait_for_rights(sender: Client, tool: Tool, guardrail: Guardrail) -> None:
    """Until the authorizer has seen the roles, which are new; of a sender that still lacks the
    right then, the fixtures say so."""

    async def allowed() -> list[bool]:
        reviews = [
            {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SelfSubjectAccessReview",
                "metadata": {},
                "spec": {
                    "resourceAttributes": {
                        "namespace": TENANT,
                        "verb": "create",
                        "group": kind.group,
                        "resource": kind.plural,
                    }
                },
            }
            for kind in tool.spec.kinds
            if kind.kind in guardrail.kinds
        ]
        return [(await sender.create(review))["status"]["allowed"] for review in reviews]

    bounds = limits().apply
    await poll_until(all, allowed, timeout=bounds.retry, interval=bounds.retry_pause)


async def define_kinds(client: Client, tool: Tool) -> None:
    """Those of the Tool's kinds that the server lacks, without a schema."""
    kinds = {(kind.group, kind.kind): kind for kind in tool.spec.kinds}
    versions, made = _versions(tool), []
    for name in await client.unserved(kinds):
        kind, version = kinds[name], versions.get(name, "v1")
        scope = "Namespaced" if kind.namespaced else "Cluster"
        made.append(definition(kind.group, version, kind.kind, kind.plural, scope))
    for each in made:
        await client.apply(each, field_manager=MANAGER, force=True)
    await wait(client, made)


def _versions(tool: Tool) -> dict[GroupKind, str]:
    """The version in which the fixtures of each kind are written."""
    guardrails = tool.spec.guardrails
    written = [raw for guardrail in guardrails for raw in (*guardrail.admits, *guardrail.refuses)]
    return {
        (group_of(raw["apiVersion"]), raw["kind"]): raw["apiVersion"].rpartition("/")[2]
        for raw in written
    }


def definition(group: str, version: str, kind: str, plural: str, scope: str) -> Object:
    """A CustomResourceDefinition that takes any object."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    served = {
        "name": version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
    }
    approved = (
        {"api-approved.kubernetes.io": "unapproved, for a check"}
        if group.endswith(".k8s.io")
        else {}
    )
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}", "annotations": approved},
        "spec": {
            "group": group,
            "scope": scope,
            "names": {"kind": kind, "plural": plural},
            "versions": [served],
        },
    }


async def _desired(client: Client, tool: Tool) -> Desired:
    """A platform with the Tool and what it needs alone, and a tenant on it, as far as the server
    has their kinds."""
    tools = [*tool.spec.needs, tool.name]
    platform = {
        "domain": WORDS["domain"],
        "network": NETWORK,
        "gateway": {"isolation": "shared"},  # nothing else is installed
        "registries": ["registry.example"],
        "tools": tools,
        "images": {"tools": dict.fromkeys(tools, WORDS["image"])},
    }
    documents = [
        spec_object(tool),
        {
            "apiVersion": API_VERSION,
            "kind": "Platform",
            "metadata": {"name": "manor"},
            "spec": platform,
        },
        {
            "apiVersion": API_VERSION,
            "kind": "Tenant",
            "metadata": {"name": TENANT},
            "spec": {"owners": [{"name": OWNER}]},
        },
    ]
    specs = specs_from([Document(value, tool.name, {(): 0}) for value in documents])
    kinds = {
        (group_of(obj["apiVersion"]), obj["kind"])
        for part in compiled(specs, specs)
        for obj in part.objects
    }
    return Desired(specs, specs, frozenset(await client.unserved(kinds)))


async def _sent(client: Client, obj: Object) -> ApiError | None:
    """What the server says against the object; a dry run."""
    obj["metadata"].setdefault("namespace", TENANT)
    bounds = limits().apply

    async def answer() -> ApiError | None:
        try:
            await client.create(obj, dry_run=True)
        except ApiError as error:
            return error
        return None

    def stands(error: ApiError | None) -> bool:
        # A new policy refuses for a moment, and a quota that does not count a new kind yet for half
        # a minute.
        return error is None or not is_passing(error.message)

    pauses = {"interval": bounds.retry_pause, "longest": bounds.retry_pause_longest}
    return await poll_until(stands, answer, timeout=bounds.counted, **pauses)
