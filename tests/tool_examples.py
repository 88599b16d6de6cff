"""A Tool of one's own, for the tests."""

from typing import Any

from manor.api import API_VERSION, Tool

Object = dict[str, Any]


def obj(api_version: str, kind: str, name: str = "a", **more: Any) -> Object:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, **more}}


ANVIL = obj("forge.example/v1", "Anvil")
FORGE: dict[str, Any] = {
    "summary": "A forge",
    "version": "1.0",
    "kinds": [
        {
            "group": "forge.example",
            "kind": "Anvil",
            "plural": "anvils",
            "scale": True,
            "queued": True,
        },
        {
            "group": "forge.example",
            "kind": "Fire",
            "plural": "fires",
            "namespaced": False,
            "verbs": {"editor": []},
        },
        {
            "group": "forge.example",
            "kind": "Log",
            "plural": "logs",
            "verbs": {"editor": []},
            "owns": False,
        },
    ],
    "controllers": [{"namespace": "forge-system", "name": "smith"}],
    "rights": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]}],
    "metadataKeys": ["forge.example/*"],
    "finalizers": ["forge.example/hot"],
    "traffic": [
        {"name": "bellows", "namespace": "forge-air", "ports": [9000], "to": {"app": "anvil"}}
    ],
    "guardrails": [
        {
            "name": "weight",
            "kinds": ["Anvil"],
            "variables": [{"name": "kilos", "expression": "object.spec.kilos"}],
            "rules": [{"expression": "variables.kilos < 100", "message": "it's too heavy"}],
            "admits": [{**ANVIL, "spec": {"kilos": 99}}],
            "refuses": [{**ANVIL, "spec": {"kilos": 100}}],
        }
    ],
    "objects": {
        "tenant": [
            {"apiVersion": "forge.example/v1", "kind": "Fire", "metadata": {"name": "$tenant"}}
        ],
        "namespace": [
            {
                "apiVersion": "forge.example/v1",
                "kind": "Anvil",
                "metadata": {"name": "first"},
                "spec": {"for": "$tenant in ${namespace}, $$5"},
            }
        ],
    },
}


def tool(name: str = "forge", **changes: Any) -> Tool:
    spec = {**FORGE, **changes}
    return Tool.model_validate(
        {"apiVersion": API_VERSION, "kind": "Tool", "metadata": {"name": name}, "spec": spec}
    )


def installed_tool(*, pods: bool = True, **more: Any) -> Tool:
    """A Tool that says how it is installed, with a webhook whose certificate is made for it."""
    service = {"name": "forge", "namespace": "$namespace"}
    webhook = {
        "name": "anvils.forge.example",
        "clientConfig": {"service": service},
        "rules": [
            {
                "apiGroups": ["forge.example"],
                "apiVersions": ["v1"],
                "operations": ["CREATE"],
                "resources": ["anvils"],
            }
        ],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    container = {
        "name": "smith",
        "image": "$image",
        "resources": {"requests": {"memory": "1Mi"}, "limits": {"memory": "1Mi"}},
        "securityContext": {"allowPrivilegeEscalation": False},
    }
    labels = {"app": "forge"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    smith = {
        **obj("apps/v1", "Deployment", "forge", namespace="$namespace"),
        "spec": {"selector": {"matchLabels": labels}, "template": pod},
    }
    objects = [
        {
            **obj("v1", "Service", "forge", namespace="$namespace"),
            "spec": {"selector": labels, "ports": [{"port": 443, "targetPort": 9443}]},
        },
        {
            **obj("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "forge"),
            "webhooks": [webhook],
        },
        *([smith] if pods else []),
        *more.pop("objects", []),
    ]
    install = {
        "namespace": "forge-system",
        "image": "registry.example/forge/smith:v1",
        "ports": [9443],
        "certificate": {"secret": "forge-cert", "service": "forge"},
        "objects": objects,
        **more,
    }
    return tool(install=install)
