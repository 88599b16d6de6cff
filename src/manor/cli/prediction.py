"""A request to a served model through the gateway: where it goes, what it carries, what comes back."""

import http.client
import json
import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from manor.api import Model, Platform, Tenant
from manor.engines import model_url
from manor.kube import Client
from manor.render import SYSTEM_NAMESPACE

TIMEOUT = 30.0
"""Seconds that a prediction may take."""


class PredictionFailed(Exception):
    """The model gave no prediction; the text says what came back instead."""


@dataclass(frozen=True)
class Endpoint:
    """A model's URL and the address at which the gateway answers for its host name."""

    url: str
    address: str

    def curl(self, body: dict[str, Any]) -> str:
        """The same request as a command line."""
        parts = urlsplit(self.url)
        resolve = f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}:{self.address}"
        return f"curl --resolve {resolve} {self.url} -H 'Content-Type: application/json' -d '{json.dumps(body)}'"


async def endpoint(client: Client, platform: Platform, tenant: Tenant, model: Model) -> Endpoint:
    """Where a model answers, by the address that the tenant's Gateway has got."""
    gateway = await client.get("gateway.networking.k8s.io/v1", "Gateway", tenant.name, SYSTEM_NAMESPACE)
    addresses = gateway.get("status", {}).get("addresses", [])
    if not addresses:
        raise PredictionFailed(f"the Gateway of tenant {tenant.name} has no address yet; try again in a moment")
    return Endpoint(model_url(platform, tenant, model), addresses[0]["value"])


def request_body(data: Any) -> dict[str, Any]:
    """An Open Inference Protocol (v2) request: `data` as it is if it has inputs, else rows of numbers as one tensor."""
    if isinstance(data, dict) and "inputs" in data:
        return data
    rows = data if isinstance(data, list) and data and isinstance(data[0], list) else [data]
    if not rows[0] or not all(isinstance(row, list) and len(row) == len(rows[0]) for row in rows):
        raise PredictionFailed("the input must be rows of numbers of one length, such as [[5.1, 3.5, 1.4, 0.2]]")
    tensor = {"name": "input", "shape": [len(rows), len(rows[0])], "datatype": "FP64", "data": rows}
    return {"inputs": [tensor]}


def predict(target: Endpoint, body: dict[str, Any]) -> dict[str, Any]:
    """The model's answer. PredictionFailed if there is none."""
    parts = urlsplit(target.url)
    if parts.scheme == "https":
        port = parts.port or 443
        context = ssl.create_default_context()
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            target.address, port, timeout=TIMEOUT, context=context
        )
    else:
        connection = http.client.HTTPConnection(target.address, parts.port or 80, timeout=TIMEOUT)
    try:
        headers = {"Host": parts.netloc, "Content-Type": "application/json"}
        connection.request("POST", parts.path, json.dumps(body), headers)
        response = connection.getresponse()
        text = response.read().decode(errors="replace")
    except OSError as error:
        raise PredictionFailed(f"{target.url} (at {target.address}): {error}") from None
    finally:
        connection.close()
    if response.status != 200:
        raise PredictionFailed(f"{target.url} answered {response.status} {response.reason}: {text[:300]}")
    answer: dict[str, Any] = json.loads(text)
    return answer


def outputs(answer: dict[str, Any]) -> str:
    """The predicted values, as a short text."""
    return "; ".join(f"{output['data']}" for output in answer.get("outputs", []))
