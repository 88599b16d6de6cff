"""Who is in a tenant: users, groups and service accounts as RBAC names them, and the roles that
they have."""

import re
from typing import Literal, Self, get_args

from pydantic import ConfigDict, model_validator

from manor.api.meta import DNS_SUBDOMAIN, Misplaced, Name, Spec, Text, cel
from manor.api.wellknown import SYSTEM_NAMESPACE

SYSTEM = ("kube-system", SYSTEM_NAMESPACE)
"""Namespaces of accounts that act for everybody."""
WHO = ("kind", "name", "namespace")
"""The fields that tell one subject from another."""

Role = Literal["owner", "editor", "viewer"]
ROLES: tuple[Role, ...] = get_args(Role)
"""The roles of a tenant, the mightiest first."""


class Subject(Spec):
    """Who: a user, a group or a service account, as RBAC names them."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "has(self.namespace) == (has(self.kind) && self.kind == 'ServiceAccount')",
                "a ServiceAccount needs a namespace, and nothing else has one",
            ),
            (
                (
                    "!self.name.startsWith('system:') || (has(self.kind) && self.kind == "
                    "'ServiceAccount')"
                ),
                "names that begin with system: are Kubernetes' own and cannot belong to a tenant",
            ),
            ("self.name != '*'", "'*' would be everybody; write who it is"),
            (
                "!has(self.kind) || self.kind != 'ServiceAccount' || "
                f"self.name.matches('{DNS_SUBDOMAIN}')",
                "no ServiceAccount has such a name: lower-case letters, digits, '-' and '.'",
            ),
            (
                f"!has(self.namespace) || !(self.namespace in {list(SYSTEM)})",
                "the ServiceAccounts of this namespace are Kubernetes' or Manor's own and cannot "
                "belong to a tenant",
            ),
        )
    )

    kind: Literal["User", "Group", "ServiceAccount"] = "User"
    """User, Group or ServiceAccount."""
    name: Text
    """Name as the API server knows it."""
    namespace: Name | None = None
    """Namespace of a ServiceAccount; for other kinds it must be absent."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.name == "*":  # to RBAC it is a name; to flow control it is everybody
            raise Misplaced("'*' would be everybody; write who it is", "name")
        if self.kind == "ServiceAccount" and not re.match(DNS_SUBDOMAIN, self.name):
            raise Misplaced(
                f"no ServiceAccount is called {self.name!r}: lower-case letters, digits, "
                "'-' and '.'",
                "name",
            )
        if self.kind == "ServiceAccount" and self.namespace is None:
            raise ValueError("a ServiceAccount needs its namespace: add `namespace: …`")
        if self.namespace in SYSTEM:  # the guardrails let them pass
            raise Misplaced(
                f"the ServiceAccounts of {self.namespace} are Kubernetes' or Manor's own and "
                "cannot belong to a tenant",
                "namespace",
            )
        if self.kind != "ServiceAccount" and self.namespace is not None:
            raise ValueError(
                f"a {self.kind} has no namespace: remove it, or write `kind: ServiceAccount`"
            )
        if self.kind != "ServiceAccount" and self.name.startswith("system:"):
            raise ValueError(
                f"{self.name!r} is one of Kubernetes' own identities and cannot belong to a tenant"
            )
        return self

    def known_as(self, group_prefix: str) -> str:
        """The name by which the API server knows it: a group's has the prefix of OpenID Connect
        before it."""
        return group_prefix + self.name if self.kind == "Group" else self.name

    def text(self, group_prefix: str) -> str:
        """`User:name`, `Group:name` or `ServiceAccount:namespace:name`, as the policies compare
        subjects."""
        return ":".join(
            part for part in (self.kind, self.namespace, self.known_as(group_prefix)) if part
        )


class Member(Subject):
    """A subject and what it may do in the tenant."""

    role: Role = "editor"
    """owner (may also grant roles), editor (works with the team's objects) or viewer (reads, no
    Secrets)."""
