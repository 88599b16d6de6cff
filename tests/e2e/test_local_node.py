"""The whole node: what runs on it, what it refuses, what it survives, and that nothing of it is
left."""

import json
import os
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from manor.apply import wait
from manor.kube import Client
from manor.shipped import IMAGES_VERSION
from nodes import MANOR, RunningNode, node_for_tests, run_manor
from waiting import until, until_now

pytestmark = pytest.mark.e2e

Object = dict[str, Any]

IMAGE = f"manor.local/base:{IMAGES_VERSION}"
CONTAINER = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def namespace(name: str) -> Object:
    labels = {
        "team": name,
        "manor.dev/tenant": name,
        "manor.dev/user-ids": "5000",
        "pod-security.kubernetes.io/enforce": "restricted",
    }
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def web(home: str) -> list[Object]:
    """A pod that serves its volume, the Service before it, and the volume."""
    container = {
        "name": "web",
        "image": IMAGE,
        "command": ["python3", "-m", "http.server", "8080", "--directory", "/data"],
        "securityContext": CONTAINER,
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1},
    }
    template = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
            "securityContext": {
                "runAsNonRoot": True,
                "fsGroup": 5000,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
        },
    }
    metadata = {"name": "web", "namespace": home}
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Mi"}}}
    service = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}
    deployment = {
        "selector": {"matchLabels": {"app": "web"}},
        "strategy": {"type": "Recreate"},
        "template": template,
    }
    return [
        namespace(home),
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "data", "namespace": home},
            "spec": claim,
        },
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": service},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": deployment},
    ]


GATEWAY_API = "gateway.networking.k8s.io"
PROXIES, FRONT = "envoy-gateway-system", "manor-front"


def gateway(home: str, host: str) -> list[Object]:
    """A Gateway with a proxy of its own, for routes of its namespace, and the front's way to that
    proxy."""
    labels = {"app": "e2e-proxy"}
    inner = {
        "name": "web",
        "port": 8080,
        "protocol": "HTTP",
        "hostname": host,
        "allowedRoutes": {
            "namespaces": {"from": "Selector", "selector": {"matchLabels": {"team": home}}}
        },
    }
    outer = {"name": "all", "port": 80, "protocol": "HTTP"}
    service = {"clusterIP": "None", "selector": labels, "ports": [{"port": 8080}]}
    giver = {"group": GATEWAY_API, "kind": "HTTPRoute", "namespace": FRONT}
    backend = {"name": "e2e-proxy", "namespace": PROXIES, "port": 8080}

    def made(kind: str, name: str, space: str, spec: Object) -> Object:
        version = "v1" if kind == "Service" else f"{GATEWAY_API}/v1"
        return {
            "apiVersion": version,
            "kind": kind,
            "metadata": {"name": name, "namespace": space},
            "spec": spec,
        }

    own = {"gatewayClassName": "manor", "infrastructure": {"labels": labels}, "listeners": [inner]}
    grant = {"from": [giver], "to": [{"group": "", "kind": "Service"}]}
    way = {
        "parentRefs": [{"name": "e2e"}],
        "hostnames": [host],
        "rules": [{"backendRefs": [backend]}],
    }
    return [
        made("Gateway", "web", home, own),
        made("Service", "e2e-proxy", PROXIES, service),
        made("ReferenceGrant", "e2e", PROXIES, grant),
        made("Gateway", "e2e", FRONT, {"gatewayClassName": "manor-front", "listeners": [outer]}),
        made("HTTPRoute", "e2e", FRONT, way),
    ]


def route(home: str, host: str, gateway_home: str) -> Object:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "web", "namespace": home},
        "spec": {
            "parentRefs": [{"name": "web", "namespace": gateway_home}],
            "hostnames": [host],
            "rules": [{"backendRefs": [{"name": "web", "port": 80}]}],
        },
    }


async def apply_all(
    client: Client, objects: list[Object], *, waited_for: list[Object] | None = None
) -> None:
    for each in objects:
        await client.apply(each)
    await wait(client, objects if waited_for is None else waited_for, timeout=120)


