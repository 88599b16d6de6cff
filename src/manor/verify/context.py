"""The context of an attack: who attacks whom on which cluster, and the words that attacks use for
them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from manor.api import Platform, Tenant
from manor.api.wellknown import QUEUE_LABEL
from manor.kube import Client
from manor.tools import Toolset
from manor.verify.attempt import Asked
from manor.verify.snapshot import Snapshot
from manor.verify.team import Actor, Team, Tenancy

if TYPE_CHECKING:
    from manor.verify.probe.probe_pods import ProbePods

DENIED = {
    "storage_class": "volumes",
    "registry": "images",
    "image": "images",
    "slot": "namespaces of its own making",
}
"""Words that there are none of because the specs allow none."""
PLACEHOLDER = re.compile(r"\$([a-z_]+)")

T = TypeVar("T")


def required(value: T | None, what: str) -> T:
    """The value, which is there by what the check requires; a check that does not say so crashes,
    and never passes."""
    if value is None:
        raise LookupError(f"no {what} is known, and the check does not require it")
    return value


@dataclass(frozen=True)
class AttackContext:
    """One attacker, one victim, one cluster."""

    client: Client
    """The verifier's own rights, for reading and for controls."""
    tenancy: Tenancy
    attacker: Team
    victim: Team
    snapshot: Snapshot
    """What the cluster holds, for checks that only look."""
    probes: "ProbePods"
    """The probe pods; started by the first live check that asks for them."""

    @property
    def platform(self) -> Platform:
        """The Platform, for checks that require `manor`."""
        return required(self.tenancy.platform, "Platform")

    @property
    def tenant(self) -> Tenant:
        """The attacker's spec, for checks that require `tenants`."""
        return required(self.attacker.tenant, "Tenant")

    def act(self, actor: Actor | None = None) -> Client:
        """The client of whoever asks for the attacker, or of `actor`."""
        return (actor or self.attacker.asker).client(self.client)

    @property
    def label(self) -> str:
        """Who attacks whom."""
        return f"{self.attacker.name} → {self.victim.name}"

    @property
    def registry(self) -> str | None:
        """A registry that the tenant may use; without Manor, any."""
        if self.attacker.registries:
            return self.attacker.registries[0]
        return "registry.k8s.io" if self.tenancy.platform is None else None

    @property
    def tools(self) -> Toolset:
        """The Tools that the attacker uses."""
        tools, tenant = self.tenancy.tools, self.attacker.tenant
        return tools.of(tenant) if tenant else tools

    @property
    def image(self) -> str | None:
        """An image that the tenant may run: in a dry run nobody looks whether it exists."""
        probes, allowed = self.probes.image, self.attacker.registries
        if probes and (
            self.attacker.tenant is None
            or any(probes.startswith(f"{registry}/") for registry in allowed)
        ):
            return probes
        return f"{self.registry}/manor-verify:1" if self.registry else None

    @property
    def slot(self) -> str | None:
        """A namespace that the attacker's owners may make; None where they may make none."""
        tenant = self.attacker.tenant
        return None if tenant and not tenant.spec.max_namespaces else f"{self.attacker.name}-1"

    @property
    def gpu(self) -> str:
        """The extended resource that counts as a GPU."""
        return (
            self.tenancy.platform.spec.gpu.resource_names[0]
            if self.tenancy.platform
            else "nvidia.com/gpu"
        )

    @property
    def queued(self) -> Mapping[str, Mapping[str, str]]:
        """Metadata of what waits in the attacker's own queue; empty where there is no
        queue system."""
        platform, tenant = self.tenancy.platform, self.attacker.tenant
        if platform is None or platform.spec.engines.queue == "none" or tenant is None:
            return {}
        return {"labels": {QUEUE_LABEL: tenant.spec.queues[0]}}

    @property
    def queue(self) -> Mapping[str, Mapping[str, str]]:
        """The same, for what is tried where there is a queue system alone. Raises Asked where there
        is none."""
        if not self.queued:
            raise Asked("the Platform has no queue system (spec.engines.queue: none)")
        return self.queued

    @property
    def ingress_class(self) -> Mapping[str, Any]:
        """The field of an Ingress that names an allowed class; empty where there is none."""
        ingress = self.tenancy.platform.spec.ingress if self.tenancy.platform else None
        return {"ingressClassName": ingress.classes[0]} if ingress else {}

    @cached_property
    def words(self) -> Mapping[str, str | None]:
        """What attacks write as `$own`, `$other`, …; None where the cluster has no such thing."""
        own, other = self.attacker, self.victim
        return {
            "own": own.namespace,
            "other": other.namespace,
            "tenant": own.name,
            "other_tenant": other.name,
            "user": own.actor.user,
            "other_user": other.actor.user,
            "slot": self.slot,
            "host": _one_of(own.hosts),
            "other_host": _one_of(other.hosts),
            "image": self.image,
            "storage_class": own.storage_classes[0] if own.storage_classes else None,
            "registry": self.registry,
            "gateway": own.gateway[1] if own.gateway else None,
            "gateway_namespace": own.gateway[0] if own.gateway else None,
            "other_gateway": other.gateway[1] if other.gateway else None,
            "other_gateway_namespace": other.gateway[0] if other.gateway else None,
            "domain": self.tenancy.platform.spec.domain if self.tenancy.platform else None,
        }

    def fill(self, value: Any) -> Any:
        """`value` with every `$word` in its strings replaced. Raises Asked where the specs allow no
        such thing."""
        if isinstance(value, str):
            return PLACEHOLDER.sub(self._word, value)
        if isinstance(value, Mapping):
            return {self.fill(key): self.fill(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.fill(item) for item in value]
        return value

    def _word(self, match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in self.words:
            return match.group(0)
        word = self.words[name]
        if word is None and name in DENIED and self.attacker.tenant is not None:
            raise Asked(
                f"{self.attacker.name} may have no {DENIED[name]}, by its Tenant or the Platform"
            )
        return required(word, name.replace("_", " "))


def _one_of(hosts: Sequence[str]) -> str | None:
    """A host name that the first of `hosts` stands for, which may be a wildcard."""
    return hosts[0].replace("*", "manor-verify", 1) if hosts else None
