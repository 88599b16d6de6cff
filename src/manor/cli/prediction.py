"""A request to a served model through the gateway: where it goes, what it carries, what
comes back."""

import json
import shlex
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from manor.api import Model
from manor.api.wellknown import GATEWAY_API
from manor.engines import model_url, tenant_of
from manor.errors import ManorError
from manor.kube import Client
from manor.kube.http import post
from manor.limits import limits
from manor.load import Specs
from manor.polling import poll_until
from manor.render import entrance

ERROR_LIMIT = 1000
"""Characters of a model's error that are shown."""


class PredictionFailed(ManorError):
    """The model gave no prediction; the text says what came back instead."""


@dataclass(frozen=True)
class Endpoint:
    """A model's URL and the address at which the gateway answers for its host name."""

    url: str
    address: str
    key: str | None = None
    """What opens it, where it asks for a key."""
    new: bool = False
    """Whether the key was just made, so that the proxy may hear of it only now."""

    @property
    def headers(self) -> dict[str, str]:
        """What a request bears besides its body."""
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}

    def curl(self, body: dict[str, Any]) -> str:
        """The same request as a command line."""
        parts = urlsplit(self.url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        # Unlike --resolve it takes a load balancer's name as well as an address.
        words = ["curl", "--connect-to", f"{parts.hostname}:{port}:{self.address}:{port}", self.url]
        for name, value in {"Content-Type": "application/json", **self.headers}.items():
            words += ["-H", f"{name}: {value}"]
        return shlex.join([*words, "-d", json.dumps(body)])


async def endpoint(client: Client, known: Specs, model: Model) -> Endpoint:
    """Where a model answers, by the address that the way in has got."""
    platform, tenant = known.platform, tenant_of(model, known.tenants)
    assert platform is not None  # noqa: S101 - there is no tenant without one
    namespace, name = entrance(platform, tenant)
    gateway = await client.get(GATEWAY_API, "Gateway", name, namespace)
    addresses = gateway.get("status", {}).get("addresses", [])
    if not addresses:
        raise PredictionFailed(
            f"Gateway {namespace}/{name} has no address yet; try again in a moment"
        )
    return Endpoint(model_url(platform, tenant, model), addresses[0]["value"])


def request_body(data: Any) -> dict[str, Any]:
    """An Open Inference Protocol (v2) request: `data` as it is if it has inputs, else rows of
    numbers as one tensor."""
    if isinstance(data, dict) and "inputs" in data:
        return data
    rows = data if isinstance(data, list) and data and isinstance(data[0], list) else [data]
    if not rows[0] or not all(isinstance(row, list) and len(row) == len(rows[0]) for row in rows):
        raise PredictionFailed(
            "the input must be rows of numbers of one length, such as [[5.1, 3.5, 1.4, 0.2]]"
        )
    tensor = {"name": "input", "shape": [len(rows), len(rows[0])], "datatype": "FP64", "data": rows}
    return {"inputs": [tensor]}


async def predict(
    target: Endpoint, body: dict[str, Any], *, authority: Path | None = None, whole: bool = False
) -> dict[str, Any]:
    """The model's answer. PredictionFailed if there is none; with `whole`, it holds all that came
    instead."""
    bounds = limits().cli
    ask = partial(
        post,
        target.url,
        target.address,
        body,
        headers=target.headers,
        timeout=bounds.predict,
        authority=authority,
    )
    answer = await poll_until(
        lambda answer: answer.status not in (401, 403) or not target.new,
        ask,
        timeout=bounds.keys,
        interval=bounds.keys_poll,
    )
    if answer.status != 200:
        said = answer.text if whole else error_text(answer.text)
        raise PredictionFailed(f"{target.url} answered {answer.status} {answer.reason}: {said}")
    try:
        prediction = json.loads(answer.text)
    except ValueError:
        prediction = None
    if not isinstance(prediction, dict):
        raise PredictionFailed(
            f"{target.url} answered no prediction but: {error_text(answer.text)}"
        )
    return prediction


def error_text(text: str) -> str:
    """What an error's body has to say: its field `error` or `detail`, or the last line, where a
    traceback says it."""
    try:
        body = json.loads(text)
    except ValueError:
        body = None
    if isinstance(body, dict):
        text = str(body.get("error") or body.get("detail") or text)
    lines = [line for line in text.splitlines() if line.strip()] or ["nothing"]
    return lines[-1].strip()[:ERROR_LIMIT]


def outputs(answer: dict[str, Any]) -> str:
    """The predicted values, as a short text."""
    return "; ".join(f"{output['data']}" for output in answer.get("outputs", []))