async def pod_in(client: Client, home: str) -> str:
    pods = await client.list("v1", "Pod", namespace=home, labels={"app": "web"})
    return next(
        str(pod["metadata"]["name"]) for pod in pods if "deletionTimestamp" not in pod["metadata"]
    )


async def run_in(client: Client, home: str, script: str) -> str:
    """What a Python script prints in the web pod of a namespace."""
    done = await client.exec(
        home, await pod_in(client, home), ["python3", "-c", script], timeout=30
    )
    assert done.exit_code == 0, done.stderr
    return done.stdout.strip()


def fetch(running: RunningNode, host: str, path: str = "/") -> tuple[int, str]:
    """Ask the gateway from the host."""
    request = urllib.request.Request(f"{running.ingress}{path}", headers={"Host": host})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


def status_of(running: RunningNode, component: str) -> Object:
    said = json.loads(
        run_manor("local", "status", "--name", running.name, "-o", "json", check=False).stdout
    )
    return next(each for each in said["components"] if each["name"] == component)


@pytest.fixture(scope="module")
async def teams(node: RunningNode) -> AsyncIterator[Client]:
    """Namespaces one and two of the node, each with a web server; gateway and route
    belong to one."""
    async with Client.connect(node.kubeconfig) as client:
        objects = [*web("e2e-one"), *web("e2e-two")]
        await apply_all(client, objects)
        way_in = gateway("e2e-one", "one.example")
        await apply_all(client, [*way_in, route("e2e-one", "one.example", "e2e-one")])
        yield client
        for obj in way_in:
            meta = obj["metadata"]
            await client.delete(obj["apiVersion"], obj["kind"], meta["name"], meta["namespace"])
        for home in ("e2e-one", "e2e-two"):
            await client.delete("v1", "Namespace", home)


async def test_pods_find_services_by_name(teams: Client) -> None:
    script = (
        "import urllib.request as u; "
        "print(u.urlopen('http://web.e2e-two.svc.cluster.local', timeout=5).status)"
    )
    assert await run_in(teams, "e2e-one", script) == "200"


async def test_volume_is_bound_and_written_by_a_user_without_rights(
    node: RunningNode, teams: Client
) -> None:
    claim = await teams.get("v1", "PersistentVolumeClaim", "data", namespace="e2e-one")
    assert (claim["status"]["phase"], claim["spec"]["storageClassName"]) == ("Bound", "standard")
    script = "import os; open('/data/who', 'w').write('one'); print(os.getuid())"
    assert await run_in(teams, "e2e-one", script) == "65532"
    until_now("the way in answers", lambda: fetch(node, "one.example", "/who") == (200, "one"))


async def test_gateway_keeps_others_out(node: RunningNode, teams: Client) -> None:
    assert fetch(node, "two.example")[0] == 404
    thief = route("e2e-two", "one.example", "e2e-one")
    await teams.apply(thief)

    async def refusal() -> str:
        found = await teams.get(thief["apiVersion"], "HTTPRoute", "web", namespace="e2e-two")
        parents = found.get("status", {}).get("parents", [])
        accepted = [
            each
            for parent in parents
            for each in parent["conditions"]
            if each["type"] == "Accepted"
        ]
        return accepted[0]["reason"] if accepted else ""

    deadline = time.monotonic() + 30
    while not (reason := await refusal()):
        assert time.monotonic() < deadline, "the route was never judged"
    assert reason == "NotAllowedByListeners"
    assert fetch(node, "one.example", "/who")[0] in (200, 404)


async def test_network_policy_is_enforced(teams: Client) -> None:
    script = (
        "import urllib.request as u; "
        "print(u.urlopen('http://web.e2e-two.svc.cluster.local', timeout=3).status)"
    )
    assert await run_in(teams, "e2e-one", script) == "200"
    deny = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "deny", "namespace": "e2e-two"},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"]},
    }
    await teams.apply(deny)
    try:
        deadline = time.monotonic() + 15
        while True:
            pod = await pod_in(teams, "e2e-one")
            done = await teams.exec("e2e-one", pod, ["python3", "-c", script], timeout=30)
            if done.exit_code != 0 and "timed out" in done.stderr:
                break
            assert time.monotonic() < deadline, f"still reached: {done.stdout}{done.stderr}"
    finally:
        await teams.delete("networking.k8s.io/v1", "NetworkPolicy", "deny", namespace="e2e-two")


