"""Finds the checks: every module under `checks/<plane>/` holds one, named CHECK."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import fields
from importlib import import_module
from pkgutil import walk_packages

from manor.verify import checks
from manor.verify.check import PLANES, Check
from manor.verify.errors import CatalogueError, UnknownCheck
from manor.verify.features import FEATURES


def load() -> list[Check]:
    """Every check, by plane and number. Raises CatalogueError where one is not well written."""
    found = []
    for module in walk_packages(checks.__path__, f"{checks.__name__}."):
        if not module.ispkg:
            check = getattr(import_module(module.name), "CHECK", None)
            if not isinstance(check, Check):
                raise CatalogueError(f"{module.name} has no CHECK")
            inspect(check, folder=module.name.split(".")[-2])
            found.append(check)
    if twice := [name for name, count in Counter(check.id for check in found).items() if count > 1]:
        raise CatalogueError(f"ids used twice: {', '.join(sorted(twice))}")
    return sorted(found, key=lambda check: (PLANES.index(check.plane), check.id))


def inspect(check: Check, folder: str) -> None:
    """Raises CatalogueError where metadata is missing, a feature is unknown, or the id does not fit
    its folder."""
    empty = [
        f.name
        for f in fields(check)
        if f.name not in ("run", "requires", "alone", "kept", "attended")
        and not getattr(check, f.name)
    ]
    if empty:
        raise CatalogueError(f"{check.id or folder}: {', '.join(empty)} is missing")
    if unknown := [str(f) for f in check.requires if f not in FEATURES]:
        raise CatalogueError(f"{check.id} requires what is no feature: {', '.join(unknown)}")
    if check.plane != folder or folder not in PLANES:
        raise CatalogueError(f"{check.id} lies in folder {folder}; its id says {check.plane}")


def select(catalogue: Sequence[Check], ids: Sequence[str], planes: Sequence[str]) -> list[Check]:
    """The checks of these ids and planes; all where nothing is named. Raises UnknownCheck."""
    wanted = {name.upper() for name in ids}
    if unknown := wanted - {check.id for check in catalogue}:
        raise UnknownCheck(
            f"no check has the id {', '.join(sorted(unknown))}; `manor verify --list` shows all"
        )
    if unknown := set(planes) - set(PLANES):
        raise UnknownCheck(
            f"no plane is called {', '.join(sorted(unknown))}; there are {', '.join(PLANES)}"
        )
    if not wanted and not planes:
        return list(catalogue)
    return [check for check in catalogue if check.id in wanted or check.plane in planes]


def get(catalogue: Sequence[Check], name: str) -> Check:
    """The check with this id. Raises UnknownCheck."""
    return select(catalogue, [name], [])[0]
