"""The systems that Tools speak of, put onto a cluster as `manor tools install` puts them: the same
objects of the same set, so that either goes on where the other stopped."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypedDict

import pulumi

from manor.api import Tool
from manor.infra.registration import Registration, set_registrations
from manor.infra.resources import KubernetesObject, register
from manor.infra.retry import retried
from manor.install.certificate import PLACEHOLDER, made, trusting
from manor.install.manifests import installation_of, inventory_of


class ToolInstallationArgs(TypedDict):
    """What a ToolInstallation is made of."""

    tool: Any
    """The Tool, a `manor.api.Tool` that says how it is installed."""
    manifests: Any
    """What `manor.install.manifests` makes of it."""


class ToolInstallation(pulumi.ComponentResource):
    """A system at a pinned version, hardened. The Platform's `tools` turn it on for teams."""

    def __init__(
        self, name: str, args: ToolInstallationArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("manor:index:ToolInstallation", name, None, opts)
        tool: Tool = args["tool"]
        spec, inventory = installation_of(tool), inventory_of(tool)
        place = {"name": inventory.name, "namespace": inventory.namespace}
        parent = {"apiVersion": inventory.api_version, "kind": inventory.kind, "metadata": place}
        members = set_registrations(name, parent, args["manifests"])
        late = [one for one in members if PLACEHOLDER.certificate in json.dumps(one.body)]
        self._needs = pulumi.ResourceOptions(depends_on=opts.depends_on if opts else None)
        self._hooks = retried(f"manor:ToolInstallation:{name}")
        self._made: dict[str, KubernetesObject] = {}
        self._register([one for one in members if one not in late])
        if spec.certificate:
            self._certify(late, (spec.namespace, spec.certificate.service))
        self.register_outputs({})

    def _register(self, members: Sequence[Registration]) -> None:
        register(self, members, self._made, self._needs, self._hooks)

    def _certify(self, late: Sequence[Registration], service: tuple[str, str]) -> None:
        """Register the certificate of a Service, then what trusts it."""
        (secret,) = [one for one in late if one.body["kind"] == "Secret"]
        namespace, host = service
        new = made(f"{host}.{namespace}.svc")
        data = {"tls.crt": new.certificate, "tls.key": new.key}
        # Each run makes a pair, and the one that was stored first stays.
        self._register([replace(secret, body={**secret.body, "data": data}, ignore=("data",))])
        stored = pulumi.Output.unsecret(self._made[secret.name].data)
        certificate = stored.apply(lambda kept: kept["tls.crt"])
        self._register(
            [
                replace(one, body=trusting(one.body, service, certificate))
                for one in late
                if one is not secret
            ]
        )