@pytest.mark.parametrize(
    ("port", "path", "status"), [(10250, "/pods", 401), (6443, "/api", 401), (6443, "/livez", 200)]
)
def test_strangers_are_refused(node: RunningNode, port: int, path: str, status: int) -> None:
    try:
        with urllib.request.urlopen(
            f"https://{node.ip}:{port}{path}", context=ssl._create_unverified_context(), timeout=5
        ) as answer:
            found = answer.status
    except urllib.error.HTTPError as error:
        found = error.code
    assert found == status


@pytest.mark.parametrize("port", [2379, 2380, 10248, 10255, 10256, 10257, 10259])
def test_what_is_private_listens_on_loopback_alone(node: RunningNode, port: int) -> None:
    with pytest.raises(OSError, match=r"refused|timed out"):
        socket.create_connection((node.ip, port), timeout=3).close()


async def test_killed_components_come_back_and_pods_stay(node: RunningNode, teams: Client) -> None:
    before = await teams.get("v1", "Pod", await pod_in(teams, "e2e-one"), namespace="e2e-one")
    killed = {
        name: status_of(node, name)
        for name in ("kubelet", "containerd", "cilium-agent", "kube-proxy")
    }
    for each in killed.values():
        os.kill(each["pid"], signal.SIGKILL)
    for name, each in killed.items():

        def is_back(name: str = name, each: Object = each) -> bool:
            now = status_of(node, name)
            renewed = now["pid"] != each["pid"] and now["restarts"] > each["restarts"]
            return bool(renewed and now["state"] == "ready")

        until_now(f"{name} is back", is_back)
    after = await teams.get("v1", "Pod", before["metadata"]["name"], namespace="e2e-one")
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    until_now("the way in answers", lambda: fetch(node, "one.example", "/who") == (200, "one"))


ASK = """
import socket, sys, time
def ask(name, times=1):
    # How many were answered, and the code of the last answer.
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.settimeout(4)
    codes = []
    for number in range(times):
        question = labels + b"\\0\\0\\1\\0\\1"
        head = b"\\0\\1\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0"
        server.sendto(head + question, ("10.96.0.10", 53))
    try:
        while len(codes) < times:
            codes.append(server.recv(512)[3] & 15)
    except TimeoutError:
        pass
    return len(codes), codes[-1] if codes else None
"""
INSIDE, OUTSIDE = "web.e2e-two.svc.cluster.local", "example.org"
NO_ERROR, REFUSED = 0, 5


async def ask(client: Client, home: str, name: str, times: int = 1) -> list[int]:
    answers: list[int] = json.loads(
        await run_in(client, home, f"{ASK}\nprint(list(ask({name!r}, {times})))")
    )
    return answers


async def test_foreign_names_are_asked_for_teams_with_internet_alone(teams: Client) -> None:
    for home in ("e2e-one", "e2e-two"):
        assert await ask(teams, home, INSIDE) == [1, NO_ERROR]
        assert await ask(teams, home, OUTSIDE) == [1, REFUSED]
    online = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "manor-egress", "namespace": "e2e-one"},
        "spec": {
            "podSelector": {"matchLabels": {"app": "none"}},
            "policyTypes": ["Egress"],
            "egress": [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}],
        },
    }
    await teams.apply(online)
    deadline = time.monotonic() + 60
    while (await ask(teams, "e2e-one", OUTSIDE))[1] == REFUSED:
        assert time.monotonic() < deadline, "names are not forwarded"
    assert await ask(teams, "e2e-two", OUTSIDE) == [1, REFUSED]


async def test_questions_for_names_are_bounded(teams: Client) -> None:
    answered, _ = await ask(teams, "e2e-one", INSIDE, times=20_000)
    assert 100 < answered < 10_000
    assert await ask(teams, "e2e-two", INSIDE, times=50) == [50, NO_ERROR]


