"""A Tool's manifests, as they are installed: no cluster is asked."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml

from manor.api.tool import Tool, ToolInstall
from manor.install.certificate import PLACEHOLDER, certified
from manor.install.errors import InstallError
from manor.install.hardening import Object, hardened
from manor.install.modules import module_folder
from manor.manifests import documents
from manor.objectset.inventory import Inventory
from manor.tools.objects import filled

_BESIDE = re.compile(r"\$registry/[-a-z0-9._/]+:[-A-Za-z0-9._$]+")


def inventory_of(tool: Tool) -> Inventory:
    """The set of what is installed for a Tool."""
    return Inventory(f"manor-tool-{tool.name}", "kube-system")


def manifests(tool: Tool, *, registry: str | None = None, helm: str | None = None) -> list[Object]:
    """All that is installed, hardened; `registry` is a mirror whose images are taken in place of
    the makers'.

    Where a certificate is wanted, a placeholder stands for it: `install` alone knows the real one.
    InstallError where the Tool says nothing of it, where the files cannot be had, or where they
    hold too much.
    """
    spec = installation_of(tool)
    words = image_words(spec, registry)
    objects: list[Object] = []
    if spec.module is not None:
        folder = module_folder(spec.module)
        objects += _crds(spec, folder)
        if spec.chart is not None:
            rendered = _rendered(tool.name, spec, folder / spec.chart, words, helm)
            objects += [obj for obj in rendered if obj["kind"] not in spec.without]
    objects += [filled(raw, words) for raw in spec.objects]
    return certified(spec, hardened(tool.name, spec, objects), PLACEHOLDER)


def image_words(spec: ToolInstall, registry: str | None) -> dict[str, str]:
    """What `$image`, `$registry`, `$repository`, `$tag` and `$namespace` stand for."""
    repository, _, tag = spec.image.rpartition(":")
    if registry is not None:
        repository = f"{registry}/{repository.rpartition('/')[2]}"
    return {
        "image": f"{repository}:{tag}",
        "registry": repository.rpartition("/")[0],
        "repository": repository,
        "tag": tag,
        "namespace": spec.namespace,
    }


def images_of(spec: ToolInstall, registry: str | None) -> list[str]:
    """Every image that the Tool's file names: its controller's first, then those beside it."""
    words = image_words(spec, registry)
    beside = _BESIDE.findall(json.dumps([spec.values, spec.objects]))
    return [words["image"], *dict.fromkeys(filled(beside, words))]


def installation_of(tool: Tool) -> ToolInstall:
    """How the Tool is installed. InstallError where it does not say."""
    if tool.spec.install is None:
        advice = tool.spec.notice or "see its makers' guide"
        raise InstallError(f"Tool {tool.name} does not say how it is installed: {advice}")
    return tool.spec.install


def _crds(spec: ToolInstall, folder: Path) -> Iterator[Object]:
    for pattern in spec.crds:
        paths = sorted(folder.glob(pattern))
        if not paths:
            raise InstallError(f"{pattern} is in no file of the module; mend install.crds")
        for path in paths:
            yield from documents(path.read_text(encoding="utf-8"))


def _rendered(
    name: str, spec: ToolInstall, chart: Path, words: dict[str, str], helm: str | None
) -> Iterable[Object]:
    program = helm or shutil.which("helm")
    if program is None:
        raise InstallError(
            "helm is needed to render the chart, and is not on PATH: https://helm.sh/docs/intro/install"
        )
    values = yaml.safe_dump(filled(spec.values, words))
    command = [
        program,
        "template",
        name,
        str(chart),
        "--namespace",
        spec.namespace,
        "--include-crds",
        "--values",
        "-",
    ]
    done = subprocess.run(command, input=values, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InstallError(f"the chart of {name} cannot be rendered:\n{done.stderr.strip()}")
    return documents(done.stdout)
