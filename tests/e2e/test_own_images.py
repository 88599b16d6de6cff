"""Images of a data scientist's own, from a folder here to a team's job that names them."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from manor.local.containers import names_on
from manor.local.node import load_node
from manor.local.store import cache_root
from nodes import run_manor
from team_commands import Team

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "01-two-teams"
PLATFORM = ["-f", str(EXAMPLE / "platform.yaml")]
BASE = "manor.local/base:0.1.0"
"""The smallest of Manor's."""
TENANT = """
apiVersion: manor.dev/v1alpha1
kind: Tenant
metadata: {name: crafts}
spec:
  owners: [{name: dora}]
  members: [{name: eddy, role: editor}]
  quota: {cpu: 2, memory: 4Gi}
"""
# A package that is in no image of Manor's; and of what was lent to the build no byte.
LOOK = """
import pathlib, humanize
print(humanize.intcomma(1234567))
lent = [*pathlib.Path("/opt/packages/pip").rglob("*"), *pathlib.Path("/run/manor").rglob("*")]
lent = [pathlib.Path("/etc/pip.conf"), *lent]
print(sum(path.stat().st_size for path in lent if path.is_file()))
"""
STAGES = """
FROM manor.local/base:0.1.0 AS words
COPY words.txt /tmp/words.txt
USER 0:0
RUN mkdir /opt/words && tr a-z A-Z < /tmp/words.txt > /opt/words/loud.txt

# What was built here before is on the node alone.
FROM manor.local/humane:1
COPY --from=words /opt/words /opt/words
"""
READ = "import humanize; print(open('/opt/words/loud.txt').read(), end='')"


@pytest.fixture(scope="module")
def team(tool_example: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    example = tool_example(EXAMPLE)
    example.manor("apply", *PLATFORM, "-f", "-", given=TENANT)
    yield Team(example, tmp_path_factory.mktemp("people"), "crafts", "eddy")
    spaces = ["--delete-namespace", "crafts"]
    example.manor("delete", *PLATFORM, "-f", "-", "--yes", *spaces, given=TENANT)


def build(team: Team, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    node = ["--name", team.example.node.name]
    return run_manor("image", "build", str(folder), *node, *words, check=False)


def run(team: Team, image: str, code: str) -> str:
    size = ["--cpu", "50m", "--memory", "256Mi"]
    done = team.manor("run", *size, "--image", image, "--", "python3", "-c", code)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_folders_packages_and_files_are_in_the_image_that_a_job_names(
    team: Team, tmp_path: Path
) -> None:
    packages, files = tmp_path / "packages", tmp_path / "files"
    packages.mkdir()
    (packages / "requirements.txt").write_text("humanize\n")
    made = build(team, packages, "--tag", "humane:1", "--base", BASE)
    assert (made.returncode, made.stdout) == (0, "manor.local/humane:1\n"), made.stderr
    assert run(team, "manor.local/humane:1", LOOK).splitlines() == ["1,234,567", "0"]
    files.mkdir()
    (files / "words.txt").write_text("quiet\n")
    (files / "Containerfile").write_text(STAGES)
    more = build(team, files, "--tag", "crafts/words")
    assert more.returncode == 0, more.stderr
    repository, tag = more.stdout.strip().split(":")
    assert (repository, len(tag)) == ("manor.local/crafts/words", 12)
    assert run(team, more.stdout.strip(), READ) == "QUIET\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"FROM {BASE}\nRUN cat /nowhere\n", "/nowhere: No such file"),
        ("FROM manor.local/nobody:1\n", "there is no image manor.local/nobody:1: node"),
    ],
)
def test_what_cannot_be_built_says_why_and_leaves_nothing(
    team: Team, tmp_path: Path, text: str, said: str
) -> None:
    node = load_node(team.example.node.name)
    (tmp_path / "Containerfile").write_text(text)
    before = names_on(node)
    failed = build(team, tmp_path, "--tag", "broken:1")
    assert failed.returncode == 2
    assert said in failed.stderr
    assert failed.stderr.splitlines()[-1].startswith("error: ")
    assert names_on(node) == before
    assert list((cache_root() / "builds").iterdir()) == []
    assert "/builds/" not in Path("/proc/self/mountinfo").read_text()
