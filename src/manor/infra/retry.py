"""Retries what the API server refuses only for a moment, as `manor apply` does.

No order of resources can avoid such a refusal: nothing in an object shows when it is over.
"""

import asyncio

import pulumi

from manor.limits import limits
from manor.objectset.refusals import is_passing


def _pause(failures: int) -> float:
    bounds = limits().infra
    return min(bounds.retry_pause * 2.0 ** (failures - 1), bounds.retry_pause_longest)


async def _try_again(failed: pulumi.ErrorHookArgs) -> bool:
    """Whether to ask once more; waits first."""
    failures = len(failed.errors)
    if (
        pulumi.runtime.is_dry_run()
        or failures > limits().infra.retries
        or not is_passing(failed.errors[0])
    ):
        return False
    await asyncio.sleep(_pause(failures))
    return True


def retried(component: str) -> pulumi.ResourceHookBinding:
    """Makes Pulumi ask again; `component` names it in the state, and may be used once
    in a program."""
    return pulumi.ResourceHookBinding(on_error=[pulumi.ErrorHook(component, _try_again)])
