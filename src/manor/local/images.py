"""The container images of the node and of the ML workloads, built on this machine and kept by their
content."""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import manor
from manor.limits import limits
from manor.local import wheel
from manor.local.binaries import Bundle
from manor.local.buildah import Buildah
from manor.local.errors import ImageError
from manor.local.progress import Report, Task
from manor.local.rootfs import make_base
from manor.local.store import cache_root, filling, scratch
from manor.shipped import IMAGES_VERSION, folder

REGISTRY = "manor.local"
"""The registry in the images' names: none, so that nothing can be pulled in their place."""

SOURCES = folder("images")


@dataclass(frozen=True)
class Image:
    """An image and where it lies: `archive` is a docker-archive, as `ctr -n k8s.io images import`
    takes it."""

    name: str
    reference: str
    archive: Path


@dataclass(frozen=True)
class _Recipe:
    name: str
    base: str | None = None
    programs: tuple[str, ...] = ()
    folder: str | None = None
    tag: str | None = None
    with_manor: bool = False

    @property
    def source(self) -> Path:
        return SOURCES / (self.folder or self.name)

    @property
    def reference(self) -> str:
        version = manor.__version__ if self.with_manor else IMAGES_VERSION
        return self.tag or f"{REGISTRY}/{self.name}:{version}"

    @property
    def lock(self) -> Path | None:
        """The Python packages in it, with their hashes."""
        path = self.source / "requirements.lock"
        return path if path.is_file() else None

    @cached_property
    def files(self) -> list[Path]:
        folders = [self.source] if self.base is None else [self.source, SOURCES / "common"]
        return sorted(path for folder in folders for path in folder.iterdir() if path.is_file())


_RECIPES = {
    recipe.name: recipe
    for recipe in (
        _Recipe("debian"),
        _Recipe("base", base="debian"),
        _Recipe("training", base="base"),
        _Recipe("serving", base="base"),
        _Recipe("ray", base="base"),
        _Recipe("jax", base="base"),
        _Recipe("workspace", base="base"),
        _Recipe("mlflow", base="base"),
        _Recipe("storage-initializer", base="base"),
        _Recipe("operator", base="base", with_manor=True),
        _Recipe("seaweedfs", base="base"),
        _Recipe("envoy", base="base", programs=("envoy",)),
        _Recipe("pause", programs=("pause",)),
        _Recipe("coredns", programs=("coredns",)),
        _Recipe("envoy-gateway", programs=("envoy-gateway",)),
    )
}

NAMES = tuple(name for name in _RECIPES if name != "debian")
"""Every image that can be asked for."""


def ensure(names: Sequence[str], *, bundle: Bundle, report: Report) -> dict[str, Image]:
    """Build those of the images that are not there in their present content; the others cost
    nothing.

    Raises:
        ImageError: a tool is missing, a package or a base cannot be had, or a build fails.
    """
    return _ensure([_RECIPES[name] for name in names], bundle, report, "images")


def operator_reference() -> str:
    """The name of the operator's image, as pods give it."""
    return _RECIPES["operator"].reference


def ensure_operator(report: Report) -> Image:
    """The operator's image: Manor itself, and no program of the node.

    Raises:
        ImageError: as of `ensure`.
    """
    recipe = _RECIPES["operator"]
    return _ensure([recipe], Bundle(Path(), Path()), report, "image")[recipe.name]


def recipe_of(reference: str) -> str | None:
    """The name of the recipe that makes the image of this reference, if one does."""
    return next((name for name in NAMES if _RECIPES[name].reference == reference), None)


WITH_SHELL = ("debian", "base", "ray", "jax", "workspace")
"""Those with a shell: one starts Ray for KubeRay and a function for Kubeflow's client; terminals
are shells."""


def references() -> dict[str, str]:
    """The images that others may build on, and the recipe of each: those that can be asked for, and
    the Debian below them, which alone can install more of Debian."""
    return {recipe.reference: name for name, recipe in _RECIPES.items()}


def ensure_beside(references: Sequence[str], *, bundle: Bundle, report: Report) -> list[Image]:
    """Images that a system names beside its controller's, under these references: those that there
    is a recipe for, found by the last part of the name.

    Raises:
        ImageError: as of `ensure`.
    """
    named = {reference.rpartition("/")[2].partition(":")[0]: reference for reference in references}
    recipes = [replace(_RECIPES[name], tag=named[name]) for name in NAMES if name in named]
    return [*_ensure(recipes, bundle, report, "images").values()]


def ensure_program(name: str, reference: str, program: Path, report: Report) -> Image:
    """The image of one static program alone, built unless it is there in its present content.

    Raises:
        ImageError: a tool is missing, or the build fails.
    """
    recipe = _Recipe(f"tool-{name}", programs=(program.name,), folder="tool", tag=reference)
    bundle = Bundle(program.parent, program.parent)
    return _ensure([recipe], bundle, report, f"image of {name}")[recipe.name]


def _ensure(
    recipes: Sequence[_Recipe], bundle: Bundle, report: Report, title: str
) -> dict[str, Image]:
    workshop = _Workshop(bundle)
    if any(not workshop.archive(recipe).is_file() for recipe in recipes):
        with filling(workshop.folder, report), report.task(title) as task:
            workshop.build(recipes, task)
    return {recipe.name: workshop.image(recipe) for recipe in recipes}


