"""Extra rules of the three tenant roles: what a team may do with the kinds of other projects."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from manor.api import pack_zero
from manor.api.meta import Spec, cel
from manor.api.rules import governed_groups

GOVERNED_GROUPS = governed_groups(pack_zero.RULES)
"""Kubernetes' own API groups, and those by which the platform keeps teams apart: extra rules may
only read them."""

_GOVERNED = ", ".join(f"'{group}'" for group in GOVERNED_GROUPS)

Verb = Literal["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"]
Group = Annotated[str, Field(pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$", max_length=253)]
Resource = Annotated[
    str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(/[a-z]+)?$", max_length=253)
]


class NamedRule(Spec):
    """Verbs on the resources of API groups, each by its name."""

    api_groups: list[Group] = Field(min_length=1, max_length=16)
    """API groups, such as `argoproj.io`; no wildcard."""
    resources: list[Resource] = Field(min_length=1, max_length=32)
    """Resources by their plural names, with a subresource after a slash; no wildcard."""
    verbs: list[Verb] = Field(min_length=1, max_length=8)
    """Verbs; no wildcard, and none that hands on rights."""


class RoleRule(NamedRule):
    """A rule for people of a tenant: Kubernetes' own groups, and those that keep teams apart, it
    may only read."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                f"self.apiGroups.all(g, !(g in [{_GOVERNED}])) || (self.verbs.all(v, v in "
                f"['get', 'list', 'watch']) "
                "&& self.resources.all(r, r != 'secrets' && !r.contains('/')))",
                (
                    "Kubernetes' own groups, and those that keep teams apart, may only be read, "
                    "and no Secrets of them"
                ),
            ),
        )
    )

    @property
    def reads_only(self) -> bool:
        """Whether it changes nothing."""
        return set(self.verbs) <= set(pack_zero.READ)

    @model_validator(mode="after")
    def _check(self) -> Self:
        governed = sorted(set(self.api_groups) & set(GOVERNED_GROUPS))
        closed = [name for name in self.resources if name == "secrets" or "/" in name]
        if governed and (closed or not self.reads_only):
            what = (
                f"apiGroups {', '.join(repr(group) for group in governed)} may only be read, "
                f"and no Secrets of them"
            )
            raise ValueError(
                f"{what}: what teams do with these is Manor's to say; leave the rule out"
            )
        return self


class ExtraRules(Spec):
    """Rules beside Manor's own; an editor has the viewer's too, and an owner has all."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                (
                    "!has(self.viewer) || self.viewer.all(r, r.verbs.all(v, v in ['get', 'list', "
                    "'watch']))"
                ),
                "a viewer reads: its rules hold get, list and watch alone",
            ),
        )
    )

    owner: list[RoleRule] = Field(default=[], max_length=32)
    """More that owners may do, and so may grant."""
    editor: list[RoleRule] = Field(default=[], max_length=32)
    """More that editors and owners may do."""
    viewer: list[RoleRule] = Field(default=[], max_length=32)
    """More that everyone in the team may read."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for rule in self.viewer:
            if not rule.reads_only:
                raise ValueError(
                    "viewer: a viewer reads: leave get, list and watch, or give the rule to editors"
                )
        return self
