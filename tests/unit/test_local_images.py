"""Images are kept by what they are made of, run as no named user, and train and serve with the same
libraries."""

import io
import re
import shutil
from dataclasses import replace
from importlib.metadata import distribution
from pathlib import Path

import pytest

from manor.local import images, wheel
from manor.local.binaries import Bundle
from manor.local.errors import ImageError
from manor.local.progress import Report

pytestmark = pytest.mark.unit
SOURCES = Path(__file__).parents[2] / "images"


ON_BASE = {
    *("training", "serving", "ray", "jax", "mlflow", "storage-initializer", "seaweedfs", "envoy"),
    "operator",
    "workspace",
}


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("pause", "coredns", "envoy", "envoy-gateway"):
        (folder / name).write_text(name)
    return Bundle(folder, tmp_path / "share")


@pytest.fixture(autouse=True)
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the images' sources, to change, and an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(images, "SOURCES", Path(shutil.copytree(SOURCES, tmp_path / "images")))
    return tmp_path / "images"


def keys(bundle: Bundle) -> dict[str, str]:
    workshop = images._Workshop(bundle)
    fresh = {name: replace(recipe) for name, recipe in images._RECIPES.items()}
    return {name: workshop.archive(recipe).stem for name, recipe in fresh.items()}


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before if before[name] != after[name]}


@pytest.mark.parametrize(
    ("file", "remade"),
    [
        ("serving/requirements.lock", {"serving"}),
        ("operator/requirements.lock", {"operator"}),
        ("coredns/Containerfile", {"coredns"}),
        ("base/Containerfile", {"base", *ON_BASE}),
        ("debian/Containerfile", {"debian", "base", *ON_BASE}),
    ],
)
def test_a_change_remakes_what_stands_on_it(
    sources: Path, bundle: Bundle, file: str, remade: set[str]
) -> None:
    before = keys(bundle)
    with (sources / file).open("a") as change:
        change.write("\n# changed\n")
    assert changed(before, keys(bundle)) == remade


def test_another_program_remakes_its_image(bundle: Bundle) -> None:
    before = keys(bundle)
    (bundle.bin / "envoy").write_text("newer")
    assert changed(before, keys(bundle)) == {"envoy"}


def test_a_change_of_manor_remakes_the_operators_image(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = keys(bundle)
    changed_members = [*wheel.members(), ("manor/more.py", b"")]
    monkeypatch.setattr(wheel, "members", lambda: iter(changed_members))
    assert changed(before, keys(bundle)) == {"operator"}


def test_what_is_there_is_not_built_again(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    report = Report(io.StringIO())
    archive = images._Workshop(bundle).archive(images._RECIPES["pause"])
    archive.parent.mkdir(parents=True)
    archive.touch()
    assert images.ensure(["pause"], bundle=bundle, report=report)["pause"].archive == archive
    # The positive control: what is not there would be built, and there is nothing to build it with.
    with pytest.raises(ImageError, match="not installed"):
        images.ensure(["coredns"], bundle=bundle, report=report)
    assert [path.name for path in archive.parent.iterdir()] == [archive.name]


def test_images_that_a_system_names_are_made_under_its_names(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    reference = "manor.local/storage-initializer:v0.20.0"
    recipe = replace(images._RECIPES["storage-initializer"], tag=reference)
    archive = images._Workshop(bundle).archive(recipe)
    archive.parent.mkdir(parents=True)
    archive.touch()
    named = ["manor.local/router:v0.20.0", reference]
    (made,) = images.ensure_beside(named, bundle=bundle, report=Report(io.StringIO()))
    assert (made.reference, made.archive) == (reference, archive)
    # The positive control: another version would be built, and there is nothing to build it with.
    other = ["manor.local/storage-initializer:v0.21.0"]
    with pytest.raises(ImageError, match="not installed"):
        images.ensure_beside(other, bundle=bundle, report=Report(io.StringIO()))


def test_an_image_of_manors_is_known_by_its_whole_name() -> None:
    assert images.recipe_of(images._RECIPES["ray"].reference) == "ray"
    for other in ("ray", "manor.local/ray:mine", "registry.example/ray:0.1.0"):
        assert images.recipe_of(other) is None


@pytest.mark.parametrize("name", images.NAMES)
def test_every_image_runs_as_a_numbered_user(name: str) -> None:
    lines = (SOURCES / name / "Containerfile").read_text().splitlines()
    assert [line for line in lines if line.startswith("USER")][-1] == "USER 65532:65532"
    assert all(
        line in ("FROM scratch", "FROM ${BASE} AS build")
        for line in lines
        if line.startswith("FROM")
    )


def test_no_folder_of_an_image_is_forgotten() -> None:
    assert {path.name for path in SOURCES.iterdir()} == {*images.NAMES, "debian", "common", "tool"}


def versions(name: str) -> dict[str, str]:
    lock = (SOURCES / name / "requirements.lock").read_text()
    assert len(re.findall(r"^\S+==", lock, re.MULTILINE)) <= lock.count("--hash=sha256:")
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", lock, re.MULTILINE))


def test_the_operators_image_has_what_manor_needs_in_the_versions_of_its_tests() -> None:
    inside = versions("operator")
    root = (SOURCES.parent / "requirements.lock").read_text()
    tested = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", root, re.MULTILINE))
    del inside["pip"]
    assert {name: tested[name] for name in inside} == inside
    needs = {
        re.split(r"[ ;<>=\[]", line)[0].lower()
        for line in distribution("manor").requires or ()
        if "extra ==" not in line
    }
    assert needs <= inside.keys()


def test_models_are_served_by_the_libraries_that_trained_them() -> None:
    training, serving = versions("training"), versions("serving")
    both = training.keys() & serving.keys()
    assert {"scikit-learn", "numpy", "joblib", "scipy", "pandas"} <= both
    assert {name: training[name] for name in both} == {name: serving[name] for name in both}
