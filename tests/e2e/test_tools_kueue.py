"""Two teams share eight GPUs through the queues of the real Kueue (docs/gpus.md), as the teams' own
people."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from nodes import load_workload_images

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

FOLDER = Path(__file__).parent.parent.parent / "examples" / "02-gpu-queues"
SPECS = [
    arg for name in ("platform", "vision", "speech") for arg in ("-f", str(FOLDER / f"{name}.yaml"))
]
OWNERS = {"vision": "ada", "speech": "ben"}
QUEUE, MANAGED = "kueue.x-k8s.io/queue-name", "kueue.x-k8s.io/managed"
GROUP = {QUEUE: "default", "kueue.x-k8s.io/pod-group-name": "pair"}
Object = dict[str, Any]


class Teams:
    """The two teams' people at work."""

    def __init__(self, example: Any, folder: Path) -> None:
        self.example = example
        self._configs = {team: folder / team for team in OWNERS}
        for team, owner in OWNERS.items():
            config = example.manor(
                "local", "kubeconfig", "--name", example.node.name, "--user", owner
            )
            self._configs[team].write_text(config)

    def manor(self, team: str, *args: str) -> str:
        """A command of `manor` as the team's owner."""
        return str(self.example.manor(*args, "--kubeconfig", str(self._configs[team])))

    def kubectl(self, team: str, *args: str, given: str | None = None) -> Any:
        return self.example.kubectl(OWNERS[team], "-n", team, *args, given=given)

    def create(self, team: str, *objects: Object) -> str:
        """What is said against the objects; nothing where they are there."""
        return str(
            self.kubectl(team, "create", "-f", "-", given=yaml.safe_dump_all(objects)).stderr
        )

    def running(self, team: str) -> list[str]:
        """What runs in the team's namespace: the names of its pods, less their random ends."""
        got = self.example.kubectl(None, "-n", team, "get", "pods", "-o", "yaml")
        pods = yaml.safe_load(got.stdout)["items"]
        return sorted(
            pod["metadata"].get("generateName", pod["metadata"]["name"]).rstrip("-")
            for pod in pods
            if pod["status"]["phase"] == "Running" and "deletionTimestamp" not in pod["metadata"]
        )

    def clear(self) -> None:
        """Everything that holds GPUs goes."""
        for team in OWNERS:
            kinds = "trainingjobs,jobs,deployments,pods"
            self.kubectl(team, "delete", kinds, "--all", "--grace-period=1", "--wait=false")
        for team in OWNERS:
            until(f"nothing is left of {team}", partial(self._nothing_left, team), 90)

    def _nothing_left(self, team: str) -> bool:
        return not self.workloads(team)

    def workloads(self, team: str) -> list[str]:
        return str(self.kubectl(team, "get", "workloads", "-o", "name").stdout).split()


def until(what: str, seen: Callable[[], bool], seconds: float = 60) -> float:
    """Waits for it; how long that took."""
    begun = time.monotonic()
    while not seen():
        assert time.monotonic() - begun < seconds, f"not within {seconds:g} s: {what}"
        time.sleep(0.3)
    return time.monotonic() - begun


def container(gpus: str) -> Object:
    few = {"cpu": "10m", "memory": "16Mi", "ephemeral-storage": "1Mi"}
    resources = {
        "requests": few,
        "limits": {"memory": "16Mi", **({"nvidia.com/gpu": gpus} if gpus else {})},
    }
    sleep = ["python3", "-c", "import time; time.sleep(600)"]
    return {
        "name": "c",
        "image": "manor.local/training:0.1.0",
        "command": sleep,
        "resources": resources,
    }


