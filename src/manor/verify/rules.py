"""What an identity may do in a namespace, as one answer: for whole matrices where there are many
tenants.

A SelfSubjectRulesReview lists the rules that RBAC gives an identity; a question is then answered
from the list, as RBAC itself does (k8s.io/component-helpers, auth/rbac/validation). Where the
server says that the list is not complete, because another authorizer has a say, it answers nothing,
and the authorizer is asked each question.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Rule = Mapping[str, Any]


@dataclass(frozen=True)
class Rules:
    """The rules of an identity in a namespace."""

    resources: tuple[Rule, ...]
    paths: tuple[Rule, ...]
    complete: bool

    @classmethod
    def read(cls, status: Mapping[str, Any]) -> "Rules":
        """From the status of a SelfSubjectRulesReview."""
        complete = not status.get("incomplete", False)
        return cls(tuple(status["resourceRules"]), tuple(status["nonResourceRules"]), complete)

    def allowing(self, attributes: Mapping[str, Any]) -> Rule | None:
        """The rule that allows what a review's attributes say; None where none does."""
        if path := attributes.get("nonResourceAttributes"):
            return next(
                (rule for rule in self.paths if _path(rule, path["verb"], path["path"])), None
            )
        wanted = attributes["resourceAttributes"]
        return next((rule for rule in self.resources if _resource(rule, wanted)), None)


def rule_words(rule: Rule) -> str:
    """A rule as people say it: `get, list pods, pods/log (apps)`."""
    parts = [
        ", ".join(rule.get("verbs", [])),
        ", ".join([*rule.get("resources", []), *rule.get("nonResourceURLs", [])]),
    ]
    if groups := ", ".join(filter(None, rule.get("apiGroups", []))):
        parts.append(f"({groups})")
    if names := ", ".join(rule.get("resourceNames", [])):
        parts.append(f"named {names}")
    return " ".join(filter(None, parts))


def _path(rule: Rule, verb: str, path: str) -> bool:
    urls = rule.get("nonResourceURLs", [])
    fits = any(
        url in ("*", path) or (url.endswith("*") and path.startswith(url[:-1])) for url in urls
    )
    return fits and bool({verb, "*"} & set(rule["verbs"]))


def _resource(rule: Rule, wanted: Mapping[str, str]) -> bool:
    resource, subresource = wanted["resource"], wanted["subresource"]
    names = {"*", f"{resource}/{subresource}" if subresource else resource}
    if subresource:
        names.add(f"*/{subresource}")
    return (
        bool({wanted["verb"], "*"} & set(rule["verbs"]))
        and bool({wanted["group"], "*"} & set(rule.get("apiGroups", [])))
        and bool(names & set(rule.get("resources", [])))
        and (not rule.get("resourceNames") or wanted["name"] in rule["resourceNames"])
    )
