"""Waits until the API server acts by the admission policies just written.

It watches policies and their bindings, and takes what changed over as a whole, about once a second.
So, once it refuses by a policy that was written last, it acts by all that were written before.
"""

import secrets
from contextlib import suppress
from functools import partial

from manor.apply.errors import NotEnforced
from manor.kube import ApiError, Client, NotFound, Object
from manor.limits import limits
from manor.objectset.kinds import group_of
from manor.objectset.references import Ref
from manor.objectset.refusals import is_by_policy
from manor.polling import poll_until

POLICY_API = "admissionregistration.k8s.io/v1"
KINDS = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")


def is_policy(ref: Ref) -> bool:
    """Whether the object is an admission policy or binds one."""
    return ref.group == group_of(POLICY_API) and ref.kind in KINDS


async def wait_enforced(client: Client) -> None:
    """Return once the API server acts by all policies written before. Raises NotEnforced.

    It writes a policy that refuses one ConfigMap, asks (dry-run) for that ConfigMap until it is
    refused, and deletes the policy. Behind a load balancer the answer is that of the server that
    was asked.
    """
    name = f"manor-in-force-{secrets.token_hex(4)}"
    asked = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "default"},
    }
    marker = _marker(name)
    try:
        for obj in marker:
            await client.create(obj)
        bounds = limits().apply
        look = partial(_refused, client, asked)
        if not await poll_until(bool, look, timeout=bounds.enforced, interval=bounds.poll):
            raise NotEnforced(
                f"the API server does not act by its admission policies after "
                f"{bounds.enforced:g} s: "
                "see whether its admission plugin ValidatingAdmissionPolicy is on"
            )
    finally:
        for obj in marker:
            with suppress(NotFound):
                await client.delete(POLICY_API, obj["kind"], name)


async def _refused(client: Client, obj: Object) -> bool:
    try:
        await client.create(obj, dry_run=True)
    except ApiError as error:
        if is_by_policy(error.message, obj["metadata"]["name"]):
            return True
        raise
    return False


def _marker(name: str) -> list[Object]:
    policy, binding = KINDS
    rule = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": ["configmaps"],
    }
    condition = {"name": "marker", "expression": f"object.metadata.name == '{name}'"}
    refusal = {"expression": "false", "message": "the admission policies are in force"}
    return [
        {
            "apiVersion": POLICY_API,
            "kind": policy,
            "metadata": {"name": name},
            "spec": {
                "matchConstraints": {"resourceRules": [rule]},
                "matchConditions": [condition],
                "validations": [refusal],
            },
        },
        {
            "apiVersion": POLICY_API,
            "kind": binding,
            "metadata": {"name": name},
            "spec": {"policyName": name, "validationActions": ["Deny"]},
        },
    ]