def pod(
    name: str, gpus: str, labels: Object | None = None, annotations: Object | None = None
) -> Object:
    spec = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 1,
        "containers": [container(gpus)],
    }
    metadata = {
        "name": name,
        "labels": labels or {QUEUE: "default"},
        "annotations": annotations or {},
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def job(name: str, gpus: str, pods: int = 1, queue: str = "default") -> Object:
    spec = {"parallelism": pods, "completions": pods, "template": {"spec": pod(name, gpus)["spec"]}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": {QUEUE: queue}},
        "spec": spec,
    }


@pytest.fixture(scope="module")
def teams(tool_example: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Teams]:
    """The example as its page has it: Kueue installed, eight GPUs, two teams."""
    example = tool_example(FOLDER)
    load_workload_images(example.node.name, "training")
    gpus = (
        '{"status": {"capacity": {"nvidia.com/gpu": "%s"}, "allocatable": {"nvidia.com/gpu": '
        '"%s"}}}'
    )
    node = ("patch", "node", example.node.name, "--subresource=status", "--type=merge", "-p")
    assert example.kubectl(None, *node, gpus % (8, 8)).returncode == 0
    example.manor("tools", "install", "kueue", "--node", example.node.name)
    example.manor("apply", *SPECS)
    made = Teams(example, tmp_path_factory.mktemp("people"))
    yield made
    made.clear()
    example.remove(SPECS, list(OWNERS))
    example.manor("tools", "uninstall", "kueue", "--yes")
    example.kubectl(None, *node, gpus % (0, 0))


def test_one_team_borrows_what_the_other_leaves_and_gives_it_back(teams: Teams) -> None:
    teams.manor("vision", "apply", "-f", str(FOLDER / "vision-jobs.yaml"), "--no-wait")
    whole = ["detect-0", "detect-1", "segment-0", "segment-1"]
    until("vision has all eight", lambda: teams.running("vision") == whole)
    assert " 8/8 " in teams.manor("vision", "get", "tenants", "vision")

    teams.manor("speech", "apply", "-f", str(FOLDER / "speech-job.yaml"), "--no-wait")
    taken = until(
        "speech has its four", lambda: teams.running("speech") == ["transcribe-0", "transcribe-1"]
    )
    print(f"taken back in {taken:.1f} s")
    # All workers of a job or none: one of vision's runs whole, the other waits whole.
    until("vision keeps one job", lambda: teams.running("vision") in (whole[:2], whole[2:]))
    stand = teams.manor("vision", "get", "trainingjobs", "-n", "vision")
    assert "Queued" in stand
    assert "number 1 of 1 in queue default" in stand

    teams.manor("speech", "delete", "-f", str(FOLDER / "speech-job.yaml"), "--yes")
    until("what was borrowed is borrowed again", lambda: teams.running("vision") == whole)
    teams.clear()


def test_nobody_has_more_than_its_guarantee_and_what_it_may_borrow(teams: Teams) -> None:
    assert teams.create("vision", job("nine", "3", pods=3)) == ""
    until("it waits", lambda: len(teams.workloads("vision")) == 1)
    assert teams.running("vision") == []
    said = teams.create("vision", pod("nine", "9"))
    assert "exceeded quota: manor-quota, requested: requests.nvidia.com/gpu=9" in said
    teams.clear()


def test_pods_and_models_hold_gpus_of_the_same_budget(teams: Teams) -> None:
    """A plain pod that names its queue, and a Deployment: whatever is left waits."""
    spec = {**pod("x", "3")["spec"], "restartPolicy": "Always"}
    template = {"metadata": {"labels": {"app": "serve"}}, "spec": spec}
    serve = {"replicas": 1, "selector": {"matchLabels": {"app": "serve"}}, "template": template}
    metadata = {"name": "serve", "labels": {QUEUE: "default"}}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": serve,
    }
    assert teams.create("vision", pod("shell", "2"), deployment) == ""
    until("both run", lambda: len(teams.running("vision")) == 2)
    assert teams.create("vision", job("rest", "4")) == ""
    time.sleep(3)
    assert len(teams.running("vision")) == 2
    teams.kubectl("vision", "delete", "pod", "shell", "--wait=false")
    until("the job has its turn", lambda: "rest" in teams.running("vision"))
    teams.clear()


