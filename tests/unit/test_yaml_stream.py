"""Objects as YAML: what is read back is what was written, in libyaml's own form."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from manor import manifests
from manor.cli.yaml_stream import _Dumper, documents

pytestmark = pytest.mark.unit

TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\t "))
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)
GOLDEN = Path(__file__).parent.parent / "golden"


@given(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4))
@example({"a": [["x\n  y\n\nz", {"b": "\nq\n"}], {"c": ["d\ne", [], {}]}]})
@example({"k" * 130: {"a\nb": "c " * 3000}, "": ["", "~", "no", "0x1", "1e3", "- a", "a: b"]})
def test_what_is_read_back_is_what_was_written(value: dict[str, Any]) -> None:
    assert yaml.safe_load("".join(documents([value]))) == value


@pytest.mark.parametrize("path", sorted(GOLDEN.rglob("*.yaml")), ids=lambda path: path.stem)
def test_golden_objects_are_written_as_libyaml_writes_them(path: Path) -> None:
    objects = list(manifests.documents(path.read_text()))
    objects.append({"texts": json.dumps(objects[0], indent=2), "items": objects[:]})
    how: dict[str, Any] = {
        "sort_keys": False,
        "explicit_start": True,
        "allow_unicode": True,
        "width": 4096,
    }
    assert "".join(documents(objects)) == yaml.dump_all(objects, Dumper=_Dumper, **how)
