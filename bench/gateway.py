"""What a proxy for each tenant costs: memory, start, latency, requests per second, time from a
route to its answer.

On a whole node, beside each other in one run: the pod asked directly, one Envoy before it (what a
merged gateway is), and front and proxy. Tenants beyond the two that send requests have a Gateway
and a route but no proxy pod: they load the controller as real ones do, and one node has no room for
hundreds of pods.
"""

import argparse
import asyncio
import http.client
import statistics
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from manor.api import API_VERSION, Model, Platform, Tenant
from manor.apply import wait
from manor.engines import render_workload
from manor.kube import Client, NotFound
from manor.render import render_tenant, spec_object
from manor.signing import Key, make_key

ADDED, KEY = 1.0, 0.3
"""Most milliseconds of the median request that the way in may add, and a key to that."""
PROXIES, PORT = "envoy-gateway-system", 8080
GATEWAY_API = "gateway.networking.k8s.io/v1"
TENANTS = (2, 50, 200)
REQUESTS, THREADS, SECONDS = 300, 8, 5.0
REPEATS, PATIENCE = 5, 120.0
IMAGE = "manor.local/base:0.1.0"
IDLE = "bench-idle"
SERVER = """
import http.server
class H(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one segment: in two, the client's delayed acknowledgement is measured.
    wbufsize = -1
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", "2"); self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer(("", 8080), H).serve_forever()
"""
Object = dict[str, Any]


def obj(
    api_version: str, kind: str, name: str, namespace: str | None = None, **body: Any
) -> Object:
    meta = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": meta, **body}


def tenant(name: str) -> Tenant:
    spec = {
        "owners": [{"name": f"{name}-user"}],
        "hosts": [f"{name}.bench.local", f"*.{name}.bench.local"],
    }
    return Tenant.model_validate(
        {"apiVersion": API_VERSION, "kind": "Tenant", "metadata": {"name": name}, "spec": spec}
    )


def route(name: str, space: str, host: str) -> Object:
    rules = [{"backendRefs": [{"name": "web", "port": 80}]}]
    parents = [{"name": space, "namespace": "manor-system"}]
    return obj(
        GATEWAY_API,
        "HTTPRoute",
        name,
        space,
        spec={"parentRefs": parents, "hostnames": [host], "rules": rules},
    )


def web(space: str) -> list[Object]:
    """A small server and the way to it."""
    container = {
        "name": "web",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-c", SERVER],
        "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    security = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    spec = {
        "automountServiceAccountToken": False,
        "securityContext": security,
        "containers": [container],
    }
    pod = obj("v1", "Pod", "web", space, spec=spec)
    pod["metadata"]["labels"] = {"app": "web"}
    service = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}
    return [
        pod,
        obj("v1", "Service", "web", space, spec=service),
        route("web", space, f"{space}.bench.local"),
    ]


def keyed(platform: Platform, one: Tenant, key: Key) -> list[Object]:
    """A second way to the server, before which stands what asks for a Model's keys."""
    access = {"keys": [key.public.model_dump(by_alias=True, exclude_none=True)]}
    model = obj(API_VERSION, "Model", "keyed", one.name)
    model["spec"] = {"format": "custom", "image": IMAGE, "access": access}
    made = render_workload(platform, one, Model.model_validate(model))
    (policy,) = (each for each in made if each["kind"] == "SecurityPolicy")
    return [policy, route("keyed", one.name, f"keyed.{one.name}.bench.local")]


def ask(address: str, port: int, host: str, key: str = "") -> int:
    """The status of one request; 0 where there is no answer."""
    connection = http.client.HTTPConnection(address, port, timeout=5)
    try:
        connection.request("GET", "/", headers=headers(host, key))
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def headers(host: str, key: str) -> dict[str, str]:
    return {"Host": host, **({"Authorization": f"Bearer {key}"} if key else {})}