async def test_pods_do_not_reach_the_host(node: RunningNode, teams: Client) -> None:
    with socket.create_server(("0.0.0.0", 0)) as server:
        port = server.getsockname()[1]
        said = subprocess.run(
            ["ip", "-json", "-4", "address"], capture_output=True, text=True, check=True
        ).stdout
        addresses = [info["local"] for link in json.loads(said) for info in link["addr_info"]]
        reached = [ip for ip in addresses if not ip.startswith("127.")]
        assert reached
        script = (
            f"import socket\nfor ip in {reached}:\n try: socket.create_connection((ip, {port}), "
            f"2); print(ip)\n"
            " except OSError: pass"
        )
        assert await run_in(teams, "e2e-one", script) == ""
        for ip in reached:
            socket.create_connection((ip, port), 2).close()


async def test_a_pod_in_a_user_namespace_has_ids_of_its_own(teams: Client) -> None:
    pod = web("e2e-one")[3]["spec"]["template"]
    pod["spec"] |= {"hostUsers": False}
    pod |= {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "own-users", "namespace": "e2e-one"},
    }
    await apply_all(teams, [pod])

    async def runs() -> bool:
        pod = await teams.get("v1", "Pod", "own-users", namespace="e2e-one")
        return bool(pod["status"].get("phase") == "Running")

    await until("the pod runs", runs)
    script = "print(open('/proc/self/uid_map').read()); open('/data/owned', 'w')"
    done = await teams.exec("e2e-one", "own-users", ["python3", "-c", script], timeout=30)
    assert done.exit_code == 0, done.stderr
    inside, outside, count = map(int, done.stdout.split())
    assert (inside, count) == (0, 65536)
    assert outside > 0


async def test_a_volume_gives_nobody_rights(node: RunningNode, teams: Client) -> None:
    volumes = node.kubeconfig.parent / "data" / "volumes"
    process = json.loads((node.kubeconfig.parent / "process.json").read_text())["pid"]
    mounts = [line.split() for line in Path(f"/proc/{process}/mountinfo").read_text().splitlines()]
    (options,) = (fields[5].split(",") for fields in mounts if fields[4] == str(volumes))
    assert {"nosuid", "nodev"} <= set(options)
    # The runtime's own bind mount into a pod leaves these flags out: there no process gains rights
    # by a program.
    assert "NoNewPrivs:\t1" in await run_in(
        teams, "e2e-one", "print(open('/proc/self/status').read())"
    )
    await run_in(
        teams,
        "e2e-one",
        "import os; open('/data/tool', 'w').write('#!'); os.chmod('/data/tool', 0o4755)",
    )
    (tool,) = volumes.glob("*/tool")
    as_stranger = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    for path in (tool, node.kubeconfig, node.kubeconfig.parent / "logs"):
        done = subprocess.run([*as_stranger, "stat", str(path)], capture_output=True, text=True)
        assert "Permission denied" in done.stderr


async def test_a_volume_goes_with_its_claim(node: RunningNode, teams: Client) -> None:
    claim = web("e2e-one")[1]
    claim["metadata"]["name"] = "passing"
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "passing", "namespace": "e2e-one"},
        "spec": web("e2e-one")[3]["spec"]["template"]["spec"],
    }
    pod["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"] = "passing"
    await apply_all(teams, [claim, pod])

    async def volume() -> str:
        found = await teams.get("v1", "PersistentVolumeClaim", "passing", "e2e-one")
        return str(found["spec"].get("volumeName", ""))

    async def bound() -> bool:
        return bool(await volume())

    await until("the claim is bound", bound)
    folder = node.kubeconfig.parent / "data" / "volumes" / await volume()
    assert folder.stat().st_mode & 0o777 == 0o770
    for kind in ("Pod", "PersistentVolumeClaim"):
        await teams.delete("v1", kind, "passing", namespace="e2e-one")
    until_now("the volume is gone", lambda: not folder.exists())


