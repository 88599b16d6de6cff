"""What the API server refuses only for a moment is asked of it again, as `manor apply` does.

A policy refuses everything until each API server has seen its parameters, and a quota until its controller has counted.
No order of resources says when that is, since neither shows in an object that could be waited for.
"""

import asyncio

import pulumi

_PASSING = ("no params found for policy", "status unknown for quota")
"""Of what an API server says, the part that tells such a refusal."""

_FIRST, _LAST = 0.1, 1.0
"""Seconds between two tries, at first and later."""
TRIES = 14
"""How often: for about ten seconds."""


def _pause(failures: int) -> float:
    return min(_FIRST * 2.0 ** (failures - 1), _LAST)


async def _try_again(failed: pulumi.ErrorHookArgs) -> bool:
    """Whether to ask once more; waits first."""
    failures = len(failed.errors)
    if pulumi.runtime.is_dry_run() or failures > TRIES or not any(text in failed.errors[0] for text in _PASSING):
        return False
    await asyncio.sleep(_pause(failures))
    return True


def patient(component: str) -> pulumi.ResourceHookBinding:
    """Makes Pulumi ask again; `component` names it in the state, and may be used once in a program."""
    return pulumi.ResourceHookBinding(on_error=[pulumi.ErrorHook(component, _try_again)])
