"""Least privilege for ourselves: who holds `manor:applier` applies tenants, and can do nothing else
with them."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from manor.apply import Action, Options
from manor.kube import Client, Forbidden
from manor.load import read
from manor.rollout import Outcome, apply_stages, read_desired, roll_out

pytestmark = pytest.mark.integration

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "01-two-teams"
CI = "system:serviceaccount:default:manor-ci"


async def apply_as(client: Client, path: Path) -> Outcome:
    desired = await read_desired(client, read([path]))
    return await roll_out(client, apply_stages(desired), Options())


async def test_the_applier_applies_tenants_and_workloads_but_reads_no_secret(
    gateway_api_node: Any,
) -> None:
    async with Client.connect(gateway_api_node.kubeconfig) as admin:
        assert (await apply_as(admin, EXAMPLE / "platform.yaml")).ok
        binding = ["create", "clusterrolebinding", "manor-ci", "--clusterrole=manor:applier"]
        command = [
            "kubectl",
            "--kubeconfig",
            str(gateway_api_node.kubeconfig),
            *binding,
            f"--user={CI}",
        ]
        subprocess.run(command, check=True, timeout=60)
        applier = admin.impersonate(CI)
        for name in ("tenant-a.yaml", "iris.yaml"):
            assert (await apply_as(applier, EXAMPLE / name)).ok
        # Its file leaves replicas and workers to their defaults, which the server has filled in.
        again = await apply_as(applier, EXAMPLE / "iris.yaml")
        assert {step.action for step in again.steps} == {Action.UNCHANGED}
        with pytest.raises(Forbidden, match="secrets"):
            await applier.list("v1", "Secret", "tenant-a")
        with pytest.raises(Forbidden, match="validatingadmissionpolicies"):
            await applier.list("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy")
        powers = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}
        role = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "taken"},
            "rules": [powers],
        }
        with pytest.raises(
            Forbidden, match="attempting to grant RBAC permissions not currently held"
        ):
            await applier.create(role)
