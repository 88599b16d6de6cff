"""The Tools that a Platform, or one of its tenants, has; and what they are together."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from manor.api import Platform, Tenant
from manor.api.platform import Controller
from manor.api.rules import KindRule
from manor.api.tool import Tool
from manor.tools.packs import shipped


@dataclass(frozen=True)
class Toolset:
    """Some Tools, in the order in which the Platform names them."""

    tools: tuple[Tool, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """What they are called."""
        return frozenset(tool.name for tool in self.tools)

    def of(self, tenant: Tenant) -> "Toolset":
        """Those that the tenant uses: all, unless its `tools` names fewer."""
        wanted = tenant.spec.tools
        return (
            self
            if wanted is None
            else Toolset(tuple(tool for tool in self.tools if tool.name in wanted))
        )

    @cached_property
    def rules(self) -> tuple[KindRule, ...]:
        """The rules of all their kinds; of a kind that two of them name, the first one's."""
        rules = [kind.rule for tool in self.tools for kind in tool.spec.kinds]
        return tuple({(rule.group, rule.kind): rule for rule in reversed(rules)}.values())[::-1]

    @property
    def controllers(self) -> list[Controller]:
        """The service accounts of their controllers."""
        return [each for tool in self.tools for each in tool.spec.controllers]

    def reserved_namespaces(self, platform: Platform) -> list[str]:
        """Namespaces that no tenant may have: the Platform's, and where the Tools' own pods run."""
        controllers = {each.namespace for each in self.controllers}
        peers = {each.namespace for tool in self.tools for each in tool.spec.traffic}
        return sorted({*platform.reserved_namespaces, *controllers, *peers})

    @property
    def metadata_keys(self) -> list[str]:
        """Keys of labels and annotations that they read and write."""
        return [key for tool in self.tools for key in tool.spec.metadata_keys]

    @property
    def finalizers(self) -> list[str]:
        """Finalizers that their webhooks put onto a tenant's new object."""
        return [finalizer for tool in self.tools for finalizer in tool.spec.finalizers]

    @property
    def queued_kinds(self) -> list[str]:
        """Kinds (`Kind.group`) that the queue system admits as a whole."""
        return [
            f"{kind.kind}.{kind.group}"
            for tool in self.tools
            for kind in tool.spec.kinds
            if kind.queued
        ]


NO_TOOLS = Toolset()


def toolbox(own: Mapping[str, Tool]) -> Mapping[str, Tool]:
    """Every Tool that can be named: the shipped ones, and one's own, which stand before a shipped
    one of their name."""
    return {**shipped(), **own}


def turned_on(platform: Platform, own: Mapping[str, Tool]) -> Toolset:
    """The Tools that the Platform names; a name that there is no Tool of is passed over."""
    if not platform.spec.tools:
        return NO_TOOLS
    known = toolbox(own)
    return Toolset(tuple(known[name] for name in platform.spec.tools if name in known))
