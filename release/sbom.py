"""The bill of materials, in CycloneDX: what Manor installs with, and what the node and shipped
Tools are built from."""

import re
from collections.abc import Iterator
from datetime import datetime
from importlib.metadata import distribution
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from manor.local import parts
from manor.tools import packs

REPLACED = re.compile(r"^(?:replace)?\s+(\S+) => (\S+) (v\d\S*)", re.MULTILINE)
REQUIRED = re.compile(r"^(?:require)?\s+(\S+) (v\d\S*)(?: //.*)?$", re.MULTILINE)


def write(target: Path, made: datetime) -> None:
    """Write it as JSON: the same tree and the same installed packages make the same file."""
    bom = Bom()
    bom.metadata.timestamp = made
    manor = _python("manor", ComponentType.APPLICATION)
    bom.metadata.component = manor
    bom.serial_number = uuid5(NAMESPACE_URL, str(manor.bom_ref))
    known: dict[str, Component] = {str(manor.bom_ref): manor}
    _add_packages(bom, manor, known)
    made_of = {
        program.name: _modules(parts.PINS / program.module) for program in parts.load().program
    }
    made_of |= {program.name: _locked(program.requirement) for program in parts.load().wheel}
    made_of |= {
        name: _modules(packs.pins(name))
        for name in packs.names()
        if (packs.pins(name) / "go.mod").is_file()
    }
    for name, needs in made_of.items():
        _add(bom, Component(name=name, type=ComponentType.APPLICATION, bom_ref=name), needs, known)
    target.write_text(
        make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=1) + "\n"
    )


def _add(
    bom: Bom, component: Component, needs: list[Component], known: dict[str, Component]
) -> None:
    """A component and what it needs; what several need is in it once."""
    needs = [known.setdefault(str(one.bom_ref), one) for one in needs]
    for one in (component, *needs):
        if one is not bom.metadata.component:
            bom.components.add(one)
    bom.register_dependency(component, needs)


def _add_packages(bom: Bom, manor: Component, known: dict[str, Component]) -> None:
    """Every Python package that Manor needs, with each extra, at the versions of the lock."""
    todo, done = [Requirement("manor[infra]")], set[str]()
    while todo:
        wanted = todo.pop()
        if str(wanted) in done:
            continue
        done.add(str(wanted))
        needs = list(_needs(wanted))
        package = manor if wanted.name == manor.name else known[str(_python(wanted.name).bom_ref)]
        _add(bom, package, [_python(need.name) for need in needs], known)
        todo += needs


def _needs(wanted: Requirement) -> Iterator[Requirement]:
    for text in distribution(wanted.name).requires or ():
        need = Requirement(text)
        if need.marker is None or any(
            need.marker.evaluate({"extra": extra}) for extra in ("", *wanted.extras)
        ):
            yield need


def _python(name: str, type_: ComponentType = ComponentType.LIBRARY) -> Component:
    return _component("pypi", canonicalize_name(name), distribution(name).version, type_)


def _locked(requirement: str) -> list[Component]:
    """The wheel that a program comes in."""
    lock = (parts.PINS / requirement / "requirements.lock").read_text()
    return [
        _component("pypi", *found) for found in re.findall(r"^([\w.-]+)==(\S+)", lock, re.MULTILINE)
    ]


def _modules(folder: Path) -> list[Component]:
    """The Go modules that a program's go.mod pins."""
    text = (folder / "go.mod").read_text()
    replaced = {old: (new, version) for old, new, version in REPLACED.findall(text)}
    return [
        _component("golang", *replaced.get(name, (name, version)))
        for name, version in REQUIRED.findall(text)
    ]


def _component(
    kind: str, name: str, version: str, type_: ComponentType = ComponentType.LIBRARY
) -> Component:
    namespace, _, last = name.rpartition("/")
    purl = PackageURL(kind, namespace or None, last, version)
    return Component(name=name, version=version, type=type_, purl=purl, bom_ref=purl.to_string())
