"""Service accounts as whom tests run commands: with their own rights alone."""

from pathlib import Path

import yaml

from manor.kube import Client
from nodes import RunningNode


async def kubeconfig_of(
    client: Client, node: RunningNode, namespace: str, name: str, path: Path
) -> Path:
    """A kubeconfig of the account, with a token of an hour."""
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    asked = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
    token = (await client.request("POST", asked, body=review))["status"]["token"]
    config = yaml.safe_load(node.kubeconfig.read_text())
    for user in config["users"]:
        user["user"] = {"token": token}
    path.write_text(yaml.safe_dump(config))
    return path
