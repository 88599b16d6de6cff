"""The key by which the command line itself asks a model: made when it is first needed, and kept for
the user of this machine alone, as a kubeconfig is."""

import hashlib
import os
import re
import socket
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from getpass import getuser
from pathlib import Path
from typing import NamedTuple

from manor.api import Model
from manor.errors import ManorError
from manor.kube import Client, Forbidden
from manor.load import Specs
from manor.rollout import NotAtGateway, bring_to_gateway, change_keys
from manor.signing import make_key, opens

LIFETIME = timedelta(days=7)
"""How long such a key holds; another takes its place."""
_LAST = 60.0
"""Seconds that a kept key must hold on to be used."""


class OwnKey(NamedTuple):
    """What the user asks a model with."""

    token: str | None
    """None where the model asks for none."""
    new: bool = False
    """Whether it was just made, so that the proxy may hear of it only now."""


async def own_key(client: Client, known: Specs, model: Model) -> OwnKey:
    """The user's own key to a model. ManorError where the user may not make one. Where the gateway
    does not know it yet, its answer will tell."""
    if model.public:
        return OwnKey(None)
    name, namespace = model.metadata.name, model.metadata.namespace
    kept = _place(client.server, namespace, name)
    with suppress(OSError):
        token = kept.read_text(encoding="ascii")
        if opens(token, model.open_to, within=_LAST):
            return OwnKey(token)
    key = make_key(namespace, name, _name(), datetime.now(UTC) + LIFETIME)
    try:
        stored = await change_keys(
            client,
            model,
            lambda keys: [*(one for one in keys if one.name != _name()), key.public],
        )
    except Forbidden as error:
        raise ManorError(
            f"model {name} is asked with a key, and you may make none: {error}; ask for one "
            "(`manor keys create`), and give it by --key or MANOR_MODEL_KEY"
        ) from None
    _keep(kept, key.token)
    with suppress(NotAtGateway):
        await bring_to_gateway(client, known, stored)
    return OwnKey(key.token, new=True)


def _name() -> str:
    """The user and the machine, as a key is called by them."""
    words = f"{getuser()}-{socket.gethostname()}".lower()
    return re.sub(r"[^a-z0-9]+", "-", words).strip("-")[:63].rstrip("-") or "own"


def _place(server: str, namespace: str, model: str) -> Path:
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    whose = hashlib.sha256(f"{server} {namespace}/{model}".encode()).hexdigest()[:32]
    return state / "manor" / "keys" / whose


def _keep(place: Path, token: str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = place.with_suffix(".new")
    new.unlink(missing_ok=True)
    new.touch(mode=0o600)
    new.write_text(token, encoding="ascii")
    new.replace(place)
