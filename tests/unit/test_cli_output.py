"""How commands end that run in an event loop."""

import asyncio

import pytest

from manor.cli.output import run_async
from manor.errors import ManorError

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(("second", "shown"), [(ManorError, False), (KeyError, True)])
def test_what_fails_beside_an_error_is_no_traceback_unless_it_is_a_fault(
    second: type[Exception], shown: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def first() -> None:
        await asyncio.sleep(0)
        raise ManorError("the server is gone")

    async def late() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise second("gone here too") from None

    @run_async
    async def command() -> None:
        await asyncio.gather(first(), late())

    with pytest.raises(ManorError, match="the server is gone"):
        command()
    assert ("gone here too" in caplog.text) is shown
