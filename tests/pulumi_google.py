"""The GKE programs run by Pulumi's own engine and Google's provider, before a stand-in of Google's
APIs whose clusters are all one API server."""

import json
import os
import re
import shutil
from base64 import b64decode
from pathlib import Path
from typing import Any

import yaml

from google_apis import ControlPlane, GoogleCloud
from google_apis.identities import PROJECT
from google_apis.permissions import GIVEN
from nodes import RunningNode
from pulumi_engine import Stack, program_stack
from pulumi_programs import ROOT

REGION = "europe-west4"
NOWHERE = "http://127.0.0.1:9"
"""A proxy that is not there: nothing gets out of this machine."""

CLUSTER_ALONE = """
import pulumi
from manor.infra import GkeCluster, GkeProgram

program = GkeProgram.read()
cluster = GkeCluster(program.name, {"options": program})
pulumi.export("cluster_name", cluster.cluster_name)
pulumi.export("cluster_endpoint", cluster.cluster_endpoint)
"""
"""The part of deploy/gke that Google's provider makes."""


def missing() -> str:
    """What of Pulumi the tests need and do not find; nothing is fetched for them."""
    if shutil.which("pulumi") is None:
        return "`pulumi` is not on PATH"
    plugins = Path(os.environ.get("PULUMI_HOME", Path.home() / ".pulumi"), "plugins")
    for name in ("gcp", "kubernetes"):
        if shutil.which(f"pulumi-resource-{name}") is None and not [
            *plugins.glob(f"resource-{name}-*")
        ]:
            return f"Pulumi's provider `{name}` is neither on PATH nor among its plug-ins"
    return ""


README = (ROOT / "deploy" / "gke" / "README.md").read_text()


def google_cloud(node: RunningNode) -> GoogleCloud:
    """An empty Google Cloud for whoever has done beforehand what deploy/gke's README says."""
    command = re.search(r"gcloud services enable((?:.*\\\n)*.*)", README)
    assert command
    enabled = re.findall(r"([a-z]+)\.googleapis\.com", command[1])
    table = README.partition("| role |")[2].partition("\n\n")[0]
    cells = re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE)
    named = re.findall(r"`([a-zA-Z.]+)`", " ".join(cells))
    roles = [role for role in named if role in GIVEN]
    return GoogleCloud(control_plane(node), enabled=enabled, roles=roles)


def control_plane(node: RunningNode) -> ControlPlane:
    """What GKE would tell of the node's API server."""
    return ControlPlane(
        node.server.removeprefix("https://"), _described(node)[0]["certificate-authority-data"]
    )


def google_stack(
    folder: Path, cloud: GoogleCloud, node: RunningNode, program: str = "gke", **values: Any
) -> Stack:
    """A stack of a GKE program with this configuration; nothing is made yet."""
    cluster, user = _described(node)
    commands = folder / "bin"
    commands.mkdir(parents=True)
    _write_plugin(commands, user)
    authority = folder / "ca.crt"
    authority.write_bytes(b64decode(cluster["certificate-authority-data"]))
    stack = program_stack(
        folder,
        program,
        node,
        PATH=f"{commands}{os.pathsep}{os.environ['PATH']}",
        # A control plane's DNS name has a certificate that the whole world trusts.
        SSL_CERT_FILE=str(authority),
        GOOGLE_OAUTH_ACCESS_TOKEN="of-nobody",
        HTTPS_PROXY=NOWHERE,
        HTTP_PROXY=NOWHERE,
        NO_PROXY=f"127.0.0.1,localhost,{node.ip}",
    )
    usual = {"gcp:project": PROJECT, "location": REGION, "installGateway": False}
    stack.configure(**{**usual, **cloud.configuration, **values})
    return stack


def _described(node: RunningNode) -> tuple[dict[str, str], dict[str, str]]:
    """The cluster and the user of the node's kubeconfig."""
    config = yaml.safe_load(node.kubeconfig.read_text())
    return config["clusters"][0]["cluster"], config["users"][0]["user"]


def _write_plugin(commands: Path, user: dict[str, str]) -> None:
    """A gke-gcloud-auth-plugin that knows the node's administrator."""
    status = {
        "clientCertificateData": b64decode(user["client-certificate-data"]).decode(),
        "clientKeyData": b64decode(user["client-key-data"]).decode(),
    }
    api = "client.authentication.k8s.io/v1beta1"
    credential = {"apiVersion": api, "kind": "ExecCredential", "status": status}
    (commands / "credential.json").write_text(json.dumps(credential))
    plugin = commands / "gke-gcloud-auth-plugin"
    plugin.write_text(f"#!/bin/sh\nexec cat {commands}/credential.json\n")
    plugin.chmod(0o755)
