"""What Pulumi says when it fails: the errors alone, as its engine tells them, and what
to do then."""

import re

from pulumi.automation import CommandError
from pulumi.automation.events import EngineEvent

_SUMMARIES = frozenset({"update failed", "preview failed", "1 error occurred:"})
"""Say nothing that the errors beside them do not say."""

_PROTECTED = r'[^"]*" cannot be deleted\s+because it is protected'

_ADVICE = {
    "apply conflict": (
        "Somebody else set these fields. Undo that, or write it into the spec; or take the "
        "fields back: set `force` "
        "for one run (pulumi config set force true; in a program of your own, "
        "kubernetes_provider(force=True))."
    ),
    rf'"[^"]*GkeCluster\${_PROTECTED}': (
        "The cluster is protected. To delete it: pulumi config set deletionProtection false, run "
        "`pulumi up`, then pulumi state unprotect --all, which gives up the volumes too."
    ),
    rf'"[^"]*storage/bucket{_PROTECTED}': (
        "The bucket holds a team's data. To delete it: put the team into `deleteData` and run "
        "`pulumi up`. To forget it and leave it to Google: unprotect it and its policy, as above. "
        "A cluster that goes too is protected by itself: pulumi config set deletionProtection "
        "false, then `pulumi up`."
    ),
    rf'"(?![^"]*(?:GkeCluster\$|storage/bucket)){_PROTECTED}': (
        "It holds data. To delete it with its team: put the team into `deleteData` (in a program "
        "of your own, "
        "delete_data=True), run `pulumi up`, then remove the team. To leave it on the cluster "
        "and forget it: unprotect "
        "it, and its namespace, as above."
    ),
}
"""What to do, by a part of what the provider or the engine says, as a regular expression."""

_COLOUR = re.compile(r"<\{%.*?%\}>")
"""How the engine marks colours in a message."""


class Diagnostics:
    """The errors of one run; it is called with each event of the engine."""

    def __init__(self) -> None:
        self._told: dict[str, list[str]] = {"error": [], "info#err": []}

    def __call__(self, event: EngineEvent) -> None:
        """Keep what is said of an error, and what a program that failed wrote to its stderr."""
        diagnostic = event.diagnostic_event
        if (
            diagnostic is not None
            and not diagnostic.ephemeral
            and diagnostic.severity in self._told
        ):
            self._told[diagnostic.severity].append(_plain(diagnostic.message))

    def of(self, failure: CommandError) -> str:
        """The errors, each once, and advice. A program that says nothing else says it on its
        stderr; before the engine runs, the command itself does.
        """
        errors, printed = (
            "\n".join(filter(None, dict.fromkeys(said))) for said in self._told.values()
        )
        said = errors or printed or _printed(failure)
        advice = [text for sign, text in _ADVICE.items() if re.search(sign, said)]
        return "\n".join([said, *advice])


def _plain(message: str) -> str:
    """A message without colours, blank lines, and what says nothing."""
    lines = (line.strip().removeprefix("* ") for line in _COLOUR.sub("", message).splitlines())
    return "\n".join(line for line in lines if line and line not in _SUMMARIES)


def _printed(failure: CommandError) -> str:
    """What the command printed to its stderr, which the failure's text ends with."""
    return str(failure).rpartition(" stderr: ")[2].strip().removeprefix("error: ")