class _Workshop:
    """Where images are made and kept: `<name>-<hash of what it is made of>.tar`."""

    def __init__(self, bundle: Bundle) -> None:
        self.folder = cache_root() / "images"
        self._bundle = bundle
        self._keys: dict[str, str] = {}

    def image(self, recipe: _Recipe) -> Image:
        archive = self.archive(recipe)
        os.utime(archive)
        return Image(recipe.name, recipe.reference, archive)

    def archive(self, recipe: _Recipe) -> Path:
        return self.folder / f"{recipe.name}-{self._key(recipe)}.tar"

    def build(self, recipes: Sequence[_Recipe], task: Task) -> None:
        """Build what is missing of these and of what they stand on."""
        missing = [
            recipe for recipe in self._with_bases(recipes) if not self.archive(recipe).is_file()
        ]
        with scratch(self.folder) as workplace:
            buildah = Buildah(workplace)
            for count, recipe in enumerate(missing, 1):
                task.update(f"building {recipe.name} {count}/{len(missing)}")
                self._build(recipe, workplace, buildah, task)

    def _build(self, recipe: _Recipe, workplace: Path, buildah: Buildah, task: Task) -> None:
        context, made = workplace / recipe.name, workplace / f"{recipe.name}.tar"
        context.mkdir()
        for file in recipe.files:
            shutil.copy(file, context)
        for program in recipe.programs:
            shutil.copy(self._bundle.bin / program, context)
        if recipe.lock:
            _fetch_wheels(recipe.lock, context / "wheels")
        if recipe.with_manor:
            _add_manor(context / "wheels")
        if recipe.base:
            base = self.archive(_RECIPES[recipe.base])
            buildah.build(context, recipe.reference, made, {"BASE": f"docker-archive:{base}"})
        elif recipe.name == "debian":
            make_base(recipe.reference, context, made, buildah, task)
        else:
            programs = {"PROGRAM": recipe.programs[0]} if recipe.folder else {}
            buildah.build(context, recipe.reference, made, programs)
        shutil.rmtree(context)
        made.replace(self.archive(recipe))
        self._forget_older(recipe)

    def _with_bases(self, recipes: Sequence[_Recipe]) -> list[_Recipe]:
        ordered: dict[str, _Recipe] = {}
        for recipe in recipes:
            if recipe.base:
                ordered |= {base.name: base for base in self._with_bases([_RECIPES[recipe.base]])}
            ordered[recipe.name] = recipe
        return list(ordered.values())

    def _key(self, recipe: _Recipe) -> str:
        if recipe.name not in self._keys:
            digest = hashlib.sha256(f"{recipe.reference} {platform.machine()}\n".encode())
            if recipe.base:
                digest.update(self._key(_RECIPES[recipe.base]).encode())
            for path in (
                *recipe.files,
                *(self._bundle.bin / program for program in recipe.programs),
            ):
                with path.open("rb") as file:
                    digest.update(
                        f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode()
                    )
            for inner, content in wheel.members() if recipe.with_manor else ():
                digest.update(f"{inner} {hashlib.sha256(content).hexdigest()}\n".encode())
            self._keys[recipe.name] = digest.hexdigest()[:16]
        return self._keys[recipe.name]

    def _forget_older(self, recipe: _Recipe) -> None:
        for path in self.folder.glob(f"{recipe.name}-{'[0-9a-f]' * 16}.tar"):
            if path.stat().st_mtime < time.time() - limits().local.images_kept:
                path.unlink(missing_ok=True)


def _fetch_wheels(lock: Path, folder: Path) -> None:
    """Download the wheels of a lock with this machine's pip and its settings: index, proxy,
    certificates.

    The image's Python decides which: 3.11 on Debian 12, whatever Python runs this.
    """
    machine = platform.machine()
    # pip takes a platform literally: a newer C library runs what was made for an older one.
    versions = [
        *(f"_2_{minor}" for minor in range(36, 4, -1)),
        "2014",
        "2010",
        "1",
    ]  # the last three are older names
    platforms = [f"--platform=manylinux{version}_{machine}" for version in versions]
    target = [
        "--implementation=cp",
        "--python-version=3.11",
        "--abi=cp311",
        "--abi=abi3",
        "--abi=none",
        *platforms,
    ]
    pip = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
    ]
    exact = [
        "--only-binary=:all:",
        "--require-hashes",
        "--requirement",
        str(lock),
        "--dest",
        str(folder),
    ]
    done = subprocess.run([*pip, *target, *exact], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ImageError(f"pip cannot fetch the packages of {lock}:\n{done.stderr.strip()}")
    shutil.copy(lock, folder)


def _add_manor(folder: Path) -> None:
    """Put Manor's own wheel beside the others, and into their lock."""
    made = wheel.write_wheel(folder)
    digest = hashlib.sha256(made.read_bytes()).hexdigest()
    with (folder / "requirements.lock").open("a") as lock:
        lock.write(f"manor=={manor.__version__} --hash=sha256:{digest}\n")
