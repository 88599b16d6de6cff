"""Pods and what makes them, as the policies have it: which resources to look at, and where in an
object the pod is."""

from collections import Counter
from itertools import groupby

from manor.api.pack_zero import RULES
from manor.render.objects import Object

_MAKERS = sorted((rule for rule in RULES if rule.templates), key=lambda rule: rule.group)


def resource_rules() -> list[Object]:
    """The `resourceRules` of a policy that looks at every pod template: one for each API group."""
    rules: list[Object] = []
    for group, makers in groupby(_MAKERS, key=lambda rule: rule.group):
        resources: list[str] = []
        for maker in makers:
            resources += [
                maker.plural,
                *(f"{maker.plural}/{name}" for name in maker.adds_containers),
            ]
        # Kubernetes serves each of them in this version alone.
        rules.append(
            {
                "apiGroups": [group],
                "apiVersions": ["v1"],
                "operations": ["CREATE", "UPDATE"],
                "resources": resources,
            }
        )
    return rules


def pod_spec() -> str:
    """The spec of the pod in `object`, in CEL: by the kind where a kind has it in a place of its
    own."""
    places = {rule.kind: path for rule in RULES for path in rule.templates}
    usual = Counter(places.values()).most_common(1)[0][0]
    own = [
        f"object.kind == '{kind}' ? {_spec(path)}" for kind, path in places.items() if path != usual
    ]
    return " : ".join([*own, _spec(usual)])


def _spec(path: str) -> str:
    return ".".join(part for part in ("dyn(object)", path, "spec") if part)
