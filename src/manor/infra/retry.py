"""Retries what the API server refuses only for a moment, as `manor apply` does.

No order of resources can avoid such a refusal: nothing in an object shows when it is over.
"""

import asyncio

import pulumi

from manor.objectset.refusals import is_passing

_FIRST, _LAST = 0.1, 1.0
"""Seconds between two tries, at first and later."""
TRIES = 14
"""How often: for about ten seconds."""


def _pause(failures: int) -> float:
    return min(_FIRST * 2.0 ** (failures - 1), _LAST)


async def _try_again(failed: pulumi.ErrorHookArgs) -> bool:
    """Whether to ask once more; waits first."""
    failures = len(failed.errors)
    if pulumi.runtime.is_dry_run() or failures > TRIES or not is_passing(failed.errors[0]):
        return False
    await asyncio.sleep(_pause(failures))
    return True


def retried(component: str) -> pulumi.ResourceHookBinding:
    """Makes Pulumi ask again; `component` names it in the state, and may be used once in a program."""
    return pulumi.ResourceHookBinding(on_error=[pulumi.ErrorHook(component, _try_again)])
