"""What RBAC gives an identity, worked out from the bindings: for whoever may not become it, and so
not have it ask itself."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from manor.api.wellknown import service_account_user
from manor.verify.rules import Rule, Rules
from manor.verify.team import Actor

Object = dict[str, Any]
Subject = tuple[str, str]
"""User or Group, and its name."""


class Bindings:
    """Every role and binding of a cluster."""

    def __init__(self, roles: Iterable[Object], bindings: Iterable[Object]) -> None:
        self._roles = {
            (role["kind"], role["metadata"].get("namespace", ""), role["metadata"]["name"]): role
            for role in roles
        }
        self._bound = defaultdict[Subject, list[Object]](list)
        for binding in bindings:
            for subject in binding.get("subjects") or ():
                self._bound[_known_as(subject, binding)].append(binding)

    def of(self, actor: Actor) -> list[Object]:
        """The bindings that name an identity, or a group of its own."""
        subjects = [("User", actor.user), *(("Group", name) for name in actor.groups)]
        return [binding for subject in subjects for binding in self._bound.get(subject, ())]

    def rules(self, actor: Actor, namespace: str) -> Rules:
        """All that an identity may do in a namespace, as far as RBAC has a say."""
        resources: list[Rule] = []
        paths: list[Rule] = []
        for subject in (("User", actor.user), *(("Group", name) for name in actor.all_groups)):
            for binding in self._bound.get(subject, ()):
                place = binding["metadata"].get("namespace", "")
                if place not in ("", namespace):
                    continue
                for rule in self._rules(binding, place):
                    if "nonResourceURLs" not in rule:
                        resources.append(rule)
                    elif not place:
                        paths.append(rule)
        return Rules(tuple(resources), tuple(paths), complete=True)

    def _rules(self, binding: Object, place: str) -> Iterable[Rule]:
        kind, name = binding["roleRef"]["kind"], binding["roleRef"]["name"]
        role = self._roles.get((kind, place if kind == "Role" else "", name))
        return (role or {}).get("rules") or ()


def _known_as(subject: Object, binding: Object) -> Subject:
    """A subject as the authorizer knows it; a service account is a user."""
    if subject["kind"] != "ServiceAccount":
        return subject["kind"], subject["name"]
    home = subject.get("namespace") or binding["metadata"].get("namespace", "")
    return "User", service_account_user(home, subject["name"])
