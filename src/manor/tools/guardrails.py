"""The admission policies of Tools: what their kinds may say in a tenant's namespace."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from manor.api.platform import Controller
from manor.api.tool import Guardrail, Tool
from manor.api.wellknown import GUARDRAILS, TENANT_LABEL

POLICY_API = "admissionregistration.k8s.io/v1"


def policy_name(tool: Tool, guardrail: Guardrail) -> str:
    """The policy of one of a Tool's guardrails."""
    return f"manor-{tool.name}-{guardrail.name}"


def maker(tool: Tool, guardrail: Guardrail) -> Controller | None:
    """The Tool's controller that makes what the guardrail looks at, where teams only read it."""
    verbs = [kind.rule.verbs for kind in tool.spec.kinds if kind.kind in guardrail.kinds]
    read = not any("create" in (*each.editor, *each.owner) for each in verbs)
    return tool.spec.controllers[0] if read and tool.spec.controllers else None


def policies(tool: Tool) -> Iterator[dict[str, Any]]:
    """A policy for each guardrail, with its bindings, as Manor's own are written."""
    for guardrail in tool.spec.guardrails:
        name = policy_name(tool, guardrail)
        yield _policy(name, tool, guardrail)
        # As with Manor's own: a namespace that ends may lose its ConfigMap before its objects.
        yield _binding(name, name, "CREATE", "Deny")
        yield _binding(f"{name}-update", name, "UPDATE", "Allow")


def _policy(name: str, tool: Tool, guardrail: Guardrail) -> dict[str, Any]:
    looked_at = sorted(
        (kind for kind in tool.spec.kinds if kind.kind in guardrail.kinds),
        key=lambda kind: kind.group,
    )
    constraints = [
        {
            "apiGroups": [group],
            "apiVersions": ["*"],
            "operations": ["CREATE", "UPDATE"],
            "resources": sorted(kind.plural for kind in kinds),
        }
        for group, kinds in groupby(looked_at, key=lambda kind: kind.group)
    ]
    own = [{"name": part.name, "expression": part.expression} for part in guardrail.variables]
    spec = {
        "failurePolicy": "Fail",
        "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        "matchConstraints": {"resourceRules": constraints},
        "variables": [{"include": "who-acts"}, *own],
        "validations": [
            {
                "expression": f"variables.exempt || ({rule.expression})",
                "messageExpression": f"{_text(rule.message)} + '; ask ' + variables.contact",
            }
            for rule in guardrail.rules
        ],
    }
    return {
        "apiVersion": POLICY_API,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": spec,
    }


def _text(message: str) -> str:
    escaped = message.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _binding(name: str, policy: str, operation: str, without_params: str) -> dict[str, Any]:
    rule = {
        "apiGroups": ["*"],
        "apiVersions": ["*"],
        "operations": [operation],
        "resources": ["*/*"],
    }
    spec = {
        "policyName": policy,
        "validationActions": ["Deny"],
        "paramRef": {"name": GUARDRAILS, "parameterNotFoundAction": without_params},
        "matchResources": {
            "namespaceSelector": {
                "matchExpressions": [{"key": TENANT_LABEL, "operator": "Exists"}]
            },
            "resourceRules": [rule],
        },
    }
    return {
        "apiVersion": POLICY_API,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": spec,
    }
