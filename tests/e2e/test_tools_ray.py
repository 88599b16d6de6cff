"""Two teams run Ray at once, as their own users, on KubeRay's real operator; neither reaches the
other's."""

import asyncio
import re
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import pytest
import yaml

from manor.kube import ApiError, Client, Object
from nodes import RunningNode, load_workload_images, run_manor
from operator_process import is_stored
from waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "03-ray"
JOB, CODE = yaml.safe_load_all((EXAMPLE / "job.yaml").read_text())
TEAMS = ("tenant-a", "tenant-b")
PATIENCE = 240.0
"""Seconds for two Ray clusters at once on two cores."""
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
ASK = """
import sys, urllib.error, urllib.request
url, token, *job = sys.argv[1:]
headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"} if token else {}
body = b'{"entrypoint": "id"}' if job else None
try:
    print(urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=5).status)
except urllib.error.HTTPError as error:
    print(error.code)
except OSError as error:
    print("no way", error)
"""
"""Prints what the dashboard answers: to a look at its jobs, or, with one more word, to a job of
one's own."""


@pytest.fixture(scope="module")
async def teams(
    node: RunningNode, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[dict[str, Client]]:
    """KubeRay installed and turned on as the guide says, and a client for the owner of
    each team."""
    load_workload_images(node.name, "ray")
    run_manor("tools", "install", "kuberay", "--node", node.name)
    folder = tmp_path_factory.mktemp("kubeconfigs")
    platform = folder / "platform.yaml"
    platform.write_text((EXAMPLE / "platform.yaml").read_text().replace("172.30.0.2", node.ip))
    files = [platform, *(EXAMPLE / f"{team}.yaml" for team in TEAMS)]
    parts = [part for file in files for part in ("-f", str(file))]
    run_manor("apply", "--kubeconfig", str(node.kubeconfig), *parts)
    async with AsyncExitStack() as stack:
        found = {}
        for team in TEAMS:
            file = folder / team
            file.write_text(
                run_manor(
                    "local", "kubeconfig", "--name", node.name, "--user", f"{team}-user"
                ).stdout
            )
            found[team] = await stack.enter_async_context(Client.connect(file))
        yield found


@pytest.fixture(scope="module")
async def jobs(teams: dict[str, Client]) -> AsyncIterator[dict[str, Object]]:
    """Each team's job, run to its end beside the other's; their clusters stay for ten minutes."""
    yield dict(
        zip(
            TEAMS,
            await asyncio.gather(*(run_job(teams[team], team) for team in TEAMS)),
            strict=True,
        )
    )
    for team in TEAMS:
        for obj in (JOB, CODE):
            await teams[team].delete(obj["apiVersion"], obj["kind"], "pi", team)


async def run_job(client: Client, team: str) -> Object:
    for obj in (CODE, JOB):
        mine = {**obj, "metadata": {**obj["metadata"], "namespace": team}}
        await until(f"quotas count a {obj['kind']}", partial(is_stored, client, mine))
    end = time.monotonic() + PATIENCE
    while True:
        job = await client.get(JOB["apiVersion"], "RayJob", "pi", team)
        if job.get("status", {}).get("jobDeploymentStatus") in ("Complete", "Failed"):
            return job
        assert time.monotonic() < end, job.get("status")
        await asyncio.sleep(2)


async def pod_of(client: Client, team: str, job: Object, node_type: str) -> Object:
    labels = {"ray.io/cluster": job["status"]["rayClusterName"], "ray.io/node-type": node_type}
    (pod,) = await client.list("v1", "Pod", team, labels=labels)
    return pod


async def asked(client: Client, team: str, pod: Object, *words: str) -> str:
    done = await client.exec(
        team, pod["metadata"]["name"], ["python3", "-c", ASK, *words], timeout=60
    )
    return done.stdout.strip()


async def test_both_teams_jobs_run_on_a_head_and_a_worker_of_their_own(
    teams: dict[str, Client], jobs: dict[str, Object]
) -> None:
    for team, job in jobs.items():
        assert job["status"]["jobStatus"] == "SUCCEEDED", job["status"]
        (submitter,) = await teams[team].list("v1", "Pod", team, labels={"job-name": "pi"})
        said = await teams[team].logs(team, submitter["metadata"]["name"])
        worker = await pod_of(teams[team], team, job, "worker")
        # A million throws: 3.15 in one run of fifty.
        told = rf"pi is about 3\.1\d, thrown on {worker['metadata']['name']}\n"
        assert re.search(told, said), said


async def test_a_dashboard_answers_its_own_team_with_the_token_alone(
    teams: dict[str, Client], jobs: dict[str, Object]
) -> None:
    client, job = teams["tenant-a"], jobs["tenant-a"]
    head, worker = [
        await pod_of(client, "tenant-a", job, node_type) for node_type in ("head", "worker")
    ]
    (env,) = [e for e in head["spec"]["containers"][0]["env"] if e["name"] == "RAY_AUTH_TOKEN"]
    done = await client.exec(
        "tenant-a", head["metadata"]["name"], ["printenv", env["name"]], timeout=30
    )
    token, url = done.stdout.strip(), f"http://{head['status']['podIP']}:8265/api/jobs/"
    for given, answer in (("", "401"), ("guessed", "403"), (token, "200")):
        assert await asked(client, "tenant-a", worker, url, given) == answer
        assert await asked(client, "tenant-a", worker, url, given, "submit") == answer


@pytest.mark.parametrize("port", [8265, 6379, 10001, 8080, 52365])
async def test_a_neighbour_reaches_no_port_of_a_head(
    teams: dict[str, Client], jobs: dict[str, Object], port: int
) -> None:
    head = await pod_of(teams["tenant-a"], "tenant-a", jobs["tenant-a"], "head")
    outsider = await pod_of(teams["tenant-b"], "tenant-b", jobs["tenant-b"], "worker")
    url = f"http://{head['status']['podIP']}:{port}/"
    assert (
        await asked(teams["tenant-b"], "tenant-b", outsider, url, "")
        == "no way <urlopen error timed out>"
    )


async def made_of(file: str, client: Client) -> list[Object]:
    objects = list(yaml.safe_load_all((EXAMPLE / file).read_text()))
    for obj in reversed(objects):
        await client.create(obj)
    return objects


async def gone(client: Client, objects: list[Object]) -> None:
    for obj in objects:
        meta = obj["metadata"]
        await client.delete(obj["apiVersion"], obj["kind"], meta["name"], meta["namespace"])


async def test_a_service_answers_at_its_teams_host_name(
    node: RunningNode, teams: dict[str, Client], jobs: dict[str, Object]
) -> None:
    objects = await made_of("service.yaml", teams["tenant-a"])
    words = ["curl", "-s", "-m", "5", "-H", "Host: tenant-a.manor.local"]
    words.append(f"{node.ingress}/greet?name=ada")

    async def answers() -> bool:
        return subprocess.run(words, capture_output=True, text=True).stdout == "hello ada"

    await until("it greets", answers, PATIENCE)
    await gone(teams["tenant-a"], objects)


async def test_a_cluster_grows_as_far_as_the_quota_goes(teams: dict[str, Client]) -> None:
    """It begins without workers. Of six that its tasks ask for, the quota has room for two at most
    beside head, autoscaler and submitter."""
    client = teams["tenant-a"]
    (growing,) = objects = list(yaml.safe_load_all((EXAMPLE / "growing.yaml").read_text()))
    await until("quotas count RayJobs", partial(is_stored, client, growing))

    async def ended() -> bool:
        job = await client.get("ray.io/v1", "RayJob", "growing", "tenant-a")
        return job.get("status", {}).get("jobDeploymentStatus") in ("Complete", "Failed")

    await until("it ended", ended, PATIENCE)
    (submitter,) = await client.list("v1", "Pod", "tenant-a", labels={"job-name": "growing"})
    said = await client.logs("tenant-a", submitter["metadata"]["name"])
    workers = int(said.partition(" workers did it")[0].split()[-1])
    assert 1 <= workers <= 2
    events = await client.list("v1", "Event", "tenant-a")
    assert any("exceeded quota: manor-quota" in event.get("message", "") for event in events)
    await gone(client, objects)


async def test_a_cluster_without_a_token_is_refused(teams: dict[str, Client]) -> None:
    spec = {
        key: value for key, value in JOB["spec"]["rayClusterSpec"].items() if key != "authOptions"
    }
    open_ = {
        "apiVersion": "ray.io/v1",
        "kind": "RayCluster",
        "metadata": {"name": "open", "namespace": "tenant-a"},
    }
    with pytest.raises(ApiError, match=r"manor-kuberay-clusters.*a Ray cluster asks for a token"):
        await teams["tenant-a"].create({**open_, "spec": spec})


async def test_the_operator_writes_where_ray_is_used_and_nowhere_else(node: RunningNode) -> None:
    async with Client.connect(node.kubeconfig) as client:
        operator = client.impersonate("system:serviceaccount:kuberay-system:kuberay-operator")
        for resource, verb in (
            ("pods", "create"),
            ("secrets", "create"),
            ("rolebindings", "create"),
        ):
            group = "rbac.authorization.k8s.io" if resource == "rolebindings" else ""
            for space, allowed in (("tenant-a", True), ("kube-system", False), ("default", False)):
                attributes = {
                    "namespace": space,
                    "resource": resource,
                    "verb": verb,
                    "group": group,
                }
                review = {
                    "apiVersion": "authorization.k8s.io/v1",
                    "kind": "SelfSubjectAccessReview",
                }
                body = {**review, "spec": {"resourceAttributes": attributes}}
                said = await operator.request("POST", REVIEWS, body=body)
                assert said["status"]["allowed"] is allowed, attributes


def test_verify_finds_nothing(node: RunningNode, jobs: dict[str, Object]) -> None:
    checks = ["--plane", "tools", "--only", "MNR-PLATFORM-004"]
    run_manor("verify", "--kubeconfig", str(node.kubeconfig), "--level", "dry-run", *checks)
