"""What teams' proxies tell is looked at for each team by itself."""

import asyncio
from collections import Counter
from collections.abc import Mapping

import pytest

from engine_specs import model, platform, tenant
from manor.api import Model, Platform, Tenant
from manor.kube import Unreachable
from manor.kube.http import Pages
from manor.limits import Kube, override
from manor.objectset.references import Ref
from manor.operator.known import Known
from manor.operator.proxies import Remembered, each_team
from manor.render import spec_object

pytestmark = pytest.mark.unit


def known(*teams: str) -> Known:
    found = Known()
    meta = {"uid": "1", "generation": 1}
    for name in teams:
        team, served = spec_object(tenant()), spec_object(model())
        team["metadata"] |= {"name": name, **meta}
        served["metadata"] |= {"namespace": name, **meta}
        found.change(None, team)
        found.change(None, served)
    top = spec_object(platform())
    top["metadata"] |= meta
    found.change(None, top)
    return found


async def test_a_team_that_is_slow_or_broken_holds_up_no_other() -> None:
    looks, enough = Counter[str](), asyncio.Event()

    async def look(_: Platform, team: Tenant, models: Mapping[Ref, Model]) -> None:
        looks[team.name] += 1
        assert {key.namespace for key in models} == {team.name}
        if looks["sound"] >= 5:
            enough.set()
        if team.name == "slow":
            await asyncio.Event().wait()
        if team.name == "broken":
            raise KeyError(team.name)

    teams = known("slow", "broken", "sound")
    goes = asyncio.create_task(
        each_team(teams, lambda _: True, Remembered[str](teams), look, 0.001)
    )
    await asyncio.wait_for(enough.wait(), 10)
    goes.cancel()
    assert looks["slow"] == 1
    assert looks["broken"] > 1


async def test_models_that_are_not_wanted_or_rest_are_not_looked_at() -> None:
    seen = known("paused", "other", "sound")
    (paused,) = seen.workloads["paused"]
    seen.paused.add(paused)
    looks = set[str]()

    async def look(_: Platform, team: Tenant, __: Mapping[Ref, Model]) -> None:
        looks.add(team.name)

    def wanted(one: Model) -> bool:
        return one.metadata.namespace != "other"

    goes = asyncio.create_task(each_team(seen, wanted, Remembered[str](seen), look, 0.001))
    await asyncio.sleep(0.05)
    goes.cancel()
    assert looks == {"sound"}


async def test_what_is_known_of_a_model_lasts_while_it_is_the_same_and_is_looked_at() -> None:
    seen = known("here", "gone")
    kept, looked = Remembered[str](seen), asyncio.Event()
    (here,), (gone,) = seen.workloads["here"], seen.workloads["gone"]
    for key in (here, gone):
        assert kept.find(key, "said") is None
        assert kept.keep(key, "said", "found") == kept.find(key, "said") == "found"
    assert kept.find(here, "something else") is None
    seen.uids[here] = "2"
    assert kept.find(here, "said") is None
    seen.uids[here] = "1"

    async def look(_: Platform, __: Tenant, models: Mapping[Ref, Model]) -> None:
        if here in models:
            looked.set()

    served = spec_object(model())
    served["metadata"] |= {"namespace": "gone", "uid": "1", "generation": 1}
    seen.change(served, None)
    goes = asyncio.create_task(each_team(seen, lambda _: True, kept, look, 0.001))
    await asyncio.wait_for(looked.wait(), 10)
    goes.cancel()
    seen.uids[gone] = "1"  # as if nobody had noticed
    assert (kept.find(here, "said"), kept.find(gone, "said")) == ("found", None)


async def test_each_address_of_a_name_is_asked_and_silence_is_told() -> None:
    asked = list[str]()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode().splitlines()[0])
        if "silent" not in asked[-1]:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ntold\n")
            await writer.drain()
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1")
    port = server.sockets[0].getsockname()[1]
    async with server:
        with override(kube=Kube(page_answer=0.2)):
            async with Pages.opened() as pages:
                assert await pages.from_each("127.0.0.1", port, "/a?b=^c") == {
                    "127.0.0.1": "told\n"
                }
                with pytest.raises(Unreachable):
                    await pages.from_each("127.0.0.1", port, "/silent")
    assert [line.split()[1] for line in asked] == ["/a?b=%5Ec", "/silent"]
