"""The API server is of one mind with the models: it takes what they take, and refuses what they
refuse."""

import asyncio
from typing import Any

import pytest

from manor.apply import wait
from manor.kube import ApiError, Client
from manor.render.crds import crds
from spec_examples import Spec, invalid, valid

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
async def kinds(client: Client) -> Client:
    """The API server with Manor's kinds on it."""
    made = crds()
    for crd in made:
        await client.apply(crd, field_manager="tests", force=True)
    await wait(client, made, timeout=60)
    namespace: Any = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team-a"}}
    await client.apply(namespace, field_manager="tests")
    return client


async def _answer(client: Client, spec: Spec) -> str:
    """What the API server says against a spec; nothing where it takes it."""
    try:
        await client.create(spec, dry_run=True)
    except ApiError as error:
        return error.message
    return ""


async def test_the_server_takes_what_is_valid(kinds: Client) -> None:
    examples = list(valid())
    answers = await asyncio.gather(*(_answer(kinds, spec) for spec in examples))
    assert [pair for pair in zip(examples, answers, strict=True) if pair[1]] == []


async def test_the_server_refuses_what_is_not(kinds: Client) -> None:
    examples = list(invalid())
    answers = await asyncio.gather(*(_answer(kinds, spec) for spec in examples))
    assert [spec for spec, answer in zip(examples, answers, strict=True) if not answer] == []
