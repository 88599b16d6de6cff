"""Registrations as Pulumi resources. Registers; decides nothing."""

from collections.abc import Iterable, Mapping
from importlib.metadata import version

import pulumi

from manor.infra.registration import Registration
from manor.render import Object

PROVIDER_VERSION = version("pulumi-kubernetes")


class KubernetesObject(pulumi.CustomResource):
    """Any Kubernetes object, exactly as it is written, under the type that the Kubernetes provider
    has for it.

    The typed classes of pulumi_kubernetes rename fields and know no custom kinds; this one sends
    what was rendered.
    """

    metadata: pulumi.Output[Object]
    data: pulumi.Output[Object]
    """Of a ConfigMap or a Secret."""

    def __init__(
        self, name: str, type_token: str, body: Object, opts: pulumi.ResourceOptions
    ) -> None:
        # Without a version the engine would take any provider that it finds.
        versioned = pulumi.ResourceOptions.merge(
            opts, pulumi.ResourceOptions(version=PROVIDER_VERSION)
        )
        self.body = body
        super().__init__(type_token, name, dict(body), versioned)


def _body(registration: Registration, made: Mapping[str, KubernetesObject]) -> Object:
    body = registration.body
    hidden = {field: pulumi.Output.secret(body[field]) for field in registration.secret}
    if registration.owner is None:
        return {**body, **hidden}
    return {
        **body,
        **hidden,
        "metadata": {**body["metadata"], "ownerReferences": [_owner(made[registration.owner])]},
    }


def _owner(owner: KubernetesObject) -> Object:
    """An owner reference; the server gives the uid when the owner is made."""
    sent = owner.body
    uid = owner.metadata.apply(lambda metadata: metadata.get("uid", ""))
    return {
        **{key: sent[key] for key in ("apiVersion", "kind")},
        "name": sent["metadata"]["name"],
        "uid": uid,
    }


def register(
    parent: pulumi.ComponentResource,
    registrations: Iterable[Registration],
    made: dict[str, KubernetesObject],
    needs: pulumi.ResourceOptions,
    hooks: pulumi.ResourceHookBinding,
) -> None:
    """Register each as a child of `parent`, add it to `made` by its name, with what waits for
    nothing after `needs`."""
    for one in registrations:
        timeouts = (
            pulumi.CustomTimeouts(create=one.timeout, update=one.timeout) if one.timeout else None
        )
        options = pulumi.ResourceOptions(
            parent=parent,
            depends_on=[made[name] for name in one.after],
            deleted_with=made[one.deleted_with] if one.deleted_with else None,
            protect=one.protect or None,
            retain_on_delete=one.retain or None,
            additional_secret_outputs=list(one.secret) or None,
            ignore_changes=list(one.ignore) or None,
            custom_timeouts=timeouts,
            hooks=hooks,
        )
        if not one.after:
            options = pulumi.ResourceOptions.merge(options, needs)
        made[one.name] = KubernetesObject(one.name, one.type, _body(one, made), options)
