"""Parts of HTTPRoutes, with all that the API server would fill in: each list of theirs is one value
to it, and what it adds there would look like a change at every look."""

from manor.api.wellknown import GATEWAY_GROUP
from manor.render.objects import Object


def parent(name: str, *, kind: str = "Gateway", **more: str) -> Object:
    """What a route hangs on."""
    return {"group": GATEWAY_GROUP, "kind": kind, "name": name, **more}


def service(name: str, port: int, **more: object) -> Object:
    """A Service that a route leads to, or sends copies to."""
    return {"group": "", "kind": "Service", "name": name, "port": port, **more}


def below(path: str) -> Object:
    """The requests for a path, and for all below it."""
    return {"path": {"type": "PathPrefix", "value": path}}
