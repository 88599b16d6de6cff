"""A Pulumi program run by Pulumi itself, through its Automation API. The state is Pulumi's, where
it always is: the backend that `pulumi login` chose; `pulumi up` in the same folder goes on from it.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from pulumi import automation

from manor.infra.diagnostics import Diagnostics
from manor.infra.errors import InfraError, NoPulumi, UnknownStack
from manor.limits import limits

NODE_POOL = "gcp:container/nodePool:NodePool"

Tell = Callable[[str], object]


class Workspace:
    """A folder with a Pulumi program, and one of its stacks.

    Raises NoPulumi without the `pulumi` program, InfraError where the folder has none to run,
    UnknownStack.
    """

    def __init__(self, folder: Path, stack: str | None, *, skip_checkpoints: bool = False) -> None:
        if shutil.which("pulumi") is None:
            raise NoPulumi(
                "the program `pulumi` is not on PATH; get it from "
                "https://www.pulumi.com/docs/install/"
            )
        if not (folder / "Pulumi.yaml").is_file():
            raise InfraError(
                f"no Pulumi.yaml in {folder}; name the program's folder with --directory "
                f"(deploy/gke, say)"
            )
        settings = (
            {"PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"}
            if skip_checkpoints
            else {}
        )
        options = automation.LocalWorkspaceOptions(
            work_dir=str(folder), env_vars={**_colour(), **settings}
        )
        with _told():
            local = automation.LocalWorkspace(work_dir=str(folder), env_vars=options.env_vars)
            name = stack or _selected(local)
            self._stack = automation.select_stack(name, work_dir=str(folder), opts=options)
        self.name = name

    def preview(self, tell: Tell, *, refresh: bool, destroy: bool = False) -> None:
        """Tell what `up`, or `destroy`, would do."""
        with _running(tell, refresh=refresh) as settings:
            run = (
                partial(self._stack.preview_destroy, show_secrets=False)
                if destroy
                else partial(self._stack.preview, replace=self._failed_pools())
            )
            run(**settings)

    def up(self, tell: Tell, *, refresh: bool) -> None:
        """Make everything as the program says."""
        with _running(tell, refresh=refresh) as settings:
            self._stack.up(show_secrets=False, replace=self._failed_pools(), **settings)

    def destroy(self, tell: Tell, *, refresh: bool) -> None:
        """Delete what the stack holds and is not protected against it."""
        with _running(tell, refresh=refresh) as settings:
            self._stack.destroy(show_secrets=False, **settings)

    def _failed_pools(self) -> list[str]:
        """Node pools that Google began to make in the last run and gave up, by their URNs.

        Its provider takes them for made, and a run would end well with no node in them. One that
        was changed since it was made has nodes, whatever became of the change.
        """
        resources = (self._stack.export_stack().deployment or {}).get("resources") or []
        pools = [one for one in resources if one["type"] == NODE_POOL]
        return [
            one["urn"]
            for one in pools
            if one.get("initErrors") and one.get("modified") == one.get("created")
        ]


def _colour() -> dict[str, str]:
    return {"NO_COLOR": os.environ["NO_COLOR"]} if "NO_COLOR" in os.environ else {}


def _selected(local: automation.LocalWorkspace) -> str:
    """The stack that `pulumi stack select` chose."""
    stacks = local.list_stacks()
    for stack in stacks:
        if stack.current:
            return stack.name
    known = ", ".join(stack.name for stack in stacks)
    if known:
        raise UnknownStack(f"no stack is selected; name one with --stack: {known}")
    raise UnknownStack(
        "the program has no stack yet; make one in its folder with: pulumi stack init <name>"
    )


@contextmanager
def _running(tell: Tell, *, refresh: bool) -> Iterator[dict[str, Any]]:
    """How the engine is run, whatever it is to do; its failures as ours."""
    with _told() as diagnostics:
        yield {
            "parallel": limits().infra.parallel,
            "refresh": refresh,
            "suppress_progress": True,
            "on_output": tell,
            "on_event": diagnostics,
        }


@contextmanager
def _told() -> Iterator[Diagnostics]:
    """Pulumi's failures as ours; where the engine runs, its events go to what is yielded."""
    diagnostics = Diagnostics()
    try:
        yield diagnostics
    except automation.StackNotFoundError as error:
        raise UnknownStack(
            f"there is no such stack; make it with: pulumi stack init "
            f"<name>\n{diagnostics.of(error)}"
        ) from None
    except automation.ConcurrentUpdateError as error:
        advice = "another run holds the stack; wait for it, or, if it is gone, run: pulumi cancel"
        raise InfraError(f"{advice}\n{diagnostics.of(error)}") from None
    except automation.CommandError as error:
        raise InfraError(f"pulumi failed\n{diagnostics.of(error)}") from None