def test_what_was_admitted_stays_in_the_queue_systems_hands(teams: Teams) -> None:
    assert teams.create("vision", job("narrow", "2"), pod("shell", "2"), job("late", "8")) == ""
    until("two run", lambda: len(teams.running("vision")) == 2)
    for attack, message in (
        (
            ("label", "pod", "shell", f"{MANAGED}-"),
            "labels and annotations of kueue.x-k8s.io are the queue system's",
        ),
        (
            ("patch", "job", "narrow", "-p", '{"spec": {"parallelism": 4}}'),
            "Job narrow was admitted with 1 pods",
        ),
        (
            ("patch", "job", "late", "-p", '{"spec": {"suspend": false}}'),
            "Job late is started by the queue system",
        ),
        (("delete", "workloads", "--all"), 'cannot delete resource "workloads"'),
        (
            ("patch", "localqueue", "default", "--type=merge", "-p", '{"spec": {}}'),
            'cannot patch resource "localqueues"',
        ),
    ):
        said = teams.kubectl("vision", *attack).stderr
        assert message in said, (attack, said)
    assert "queue speech is not one of tenant vision" in teams.create(
        "vision", job("stray", "1", queue="speech")
    )
    late = yaml.safe_load(teams.kubectl("vision", "get", "job", "late", "-o", "yaml").stdout)
    assert (late["spec"]["suspend"], late["status"].get("active", 0)) == (True, 0)
    teams.clear()


def test_a_run_of_a_schedule_waits_as_any_other_job(teams: Teams) -> None:
    spec = {"schedule": "0 0 1 1 *", "command": container("")["command"]}
    nightly = {
        "apiVersion": "manor.dev/v1alpha1",
        "kind": "TrainingJob",
        "metadata": {"name": "nightly", "namespace": "vision"},
        "spec": {**spec, "resources": {"cpu": "10m", "memory": "16Mi", "gpu": 8}, "retries": 0},
    }
    assert teams.create("vision", job("first", "4")) == ""
    until("the first runs", lambda: teams.running("vision") == ["first"])
    teams.example.manor("apply", "-f", "-", given=yaml.safe_dump(nightly))
    made = ("create", "job", "nightly-1", "--from=cronjob/nightly")
    # As the controller of CronJobs does it; whoever of the team does takes it out of its queue. Two
    # policies refuse that, and either may be named.
    assert "forbidden: ValidatingAdmissionPolicy" in teams.kubectl("vision", *made).stderr
    assert teams.example.kubectl(None, "-n", "vision", *made).returncode == 0

    def waits() -> bool:
        stand = teams.manor("vision", "get", "jobs", "nightly", "-n", "vision")
        return "Queued" in stand and "number 1 of 1 in queue default" in stand

    until("its run waits", waits)
    assert teams.running("vision") == ["first"]
    teams.kubectl("vision", "delete", "job", "first", "--wait=false")
    until("its turn has come", lambda: "nightly-1-0" in teams.running("vision"))
    teams.clear()


def test_a_sum_that_overflows_takes_nothing_from_the_others(teams: Teams) -> None:
    """2^64 GPUs, less a few: what Kueue would count as less than nothing, and lend out."""
    huge = job("huge", "18446744073709", pods=1_000_000)
    huge["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"] = dict.fromkeys(
        ("cpu", "memory", "ephemeral-storage"), "0"
    )
    assert teams.create("vision", huge) == ""
    assert teams.create("vision", job("greedy", "8")) == ""
    until("vision has all eight", lambda: teams.running("vision") == ["greedy"])
    assert teams.create("speech", job("own", "4")) == ""
    until("speech has its four", lambda: teams.running("speech") == ["own"])
    assert not [name for name in teams.workloads("vision") if "huge" in name]
    teams.clear()


def test_a_small_pod_lends_its_size_to_no_other(teams: Teams) -> None:
    """Kueue takes pods of one role-hash in a group for copies of the first."""
    forged = {"kueue.x-k8s.io/pod-group-total-count": "2", "kueue.x-k8s.io/role-hash": "0a1b2c3d"}
    assert (
        teams.create("vision", pod("small", "", GROUP, forged), pod("large", "3", GROUP, forged))
        == ""
    )
    until("both run", lambda: teams.running("vision") == ["large", "small"])
    group = yaml.safe_load(teams.kubectl("vision", "get", "workload", "pair", "-o", "yaml").stdout)
    asked = [
        assigned["resourceUsage"] for assigned in group["status"]["admission"]["podSetAssignments"]
    ]
    assert sorted(usage.get("nvidia.com/gpu", "0") for usage in asked) == ["0", "3"]
    # A group of pods is given up by its team: until then Kueue waits for others in their place.
    teams.kubectl("vision", "annotate", "pod", "small", "kueue.x-k8s.io/retriable-in-group=false")
    teams.clear()
