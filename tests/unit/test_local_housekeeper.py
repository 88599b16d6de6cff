"""The housekeeper: for whom the cluster's DNS forwards, and which folder a volume is."""

from pathlib import Path
from typing import Any

import pytest

from manor.local import forwarding, volumes
from manor.local.node import Node, Ports

pytestmark = pytest.mark.unit

Object = dict[str, Any]
UID = "0c1d2e3f-0000-4000-8000-123456789abc"


def namespace(name: str, tenant: str | None = None) -> Object:
    return {"metadata": {"name": name, "labels": {"manor.dev/tenant": tenant} if tenant else {}}}


def egress(home: str, cidr: str, name: str = "manor-egress") -> Object:
    rule = {"to": [{"ipBlock": {"cidr": cidr}}]}
    return {"metadata": {"name": name, "namespace": home}, "spec": {"egress": [rule]}}


def allowed(text: str) -> str:
    (line,) = (line for line in text.splitlines() if "client-namespace" in line)
    return line.split(" in ")[1]


def test_names_are_forwarded_for_the_platform_and_for_teams_with_internet() -> None:
    namespaces = [
        namespace("kube-system"),
        namespace("a", "a"),
        namespace("b", "b"),
        namespace("c", "c"),
    ]
    policies = [
        egress("a", "0.0.0.0/0"),
        egress("b", "192.0.2.0/24"),
        egress("c", "0.0.0.0/0", name="mine"),
        {"metadata": {"name": "manor-default-deny", "namespace": "c"}, "spec": {"podSelector": {}}},
    ]
    assert allowed(forwarding.render(namespaces, policies)) == "['a', 'kube-system']"
    assert allowed(forwarding.render([namespace("a", "a")], [])) == "[]"


def claim(name: str = "data", uid: str = UID) -> Object:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    return {"metadata": {"name": name, "namespace": "a", "uid": uid}, "spec": spec}


@pytest.fixture
def node() -> Node:
    return Node("x", False, True, Ports(), "bin", "share", 0)


def test_a_volume_is_a_folder_named_by_what_the_api_server_chose(node: Node) -> None:
    path = Path(volumes.describe(node, claim())["spec"]["local"]["path"])
    assert path == node.files.volumes / f"pvc-{UID}"


@pytest.mark.parametrize("uid", ["../../etc", "", f"{UID}/..", UID.upper()])
def test_no_other_folder_is_ever_touched(node: Node, uid: str) -> None:
    with pytest.raises(ValueError, match="no name of a volume"):
        volumes.describe(node, claim(uid=uid))