def load(address: str, port: int, host: str, key: str = "") -> tuple[float, float, float]:
    """Median and 99th percentile of single requests in milliseconds, and requests per second of
    some at once."""

    def ones(times: list[float], until: float, count: int) -> None:
        connection = http.client.HTTPConnection(address, port, timeout=10)
        while time.monotonic() < until and len(times) < count:
            begun = time.perf_counter()
            connection.request("GET", "/", headers=headers(host, key))
            connection.getresponse().read()
            times.append(time.perf_counter() - begun)
        connection.close()

    single: list[float] = []
    ones(single, time.monotonic() + 60, REQUESTS)
    many: list[list[float]] = [[] for _ in range(THREADS)]
    end = time.monotonic() + SECONDS
    threads = [threading.Thread(target=ones, args=(times, end, 10**9)) for times in many]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    single.sort()
    rate = sum(map(len, many)) / SECONDS
    return statistics.median(single) * 1000, single[int(len(single) * 0.99) - 1] * 1000, rate


def memory(word: str) -> list[tuple[float, float]]:
    """Private and proportional memory, in MB, of each process whose command line holds `word`."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if word in (process / "cmdline").read_text().replace("\0", " "):
                fields = dict(
                    line.split(":", 1)
                    for line in (process / "smaps_rollup").read_text().splitlines()[1:]
                )
                found.append(
                    tuple(int(fields[key].split()[0]) / 1000 for key in ("Pss_Anon", "Pss"))
                )
    return found  # type: ignore[return-value]


async def answers(address: str, port: int, host: str, status: int, key: str = "") -> float:
    """Seconds until the host answers with this status."""
    begun = time.monotonic()
    while await asyncio.to_thread(ask, address, port, host, key) != status:
        if time.monotonic() - begun > PATIENCE:
            return float("nan")
        await asyncio.sleep(0.05)
    return time.monotonic() - begun


async def idle_tenants(client: Client, count: int, have: int) -> None:
    """Gateways and routes of tenants whose proxies have no pod."""
    for number in range(have, count):
        name = f"idle-{number:03}"
        listener = {
            "name": "all",
            "hostname": f"{name}.bench.local",
            "port": PORT,
            "protocol": "HTTP",
        }
        gateway = obj(
            GATEWAY_API,
            "Gateway",
            name,
            IDLE,
            spec={"gatewayClassName": IDLE, "listeners": [listener]},
        )
        own = route(name, IDLE, f"{name}.bench.local")
        own["spec"]["parentRefs"] = [{"name": name}]
        for each in (gateway, own):
            await client.apply(each, field_manager="bench")


async def set_up(client: Client) -> list[Tenant]:
    platform = Platform.model_validate(await client.get(API_VERSION, "Platform", "manor"))
    two = [tenant("bench-a"), tenant("bench-b")]
    known = {one.name: one for one in two}
    for one in two:
        begun, objects = time.monotonic(), [spec_object(one), *render_tenant(platform, one, known)]
        for each in objects:
            await client.apply(each, field_manager="bench", force=True)
        await wait(
            client, [each for each in objects if each["kind"] == "Gateway"], timeout=PATIENCE
        )
        print(
            f"tenant {one.name}: its proxy is up {time.monotonic() - begun:.1f} s after the "
            f"first object was sent"
        )
        for each in web(one.name):
            await client.apply(each, field_manager="bench", force=True)
    reference = {
        "group": "gateway.envoyproxy.io",
        "kind": "EnvoyProxy",
        "name": IDLE,
        "namespace": PROXIES,
    }
    provider = {"type": "Kubernetes", "kubernetes": {"envoyDeployment": {"replicas": 0}}}
    provider["kubernetes"]["envoyService"] = {"type": "ClusterIP"}  # type: ignore[index]
    controller = "gateway.envoyproxy.io/gatewayclass-controller"
    for each in (
        obj("v1", "Namespace", IDLE),
        obj(
            "gateway.envoyproxy.io/v1alpha1",
            "EnvoyProxy",
            IDLE,
            PROXIES,
            spec={"provider": provider},
        ),
        obj(
            GATEWAY_API,
            "GatewayClass",
            IDLE,
            spec={"controllerName": controller, "parametersRef": reference},
        ),
    ):
        await client.apply(each, field_manager="bench", force=True)
    return two


async def clear(client: Client, two: list[Tenant]) -> None:
    platform = Platform.model_validate(await client.get(API_VERSION, "Platform", "manor"))
    made = [each for one in two for each in [spec_object(one), *render_tenant(platform, one, {})]]
    made += [obj("v1", "Namespace", IDLE), obj(GATEWAY_API, "GatewayClass", IDLE)]
    made.append(obj("gateway.envoyproxy.io/v1alpha1", "EnvoyProxy", IDLE, PROXIES))
    for each in reversed(made):
        meta = each["metadata"]
        with suppress(NotFound):
            await client.delete(
                each["apiVersion"], each["kind"], meta["name"], meta.get("namespace")
            )


async def main(kubeconfig: Path, address: str, counts: list[int]) -> bool:
    async with Client.connect(kubeconfig) as client:
        two = await set_up(client)
        try:
            front = (address, 30080)
            first = two[0].name
            print(f"first answer {await answers(*front, f'{first}.bench.local', 200):.1f} s later")
            pod = (await client.get("v1", "Pod", "web", first))["status"]["podIP"]
            labels = {"manor.dev/tenant": first}
            proxy = (await client.list("v1", "Pod", PROXIES, labels))[0]["status"]["podIP"]
            platform = Platform.model_validate(await client.get(API_VERSION, "Platform", "manor"))
            key = make_key(first, "keyed", "bench", None)
            for each in keyed(platform, two[0], key):
                await client.apply(each, field_manager="bench", force=True)
            own, closed = f"{first}.bench.local", f"keyed.{first}.bench.local"
            await answers(*front, closed, 401)
            await answers(*front, closed, 200, key.token)
            ways = {
                "pod": (pod, 8080, own, ""),
                "one Envoy": (proxy, PORT, own, ""),
                "front and proxy": (*front, own, ""),
                "front and proxy, with a key": (*front, closed, key.token),
            }
            medians: dict[str, list[float]] = {way: [] for way in ways}
            for title in [*ways, *ways]:
                p50, p99, rate = await asyncio.to_thread(load, *ways[title])
                print(f"{title}: p50 {p50:.2f} ms, p99 {p99:.2f} ms, {rate:.0f} requests/s")
                medians[title].append(p50)
            direct, _, through, keyed_through = map(statistics.mean, medians.values())
            added, asked = through - direct, keyed_through - through
            print(
                f"the gateway adds {added:.2f} ms (bar: {ADDED}), a key {asked:.2f} ms (bar: {KEY})"
            )
            have = 2
            for count in counts:
                await idle_tenants(client, count, have)
                have = max(count, have)
                times = []
                for number in range(REPEATS):
                    host = f"r{count}-{number}.{first}.bench.local"
                    await client.apply(
                        route("late", first, host), field_manager="bench", force=True
                    )
                    times.append(await answers(*front, host, 200))
                said = ", ".join(f"{one:.2f}" for one in sorted(times))
                print(f"{count} tenants: from a route to its answer {said} s")
                for what in (
                    "envoy-gateway server",
                    f"service-cluster manor-system/{first}",
                    "service-cluster manor-front",
                ):
                    for private, proportional in memory(what):
                        print(
                            f"  {what}: {private:.0f} MB private, {proportional:.0f} MB with its "
                            f"part of shared pages"
                        )
            return added <= ADDED and asked <= KEY
        finally:
            await clear(client, two)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "kubeconfig",
        type=Path,
        help="of a whole node with a Platform; run inside the node's network",
    )
    parser.add_argument("address", help="the node's address")
    parser.add_argument("--tenants", type=int, nargs="+", default=list(TENANTS))
    given = parser.parse_args()
    sys.exit(0 if asyncio.run(main(given.kubeconfig, given.address, given.tenants)) else 1)
