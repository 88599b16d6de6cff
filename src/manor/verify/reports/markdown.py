"""The catalogue as a page of the docs: what is guaranteed, what attacks it, what must stop the
attack."""

from collections.abc import Sequence
from itertools import groupby

from manor.verify.check import Check
from manor.verify.features import FEATURES


def catalogue_page(catalogue: Sequence[Check]) -> str:
    """docs/checks.md."""
    counts = [
        f"{plane} {len(list(group))}"
        for plane, group in groupby(catalogue, key=lambda check: check.plane)
    ]
    lines = [
        "# Checks",
        "",
        (
            f"The {len(catalogue)} checks of `manor verify`, made from the code by `make docs`: "
            f"{', '.join(counts)}."
        ),
        "How they are run and what their results mean is in [verify.md](verify.md). Those that are "
        "`attended` are left out by `--stand-ins`.",
        "",
        (
            "A check that requires something is skipped where that is missing, before anything is "
            "attempted:"
        ),
        "",
        "| requires | that is | where it is missing |",
        "|---|---|---|",
        *(f"| `{feature.name}` | {feature.what} | {feature.remedy} |" for feature in FEATURES),
    ]
    for plane, group in groupby(catalogue, key=lambda check: check.plane):
        lines += ["", f"## {plane.capitalize()}"]
        for check in group:
            lines += ["", *_section(check)]
    return "\n".join(lines) + "\n"


def _section(check: Check) -> list[str]:
    requires = (
        [f"- Requires: {', '.join(f'`{feature.name}`' for feature in check.requires)}"]
        if check.requires
        else []
    )
    return [
        f"### {check.id}: {check.title}",
        "",
        f"**Guarantee:** {check.guarantee} ({check.severity}, {check.level}"
        f"{', attended' * check.attended})",
        "",
        *requires,
        f"- Attempt: {check.attempt}",
        f"- Expected: {check.expect}",
        f"- Remedy: {check.remedy}",
        f"- Stands for: {'; '.join(check.references)}",
    ]
