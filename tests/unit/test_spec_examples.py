"""What the models refuse, with an example for every check of theirs."""

import ast
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from pydantic import ValidationError

import manor.api
from manor.api import KINDS
from spec_examples import Spec, invalid, valid

pytestmark = pytest.mark.unit

FOLDER = Path(manor.api.__file__).parent


@pytest.mark.parametrize("spec", list(valid()))
def test_the_models_take_what_is_valid(spec: Spec) -> None:
    KINDS[spec["kind"]].model_validate(spec)


@pytest.mark.parametrize("spec", list(invalid()))
def test_the_models_refuse_what_is_not(spec: Spec) -> None:
    with pytest.raises(ValidationError):
        KINDS[spec["kind"]].model_validate(spec)


def test_every_check_of_the_models_has_an_example() -> None:
    checks = {
        (str(path), node.lineno)
        for path in FOLDER.glob("*.py")
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef)
        # The one reads what the API server writes, the other imports what is asked for.
        and function.name not in ("parse", "__getattr__")
        for node in ast.walk(function)
        if isinstance(node, ast.Raise)
    }
    reached: set[tuple[str, int]] = set()

    def note(frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            reached.add((frame.f_code.co_filename, frame.f_lineno))
        return note if frame.f_code.co_filename.startswith(str(FOLDER)) else None

    sys.settrace(note)
    try:
        for spec in invalid():
            with pytest.raises(ValidationError):
                KINDS[spec["kind"]].model_validate(spec)
    finally:
        sys.settrace(None)
    assert not sorted(checks - reached)
