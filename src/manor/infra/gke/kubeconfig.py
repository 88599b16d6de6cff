"""A kubeconfig that holds no credential: gke-gcloud-auth-plugin gets a token of whoever uses it."""

import json
from typing import Any


def kubeconfig(name: str, server: str, ca_certificate: str | None) -> str:
    """The kubeconfig of a cluster, as JSON (which is YAML).

    `ca_certificate` (base64 of PEM) is for a control plane reached by its IP address; its DNS name
    has a public one.
    """
    cluster: dict[str, Any] = {"server": f"https://{server}"}
    if ca_certificate:
        cluster["certificate-authority-data"] = ca_certificate
    login = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "gke-gcloud-auth-plugin",
        "provideClusterInfo": True,
        "interactiveMode": "IfAvailable",
        "installHint": "install it with: gcloud components install gke-gcloud-auth-plugin",
    }
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": {"exec": login}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    return json.dumps(config, indent=2)
