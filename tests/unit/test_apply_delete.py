"""Deletion and waiting on an API server in memory: what stays for lack of consent, and what is
waited for in vain."""

import pytest

from api_stand_in import ApiStandIn
from applied import fates
from manor.apply import Action, Inventory, NotReady, Options, apply, delete, wait
from manor.kube import Client
from plain_objects import binding, config, guard, make, space

pytestmark = pytest.mark.unit

PLACE = Inventory("things", "home")


async def test_deletion_leaves_what_there_is_no_consent_for_and_then_all_goes(
    server: ApiStandIn, client: Client
) -> None:
    claim = make("PersistentVolumeClaim", "data", spec={})
    await apply(
        client, [space(), guard(), claim, config("c", at="home"), binding("team", "ada")], PLACE
    )
    await apply(client, [config("d", at="home")], Inventory("second", "home"))
    kept = await delete(client, PLACE)
    assert fates(kept)["PersistentVolumeClaim/data"] == fates(kept)["NetworkPolicy/deny"] == "keep"
    assert server.names("rolebindings") == set()
    assert "c" not in server.names("configmaps")
    gone = await delete(client, PLACE, Options(delete_data=True))
    assert gone.ok
    assert server.names("configmaps") == {"d", "second"}
    assert "home" in server.names("namespaces")


async def test_what_does_not_go_is_named_with_what_holds_it(
    server: ApiStandIn, client: Client
) -> None:
    server.hold(space())
    await apply(client, [config("held", meta={"finalizers": ["example.com/x"]})], PLACE)
    with pytest.raises(NotReady) as late:
        await delete(client, PLACE, Options(timeout=0.0))
    assert str(late.value).splitlines() == [
        "not gone after 0 s:",
        "  ConfigMap a/held: waits for the finalizers example.com/x",
    ]
    server.refused["DELETE .*/configmaps/held"] = (403, "a policy says no")
    (failed,) = (await delete(client, PLACE)).having(Action.FAIL)
    assert failed.message == "cannot be deleted: a policy says no"


async def test_kinds_that_may_not_be_listed_may_hold_peoples_work(
    server: ApiStandIn, client: Client
) -> None:
    await apply(client, [space(), config("c", at="home")], PLACE)
    server.refused["GET .*/namespaces/a/secrets"] = (403, "forbidden")
    (kept,) = (await delete(client, PLACE)).having(Action.KEEP)
    assert kept.message.startswith(
        "holds perhaps secrets, which you may not list; to delete it with that, name it"
    )


async def test_waiting_ends_where_nothing_can_become_ready(
    server: ApiStandIn, client: Client
) -> None:
    lazy = make(
        "StorageClass",
        "lazy",
        at="",
        api="storage.k8s.io/v1",
        volumeBindingMode="WaitForFirstConsumer",
    )
    claim = make(
        "PersistentVolumeClaim",
        "later",
        spec={"storageClassName": "lazy"},
        status={"phase": "Pending"},
    )
    conditions = [
        {
            "type": "Progressing",
            "reason": "ProgressDeadlineExceeded",
            "message": "it takes too long",
        }
    ]
    web = make(
        "Deployment",
        "web",
        api="apps/v1",
        spec={},
        status={"observedGeneration": 1, "conditions": conditions},
    )
    about = {"name": "web"}
    event = make(
        "Event",
        "e",
        involvedObject=about,
        type="Warning",
        reason="BackOff",
        message="no such image",
    )
    server.hold(lazy, claim, web, event)
    await wait(client, [claim], timeout=0.0)
    with pytest.raises(NotReady) as final:
        await wait(client, [claim, web], timeout=60.0)
    assert str(final.value).splitlines() == [
        "these cannot become ready:",
        "  Deployment a/web: it takes too long; last event: BackOff: no such image",
    ]
    server.refused["GET .*/events"] = (403, "forbidden")
    with pytest.raises(NotReady, match="Deployment a/none: does not exist"):
        await wait(client, [make("Deployment", "none", api="apps/v1")], timeout=0.0)
