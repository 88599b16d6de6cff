"""What tenants write is shown, and sent to no terminal."""

import io
import json
import sys
import unicodedata

import pytest
import yaml
from rich.progress import Progress, TextColumn
from rich.table import Table
from rich.text import Text

from manor.cli.output import SafeConsole, echo, print_error, print_table, to_json, to_yaml
from manor.visible import harmful, visible

pytestmark = pytest.mark.unit

NASTY = (
    # Clears, sets the title, fills the clipboard.
    "\x1b[2J\x1b]0;all is ready\x07\x1b]52;c;cm0gLXJmIC8=\x07 "
    "\rfine\x08\x08 \x9b31m \x7f \u202egnorw\u2066 \u200b \u061c\xad \U000e0041\U000e007f \ud800"
)
RAW = {char for char in NASTY if not char.isprintable()}


def test_every_control_and_direction_mark_is_shown() -> None:
    assert not RAW & set(visible(NASTY))
    assert visible("café 漢\t👩\u200d💻\n") == "café 漢\t👩\u200d💻\n"


def test_nothing_that_unicode_calls_control_or_format_is_sent() -> None:
    kept = {"\t", "\n", "\u200c", "\u200d"}
    unseen = {
        char
        for char in map(chr, range(sys.maxunicode + 1))
        if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    }
    assert {char for char in unseen if not harmful(char)} == kept
    assert all(map(harmful, "\u034f\u115f\u3164\uffa0\U000e0100"))
    assert not any(unicodedata.category(char) in ("Lu", "Nd", "Po") for char in RAW)


def test_a_cell_is_no_row_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["NAME", "MESSAGE"], [["a", "lost\nb      Ready"], ["漢字", "\x1b[2J"]])
    assert capsys.readouterr().out.splitlines() == [
        "NAME   MESSAGE",
        "a      lost b      Ready",
        "漢字   \\u001b[2J",
    ]


@pytest.mark.parametrize("terminal", [True, False])
def test_a_console_sends_no_sequences_but_its_own(terminal: bool) -> None:
    file = io.StringIO()
    console = SafeConsole(file=file, force_terminal=terminal, width=200)
    table = Table(NASTY)
    table.add_row(NASTY, Text(NASTY))
    console.print(NASTY)
    console.print(f"[bold]{visible('x')}[/]", Text(NASTY), table)
    with Progress(TextColumn("{task.description}"), console=console) as bar:
        bar.add_task(NASTY, total=1)
    sent = file.getvalue()
    assert "]0;all is ready\\u0007" in sent
    assert not (RAW - {"\r", "\x1b"} if terminal else RAW) & set(sent)
    assert "\x1b[2J" not in sent
    assert "\x1b]" not in sent


def test_an_error_keeps_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    print_error(f"refused: {NASTY}")
    assert "\\u001b[2J" in capsys.readouterr().err


def test_objects_read_back_as_they_were(capsys: pytest.CaptureFixture[str]) -> None:
    text = NASTY.replace("\ud800", "") + "\nsecond: line"
    obj = {"metadata": {"annotations": {"a": text, "plain": "two\nlines"}}}
    echo(to_yaml([obj]))
    printed = capsys.readouterr().out
    assert yaml.safe_load(printed) == obj
    assert not RAW & set(printed)
    echo(to_json([obj]))
    assert json.loads(capsys.readouterr().out)["items"] == [obj]
