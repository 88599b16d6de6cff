"""A program run by Pulumi's own engine and Kubernetes provider, as a user runs it, with its state
in a folder."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from nodes import MANOR, RunningNode
from pulumi_programs import EXAMPLE, ROOT


@dataclass(frozen=True)
class Stack:
    """The program for any cluster in a folder of its own, and its stack `test` for one
    API server."""

    folder: Path
    node: RunningNode
    environment: Mapping[str, str]

    @property
    def teams(self) -> Path:
        """The folder of the specs."""
        return self.folder / "teams"

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A command in the program's folder, however it ends."""
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=1200,
        )

    def pulumi(self, *arguments: str) -> str:
        """What a `pulumi` command that must succeed prints."""
        done = self.run("pulumi", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def infra(self, command: str, *options: str) -> subprocess.CompletedProcess[str]:
        """`manor infra` for this stack, without questions."""
        yes = () if command == "preview" else ("--yes",)
        return self.run(
            MANOR, "infra", command, "-C", str(self.folder), "--stack", "test", *yes, *options
        )

    def up(self) -> None:
        """`manor infra up`, which must succeed."""
        done = self.infra("up")
        assert done.returncode == 0, done.stdout + done.stderr

    def manor(self, command: str, *options: str) -> subprocess.CompletedProcess[str]:
        """A `manor` command on the same cluster, as a user without Pulumi gives it."""
        return self.run(MANOR, command, "--kubeconfig", str(self.node.kubeconfig), *options)

    def planned(self, *options: str) -> dict[str, str]:
        """What `pulumi preview` would do to which resource, by logical name; none that stay as they
        are."""
        steps = json.loads(self.pulumi("preview", "--json", *options))["steps"]
        return {
            step["urn"].rpartition("::")[2]: step["op"]
            for step in steps
            if step["op"] not in ("same", "refresh")
        }

    def held(self) -> set[str]:
        """The logical names of what the stack holds."""
        deployment = json.loads(self.pulumi("stack", "export"))["deployment"]
        return {
            resource["urn"].rpartition("::")[2] for resource in deployment.get("resources") or []
        }

    def configure(self, **values: Any) -> None:
        """Set keys of the program's configuration, structures too."""
        file = self.folder / "Pulumi.test.yaml"
        written = yaml.safe_load(file.read_text()) if file.exists() else {}
        config = written.get("config", {})
        name = yaml.safe_load((self.folder / "Pulumi.yaml").read_text())["name"]
        config |= {key if ":" in key else f"{name}:{key}": value for key, value in values.items()}
        file.write_text(yaml.safe_dump({**written, "config": config}))

    def outputs(self) -> dict[str, Any]:
        """What the stack puts out, secrets too."""
        found: dict[str, Any] = json.loads(
            self.pulumi("stack", "output", "--json", "--show-secrets")
        )
        return found

    def write(self, name: str, *documents: dict[str, Any]) -> Path:
        """A file of specs among the teams'."""
        file = self.teams / f"{name}.yaml"
        file.write_text(yaml.safe_dump_all(documents))
        return file


def program_stack(folder: Path, name: str, node: RunningNode, **environment: str) -> Stack:
    """A program of `deploy/` in a folder of its own, with an empty stack."""
    program = folder / "program"
    shutil.copytree(ROOT / "deploy" / name, program)
    project = yaml.safe_load((program / "Pulumi.yaml").read_text())
    project["runtime"] = {"name": "python", "options": {"virtualenv": sys.prefix}}
    (program / "Pulumi.yaml").write_text(yaml.safe_dump(project))
    (folder / "state").mkdir()
    own = {"PULUMI_BACKEND_URL": f"file://{folder / 'state'}", "PULUMI_CONFIG_PASSPHRASE": "test"}
    quiet = {"PULUMI_SKIP_UPDATE_CHECK": "true"}
    stack = Stack(program, node, {**os.environ, **own, **quiet, **environment})
    stack.pulumi("stack", "init", "test")
    return stack


def new_stack(folder: Path, node: RunningNode, *teams: str) -> Stack:
    """A stack for the example's Platform and these files of its teams; nothing is made yet."""
    stack = program_stack(folder, "any", node)
    stack.teams.mkdir()
    shutil.copy(EXAMPLE / "platform.yaml", stack.folder)
    for name in teams:
        shutil.copy(EXAMPLE / name, stack.teams)
    stack.pulumi("config", "set", "kubeconfig", str(node.kubeconfig))
    return stack
