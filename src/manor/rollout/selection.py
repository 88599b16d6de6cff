"""Which nodes a pod may go to, by taints and labels, as the scheduler decides it.

Source: Kubernetes' documentation, "Taints and Tolerations" and "Assigning Pods to Nodes".
"""

from collections.abc import Callable, Mapping, Sequence

from manor.kube import Object

_KEEPS_OUT = ("NoSchedule", "NoExecute")
_MATCHES: dict[str, Callable[[str | None, Sequence[str]], bool]] = {
    "In": lambda value, values: value in values,
    "NotIn": lambda value, values: value not in values,
    "Exists": lambda value, _: value is not None,
    "DoesNotExist": lambda value, _: value is None,
    "Gt": lambda value, values: value is not None and int(value) > int(values[0]),
    "Lt": lambda value, values: value is not None and int(value) < int(values[0]),
}


def tolerates(pod: Object, node: Object) -> bool:
    """Whether a pod tolerates every taint of a node that keeps pods out."""
    tolerations = pod["spec"].get("tolerations") or ()
    taints = node["spec"].get("taints") or ()
    return all(
        any(_covers(toleration, taint) for toleration in tolerations)
        for taint in taints
        if taint["effect"] in _KEEPS_OUT
    )


def wants_node(pod: Object, node: Object) -> bool:
    """Whether a node has the labels that a pod asks for."""
    labels = node["metadata"].get("labels") or {}
    selector = pod["spec"].get("nodeSelector") or {}
    if any(labels.get(key) != value for key, value in selector.items()):
        return False
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if not required:
        return True
    names = {"metadata.name": node["metadata"]["name"]}
    return any(
        _all(term.get("matchExpressions"), labels) and _all(term.get("matchFields"), names)
        for term in required["nodeSelectorTerms"]
    )


def _all(expressions: Sequence[Object] | None, labels: Mapping[str, str]) -> bool:
    return all(
        _MATCHES[one["operator"]](labels.get(one["key"]), one.get("values") or ())
        for one in expressions or ()
    )


def _covers(toleration: Object, taint: Object) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return toleration.get("key") in (None, "", taint["key"])
    same_value = toleration.get("value", "") == taint.get("value", "")
    return bool(toleration.get("key") == taint["key"] and same_value)
