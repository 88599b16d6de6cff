"""What an image of somebody's own is built of, and by which pip, before anything is built."""

import configparser
import os
from pathlib import Path

import pytest

from command_line import Command
from manor.local import containerfile, images, pip_settings
from manor.local.errors import ImageError
from manor.local.node import Node, Ports
from manor.local.own_images import hint

pytestmark = pytest.mark.unit

MADE = images.references()
TAKEN = {name.partition(":")[0] for name in MADE}
(TRAINING, WORKSPACE) = (
    next(name for name, recipe in MADE.items() if recipe == wanted)
    for wanted in ("training", "workspace")
)
STAGES = """
# FROM manor.local/commented:1
ARG BASE=manor.local/training:0.1.0
FROM --platform=linux/amd64 manor.local/debian:0.1.0 AS build
FROM ${BASE}
COPY --from=manor.local/mine:1 /a /a
COPY manor.local/ /b
"""


@pytest.mark.parametrize(
    ("name", "repository", "tag"),
    [
        ("trainer:1", "manor.local/trainer", "1"),
        ("vision/trainer:1.0-rc_2", "manor.local/vision/trainer", "1.0-rc_2"),
        ("trainer", "manor.local/trainer", ""),
        ("registry.example/vision/trainer:1", "registry.example/vision/trainer", "1"),
        ("registry:5000/trainer:1", "registry:5000/trainer", "1"),
        ("localhost/trainer", "localhost/trainer", ""),
        ("registry.example/training:1", "registry.example/training", "1"),
    ],
)
def test_a_name_is_written_out_in_full(name: str, repository: str, tag: str) -> None:
    assert containerfile.parse_name(name, TAKEN) == (repository, tag)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Trainer:1", "in lower case"),
        ("a trainer", "is no name"),
        ("trainer:", "is no name"),
        ("trainer@sha256:00", "is no name"),
        ("trainer:latest", "use another tag"),
        ("training:mine", "of Manor's own"),
        ("manor.local/debian:0.1.0", "of Manor's own"),
    ],
)
def test_a_name_that_pods_could_not_give_is_refused(name: str, said: str) -> None:
    with pytest.raises(ImageError, match=said):
        containerfile.parse_name(name, TAKEN)


def test_requirements_alone_are_enough(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("humanize\n")
    text = containerfile.find(tmp_path, None, "")
    assert text.splitlines()[0] == f"FROM {TRAINING}"
    assert text.splitlines()[-1] == "USER 65532:65532"
    assert containerfile.named_in(text, MADE) == [TRAINING]
    assert f"FROM {WORKSPACE}" in containerfile.find(tmp_path, None, WORKSPACE)


def test_a_containerfile_goes_before_requirements(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").touch()
    (tmp_path / "Dockerfile").write_text("FROM one")
    assert containerfile.find(tmp_path, None, "") == "FROM one"
    (tmp_path / "Containerfile").write_text("FROM two")
    assert containerfile.find(tmp_path, None, "") == "FROM two"
    (tmp_path / "gpu").write_text("FROM three")
    assert containerfile.find(tmp_path, tmp_path / "gpu", "") == "FROM three"
    with pytest.raises(ImageError, match="leave --base out"):
        containerfile.find(tmp_path, None, WORKSPACE)
    with pytest.raises(ImageError, match="none: no such file"):
        containerfile.find(tmp_path, tmp_path / "none", "")


def test_a_folder_with_neither_is_told_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"requirements\.txt, or a .*/Containerfile"):
        containerfile.find(tmp_path, None, "")
    with pytest.raises(ImageError, match="no such folder"):
        containerfile.find(tmp_path / "none", None, "")


def test_what_a_containerfile_builds_on_is_found_wherever_it_stands() -> None:
    assert set(containerfile.named_in(STAGES, MADE)) == {
        "manor.local/training:0.1.0",
        "manor.local/debian:0.1.0",
    }
    assert containerfile.unknown_in(STAGES, MADE) == ["manor.local/mine:1"]
    assert containerfile.unknown_in(STAGES, [*MADE, "manor.local/mine:1"]) == []
    # Another version is another image.
    assert containerfile.named_in("FROM manor.local/training:0.1.01", MADE) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("FROM x\nRUN pip install a\n", "RUN pip install a"),
        ("  run --mount=type=bind,target=/x --network=none pip install a", "pip install a"),
        ('RUN --mount=type=bind,target=/x ["pip"]\nRUN ["python3"]\n# RUN pip\n', ""),
        ("COPY RUN.sh /\nENTRYPOINT RUN it", ""),
    ],
)
def test_a_command_for_a_shell_is_told_from_one_without(text: str, found: str) -> None:
    assert containerfile.first_for_a_shell(text).endswith(found)
    assert bool(containerfile.first_for_a_shell(text)) == bool(found)


def test_a_shell_where_there_is_none_is_told() -> None:
    text = f"FROM {TRAINING}\nRUN pip install a\n"
    assert hint(text).startswith(f"\n{TRAINING} has no shell, which 'RUN pip install a' needs: ")
    assert hint(text.replace(TRAINING, WORKSPACE)) == ""
    assert hint(f'FROM {TRAINING}\nRUN ["python3"]\n') == ""


def test_pip_takes_packages_from_where_this_machine_does(tmp_path: Path) -> None:
    authorities = tmp_path / "ca.crt"
    authorities.touch()
    lines = [
        "global.index-url='https://files.example/simple'",
        "global.cache-dir='/var/cache/pip'",
        "global.extra-index-url='https://a.example\\nhttps://b.example'",
        "install.user='true'",
        "download.index-url='https://other.example'",
        ":env:.index-url='https://env.example/50%25'",
        f":env:.find-links='{tmp_path} https://links.example /not/there'",
    ]
    settings = pip_settings.kept(lines, {"SSL_CERT_FILE": str(authorities)})
    file = configparser.RawConfigParser()
    file.read_string(pip_settings.as_file(settings))
    assert dict(file["global"]) == {
        "index-url": "https://env.example/50%25",
        "extra-index-url": "https://a.example\nhttps://b.example",
        "find-links": f"{tmp_path} https://links.example /not/there",
        "cert": str(authorities),
        **pip_settings._ADDED,
    }
    there, mounts = pip_settings.moved(settings, "/in")
    assert mounts == [(authorities, "/in/0-ca.crt"), (tmp_path, f"/in/1-{tmp_path.name}")]
    assert there["cert"] == "/in/0-ca.crt"
    assert there["find-links"] == f"/in/1-{tmp_path.name} https://links.example /not/there"
    assert there["index-url"] == settings["index-url"]
    own = pip_settings.kept(["global.cert='/own.crt'"], {"SSL_CERT_FILE": str(authorities)})
    assert own == {"cert": "/own.crt"}


def test_pip_itself_tells_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://env.example/simple")
    assert pip_settings.read()["index-url"] == "https://env.example/simple"
    assert (pip_settings.location() / "__main__.py").is_file()


def test_an_api_server_alone_takes_no_image(
    tmp_path: Path, manor: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    Node("lab", True, False, Ports(), "/none", "/none").save()
    refused = manor("image", "build", "--name", "lab", "--tag", "trainer:1")
    assert (refused.code, "an API server alone" in refused.err) == (2, True)
