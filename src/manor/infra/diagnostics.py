"""What Pulumi says when it fails: the errors alone, of a page that has everything else too, and what to do then."""

from collections.abc import Iterator, Sequence

_SUMMARIES = frozenset({"update failed", "preview failed", "1 error occurred:"})
"""Say nothing that the errors beside them do not say."""

_ADVICE = {
    "apply conflict": (
        "Somebody else set these fields. Undo that, or write it into the spec; or take the fields back: set `force` "
        "for one run (pulumi config set force true; in a program of your own, kubernetes_provider(force=True))."
    ),
    "because it is protected": (
        "It holds data. To delete it with its team: put the team into `deleteData` (in a program of your own, "
        "delete_data=True), run `pulumi up`, then remove the team. To leave it on the cluster and forget it: unprotect "
        "it, and its namespace, as above."
    ),
}
"""What to do, by a part of what the provider or the engine says."""


def _errors(lines: Sequence[str]) -> Iterator[list[str]]:
    """Each `error: …` with the lines that go on with it."""
    found: list[str] | None = None
    for line in lines:
        text = line.removeprefix(" stderr: ").removeprefix(" stdout: ").strip()
        if text.startswith("error:"):
            if found:
                yield found
            found = [text.removeprefix("error:").strip()]
        elif found and text and not text.startswith("warning:"):
            found.append(text.removeprefix("* "))
        elif found:
            yield found
            found = None
    if found:
        yield found


def told(failure: Exception) -> str:
    """The errors in what Pulumi printed, each once, and advice; its last lines where there are none."""
    lines = str(failure).splitlines()
    errors: dict[str, None] = {}
    for error in _errors(lines):
        text = "\n".join(line for line in error if line not in _SUMMARIES)
        if text:
            errors[text] = None
    said = "\n".join(errors) or "\n".join([line.strip() for line in lines if line.strip()][-3:])
    advice = [text for sign, text in _ADVICE.items() if sign in said]
    return "\n".join([said, *advice])