async def test_an_image_of_ones_own_is_loaded(node: RunningNode, teams: Client) -> None:
    archive = max(
        (Path.home() / ".cache/manor/images").glob("pause-*.tar"),
        key=lambda path: path.stat().st_mtime,
    )
    loaded = run_manor("local", "load-image", "--name", node.name, str(archive)).stdout.split()
    assert loaded == [IMAGE.replace("base", "pause")]
    refused = run_manor(
        "local", "load-image", "--name", node.name, "manor.test/none:1", check=False
    )
    assert refused.returncode != 0
    assert "no image of that name on this machine" in refused.stderr


def traces_of(name: str, interface: str) -> list[str]:
    """Lines about a node in whatever the host can list."""
    listings = {
        "process": ["ps", "-eo", "args="],
        "mount": ["findmnt", "--raw"],
        "namespace": ["ip", "netns"],
        "interface": ["ip", "-brief", "link"],
        "table": ["nft", "list", "tables"],
        "route": ["ip", "route", "show", "table", "all"],
        "group": ["find", "/sys/fs/cgroup", "-type", "d", "-name", name],
        "pin": ["find", "/sys/fs/bpf", "-mindepth", "1"],
    }
    found = []
    for kind, command in listings.items():
        lines = subprocess.run(
            command, capture_output=True, text=True, check=True
        ).stdout.splitlines()
        ours = [
            line
            for line in lines
            if kind == "pin" or name in line or interface in line.replace("@", " ").split()
        ]
        found += [f"{kind}: {line}" for line in ours if "local down" not in line]
    return found


def host_places() -> dict[str, str | bool]:
    """What belongs to the host and a kubelet would touch: folders with fixed names, settings of the
    kernel.

    Of a folder only whether it is there: a kubelet of the host's own, if it has one, writes to it.
    """
    folders = (
        "/var/lib/kubelet",
        "/var/lib/cni",
        "/var/log/pods",
        "/var/log/containers",
        "/etc/cni",
        "/run/cilium",
    )
    settings = ("vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops")
    network = (
        "net/netfilter/nf_conntrack_max",
        "net/ipv4/conf/all/rp_filter",
        "net/core/bpf_jit_enable",
    )
    return {
        **{folder: Path(folder).exists() for folder in folders},
        **{name: (Path("/proc/sys") / name).read_text() for name in (*settings, *network)},
    }


@pytest.fixture
def host_before() -> dict[str, str | bool]:
    return host_places()


async def test_data_survives_and_nothing_is_left(host_before: dict[str, str | bool]) -> None:
    with node_for_tests("life") as running:
        home = running.kubeconfig.parent
        interface = f"manor{json.loads((home / 'node.json').read_text())['index']}"
        async with Client.connect(running.kubeconfig) as client:
            await apply_all(client, web("life"))
            await run_in(client, "life", "open('/data/kept', 'w').write('kept')")
        assert traces_of(running.name, interface)

        os.kill(json.loads((home / "process.json").read_text())["pid"], signal.SIGKILL)
        until_now(
            "no process is left",
            lambda: (
                not any(line.startswith("process: ") for line in traces_of(running.name, interface))
            ),
            seconds=10,
        )
        run_manor("local", "up", "--name", running.name, "--ephemeral")
        async with Client.connect(running.kubeconfig) as client:
            deployment = {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": "web", "namespace": "life"},
            }
            await wait(client, [deployment], timeout=60)
            assert await run_in(client, "life", "print(open('/data/kept').read())") == "kept"
    assert not home.exists()
    assert traces_of(running.name, interface) == []
    assert host_places() == host_before


def test_interrupted_up_leaves_nothing(host_before: dict[str, str | bool]) -> None:
    name = f"test-stopped-{os.getpid()}"
    home = Path("/var/lib/manor") / name
    process = subprocess.Popen(
        [MANOR, "local", "up", "--name", name, "--ephemeral"], stderr=subprocess.PIPE, text=True
    )
    try:
        until_now("images are listed", (home / "data/images.json").exists)
        interface = f"manor{json.loads((home / 'node.json').read_text())['index']}"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) != 0
        assert not home.exists()
        assert traces_of(name, interface) == []
        assert host_places() == host_before
    finally:
        process.kill()
        if home.exists():
            run_manor("local", "down", "--name", name, "--yes")
