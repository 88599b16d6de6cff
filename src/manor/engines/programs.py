"""Programs that containers of other images run as `python3 -c`."""

from functools import cache
from importlib.resources import files

from manor.engines.pods import unexpanded


@cache
def program(*modules: str) -> str:
    """The source of one made of these modules of this package, the last of which begins it; what
    they import of each other stands before them. The kubelet expands nothing in it."""
    lines = [
        line
        for module in modules
        for line in files(__package__).joinpath(module).read_text(encoding="utf-8").splitlines()
        if not line.startswith("from manor.")
    ]
    return unexpanded("\n".join(lines)) + "\n"
