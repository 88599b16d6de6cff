"""The folders under `examples/`, each with the files that Manor reads."""

from pathlib import Path

import yaml

EXAMPLES = Path(__file__).parent.parent / "examples"


def spec_files(folder: Path) -> list[Path]:
    """The files of Manor's own kinds; what a team's people write of another system's kinds lies
    beside them."""
    files = sorted(folder.rglob("*.yaml"))
    return [
        file
        for file in files
        if all(_is_manors(document) for document in yaml.safe_load_all(file.read_text()))
    ]


def _is_manors(document: dict[str, str]) -> bool:
    return document["apiVersion"].startswith("manor.dev/")


SPECS = {
    folder.name: spec_files(folder) for folder in sorted(EXAMPLES.iterdir()) if folder.is_dir()
}
SPECS["everything"] = [Path(__file__).parent / "golden" / "specs" / "everything.yaml"]
"""All examples, and one that uses every field, by the name of their golden file."""
