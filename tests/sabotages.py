"""Ways to break a cluster on purpose: each a few changes by an administrator, and the checks that
must go red."""

import asyncio
import copy
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from manor.kube import Client, Conflict, NotFound
from manor.verify import Check, Report, Status

Object = dict[str, Any]
Ref = tuple[str, str, str, str | None]

RBAC = "rbac.authorization.k8s.io/v1"
ADMISSION = "admissionregistration.k8s.io/v1"
NETWORKING = "networking.k8s.io/v1"
FLOW = "flowcontrol.apiserver.k8s.io/v1"
GATEWAY = "gateway.networking.k8s.io/v1"


@dataclass(frozen=True)
class Change:
    """What is done to one object: `body` None deletes it; `merge` patches it; otherwise it is
    applied."""

    ref: Ref
    body: Object | None = None
    merge: bool = False
    subresource: str | None = None


@dataclass(frozen=True)
class Sabotage:
    name: str
    changes: tuple[Change, ...]
    red: frozenset[str]
    """Exactly the checks that fail under it, without the prefix MNR-."""


def put(obj: Object) -> Change:
    meta = obj["metadata"]
    return Change((obj["apiVersion"], obj["kind"], meta["name"], meta.get("namespace")), obj)


def remove(api_version: str, kind: str, name: str, namespace: str | None = None) -> Change:
    return Change((api_version, kind, name, namespace))


def merge(
    api_version: str,
    kind: str,
    name: str,
    body: Object,
    namespace: str | None = None,
    sub: str | None = None,
) -> Change:
    return Change((api_version, kind, name, namespace), body, True, sub)


def unbind(policy: str) -> tuple[Change, ...]:
    """Both bindings of a policy of Manor's; some have one."""
    return tuple(
        remove(ADMISSION, "ValidatingAdmissionPolicyBinding", f"manor-{policy}{end}")
        for end in ("", "-update")
    )


def rule(group: str, resources: str, verbs: str, *names: str) -> Object:
    made: Object = {"apiGroups": [group], "resources": resources.split(), "verbs": verbs.split()}
    return {**made, "resourceNames": list(names)} if names else made


def user(name: str) -> Object:
    return {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": name}


def group(name: str) -> Object:
    return {"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": name}


def account(namespace: str, name: str) -> Object:
    return {"kind": "ServiceAccount", "namespace": namespace, "name": name}


ALICE = user("tenant-a-user")


def bind(
    role: str, *subjects: Object, namespace: str | None = None, kind: str = "ClusterRole"
) -> Change:
    meta = {"name": "sabotage", **({"namespace": namespace} if namespace else {})}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role}
    binding = {
        "apiVersion": RBAC,
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": meta,
    }
    return put({**binding, "roleRef": reference, "subjects": list(subjects or (ALICE,))})


def grant(*rules: Object, namespace: str | None = None, to: Object = ALICE) -> tuple[Change, ...]:
    """A role of these rules, bound to tenant A's owner: in a namespace, or over the cluster."""
    meta = {"name": "sabotage", **({"namespace": namespace} if namespace else {})}
    kind = "Role" if namespace else "ClusterRole"
    role = put({"apiVersion": RBAC, "kind": kind, "metadata": meta, "rules": list(rules)})
    return role, bind("sabotage", to, namespace=namespace, kind=kind)


def network_policy(namespace: str, **spec: Any) -> Change:
    body = {
        "podSelector": {},
        "policyTypes": [t for t in ("Ingress", "Egress") if t.lower() in spec],
        **spec,
    }
    meta = {"name": "sabotage", "namespace": namespace}
    return put({"apiVersion": NETWORKING, "kind": "NetworkPolicy", "metadata": meta, "spec": body})


def _fresh(obj: Object) -> Object:
    """An object as it can be created again."""
    made = copy.deepcopy(obj)
    for key in (
        "resourceVersion",
        "uid",
        "creationTimestamp",
        "generation",
        "managedFields",
        "selfLink",
    ):
        made["metadata"].pop(key, None)
    made.pop("status", None)
    return made


async def _get(client: Client, ref: Ref) -> Object | None:
    try:
        return await client.get(ref[0], ref[1], ref[2], ref[3])
    except NotFound:
        return None


async def _do(client: Client, change: Change) -> None:
    api_version, kind, name, namespace = change.ref
    if change.merge:
        await client.patch(
            api_version,
            kind,
            name,
            change.body,
            namespace=namespace,
            subresource=change.subresource,
        )
    elif change.body is not None:
        await client.apply(change.body, field_manager="sabotage", force=True)
    elif await _get(client, change.ref) is not None:
        await client.delete(api_version, kind, name, namespace)


async def _undo(client: Client, ref: Ref, before: Object | None) -> None:
    """The object as it was; again where a controller wrote it in between."""
    while True:
        now = await _get(client, ref)
        try:
            if before is not None and now is not None:
                fresh = _fresh(before)
                fresh["metadata"]["resourceVersion"] = now["metadata"]["resourceVersion"]
                await client.replace(fresh)
            elif before is not None:
                await client.create(_fresh(before))
            elif now is not None:
                await client.delete(ref[0], ref[1], ref[2], ref[3], grace_seconds=0)
        except Conflict:
            continue
        return


def together(sabotages: Iterable[Sabotage], most: int) -> list[Sabotage]:
    """Several at once, `most` at a time, where no two touch the same object or turn the same check
    red: what a run of all checks finds is told apart as well, and takes as long as for one."""
    groups: list[list[Sabotage]] = []
    for sabotage in sabotages:
        fitting = (group for group in groups if len(group) < most and _apart(sabotage, group))
        group = next(fitting, None)
        if group is None:
            groups.append([sabotage])
        else:
            group.append(sabotage)
    return [
        Sabotage(
            "; ".join(one.name for one in group),
            tuple(change for one in group for change in one.changes),
            frozenset().union(*(one.red for one in group)),
        )
        for group in groups
    ]


def _apart(sabotage: Sabotage, others: Sequence[Sabotage]) -> bool:
    refs = {change.ref for change in sabotage.changes}
    return all(
        refs.isdisjoint(change.ref for change in other.changes)
        and sabotage.red.isdisjoint(other.red)
        for other in others
    )


@asynccontextmanager
async def sabotaged(client: Client, sabotage: Sabotage) -> AsyncIterator[None]:
    """The cluster under the sabotage; afterwards as it was."""
    before = {change.ref: await _get(client, change.ref) for change in sabotage.changes}
    try:
        for change in sabotage.changes:
            await _do(client, change)
        yield
    finally:
        for ref in reversed(list(before)):
            await _undo(client, ref, before[ref])


def reds(report: Report) -> set[str]:
    """The checks that fail, without the prefix MNR-."""
    return {
        result.check.id.removeprefix("MNR-")
        for result in report.results
        if result.status is Status.FAIL
    }


async def settled(
    attack: Callable[[list[Check]], Awaitable[Report]],
    checks: list[Check],
    expected: frozenset[str],
    seconds: float,
) -> Report:
    """The report once exactly the expected checks are red; the last one where that never comes."""
    end = time.monotonic() + seconds
    while reds(report := await attack(checks)) != expected and time.monotonic() < end:
        await asyncio.sleep(0.3)
    return report
