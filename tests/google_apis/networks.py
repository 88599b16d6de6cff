"""Compute Engine: networks, subnetworks, routers with their NAT, and the groups of the nodes."""

import itertools
from dataclasses import dataclass, field
from typing import Any

from google_apis.identities import NUMBER, PROJECT
from google_apis.types import checked, compute
from google_apis.wire import Json, Operation, Operations, Refused, Request, merged, not_found, taken

KINDS = {
    "networks": compute.Network,
    "subnetworks": compute.Subnetwork,
    "routers": compute.Router,
}


@dataclass
class Compute:
    """The store: what is there by its path below `projects/`."""

    base: str
    operations: Operations
    held: dict[str, Json] = field(default_factory=dict)
    users: list[Any] = field(default_factory=list)
    """Called with a path; each says what still uses what is there."""
    groups: dict[str, int] = field(default_factory=dict)
    """Instance groups of nodes by path, with their sizes."""
    _ids: Any = field(default_factory=lambda: itertools.count(1001))

    def create(self, request: Request, parent: str, kind: str) -> Json:
        body = checked(KINDS[kind], request.body)
        path = f"{parent}/{kind}/{body['name']}"
        if path in self.held:
            raise taken(path)
        for reference in {"network"} & body.keys():
            self.get(body[reference].partition("projects/")[2])
        number = str(next(self._ids))
        stored = {
            "kind": f"compute#{kind[:-1]}",
            "id": number,
            "selfLink": self.link(path),
            "creationTimestamp": "2026-01-01T00:00:00.000-08:00",
            "fingerprint": f"fingerprint{number}=",
            **_filled(kind, parent, body),
        }
        if kind != "subnetworks":
            del stored["fingerprint"]
        if "network" in stored:
            stored["network"] = self.link(body["network"].partition("projects/")[2])
        checked(KINDS[kind], stored)

        def finish() -> None:
            self.held[path] = stored

        return self._started(finish, parent, path, "insert")

    def get(self, path: str) -> Json:
        if path not in self.held:
            raise not_found(path)
        return self.held[path]

    def change(self, request: Request, path: str, kind: str) -> Json:
        body = checked(KINDS[kind], request.body)
        held = self.get(path)

        def finish() -> None:
            self.held[path] = merged(held, body)

        return self._started(finish, path.rpartition(f"/{kind}/")[0], path, "patch")

    def delete(self, path: str, kind: str) -> Json:
        held = self.get(path)
        using = [
            other
            for other, one in self.held.items()
            if one.get("network") == held["selfLink"] or one.get("subnetwork") == held["selfLink"]
        ]
        using += [user for ask in self.users for user in ask(path)]
        if using:
            raise Refused(400, f"The resource '{path}' is already being used by '{using[0]}'")

        def finish() -> None:
            del self.held[path]

        return self._started(finish, path.rpartition(f"/{kind}/")[0], path, "delete")

    def instance_groups(self, parent: str) -> Json:
        items = [
            {
                "name": path.rpartition("/")[2],
                "selfLink": self.link(path),
                "instanceGroup": self.link(path.replace("Managers", "s")),
                "targetSize": size,
            }
            for path, size in self.groups.items()
            if path.startswith(f"{parent}/")
        ]
        return checked(compute.InstanceGroupManagerList, {"items": items})

    def project(self, name: str) -> Json:
        if name not in (PROJECT, NUMBER):
            raise not_found(name)
        return checked(compute.Project, {"kind": "compute#project", "name": PROJECT, "id": NUMBER})

    def polled(self, parent: str, name: str) -> Json:
        return self._told(self.operations.polled(name), parent)

    def link(self, path: str) -> str:
        return f"{self.base}projects/{path}"

    def _started(self, finish: Any, parent: str, path: str, kind: str) -> Json:
        told = self._told(self.operations.start(finish), parent)
        return {**told, "operationType": kind, "targetLink": self.link(path)}

    def _told(self, operation: Operation, parent: str) -> Json:
        place = {} if parent.endswith("global") else {"region": self.link(parent)}
        return {
            "kind": "compute#operation",
            "name": operation.name,
            "status": "DONE" if operation.done else "RUNNING",
            "progress": 100 if operation.done else 0,
            "selfLink": self.link(f"{parent}/operations/{operation.name}"),
            **place,
        }


def _filled(kind: str, parent: str, body: Json) -> Json:
    """The body with what Compute Engine adds."""
    if kind == "networks":
        return {
            "networkFirewallPolicyEnforcementOrder": "AFTER_CLASSIC_FIREWALL",
            **body,
            "routingConfig": {
                "bgpBestPathSelectionMode": "LEGACY",
                **body.get("routingConfig", {}),
            },
        }
    region = {"region": f"https://www.googleapis.com/compute/beta/projects/{parent}"}
    if kind == "subnetworks":
        first = body["ipCidrRange"].rpartition(".")[0] + ".1"
        usual = {"gatewayAddress": first, "purpose": "PRIVATE", "stackType": "IPV4_ONLY"}
        return {**usual, "privateIpv6GoogleAccess": "DISABLE_GOOGLE_ACCESS", **body, **region}
    return {**body, **region}
