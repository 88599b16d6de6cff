"""A Python function as a script of its own."""

import builtins
import dis
import inspect
import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from manor.jobs.request import BadRequest


def script_of(
    function: Callable[..., Any], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
) -> str:
    """A script that calls the function with these arguments.

    BadRequest where the function needs what is not inside it, or an argument is no JSON: nothing
    of this process goes along but its source.
    """
    name = getattr(function, "__name__", "")
    if not inspect.isfunction(function) or not name.isidentifier():
        raise BadRequest(f"{function!r} is no function with a name; define one with `def`")
    if inspect.iscoroutinefunction(function):
        raise BadRequest(f"{name} is asynchronous; give one that is not")
    used = inspect.getclosurevars(function)
    outside = {*used.nonlocals, *used.globals, *used.unbound} - {name, *dir(builtins)}
    if missing := sorted(outside & _names(function)):
        raise BadRequest(f"{name} uses {', '.join(missing)} from outside; import it inside {name}")
    try:
        source = textwrap.dedent(inspect.getsource(function))
        given = json.dumps([list(args), dict(kwargs or {})])
    except OSError:
        raise BadRequest(f"the source of {name} is not to be had; write it into a file") from None
    except (TypeError, ValueError) as error:
        raise BadRequest(f"the arguments of {name} must be JSON: {error}") from None
    return (
        f"{source}\n\nif __name__ == '__main__':\n    import json\n\n"
        f"    args, kwargs = json.loads({given!r})\n    {name}(*args, **kwargs)\n"
    )


def _names(function: Callable[..., Any]) -> set[str]:
    """The names that its code looks up outside; `getclosurevars` takes attributes for names too."""

    code = function.__code__
    looked_up = {
        step.argval
        for step in dis.get_instructions(code)
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_CLASSDEREF")
    }
    return looked_up
