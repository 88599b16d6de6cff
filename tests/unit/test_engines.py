"""The native engine: what it makes is admitted by Pod Security `restricted`, and finds
its model."""

import base64
import itertools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from engine_specs import job, model, platform, tenant
from manor.api import Model, Platform, Tenant, TrainingJob
from manor.api.keys import NOBODY, limit_rules
from manor.api.workload import KEYS_MOST, LIMITS_MOST
from manor.engines import Unsupported, checked, model_url, render_workload, tenant_of
from manor.engines.registry import ENGINES
from manor.render import spec_object
from manor.render.routes import parent, service
from manor.signing import make_key
from manor.tools import NO_TOOLS, Toolset
from tool_examples import tool

pytestmark = pytest.mark.unit

DEPLOY = Path(__file__).parents[2] / "deploy"
WAITS = Path(__file__).parents[2] / "src/manor/policies/limits/admit/waits.yaml"


def made(
    workload: TrainingJob | Model,
    *,
    team: Tenant | None = None,
    on: Platform | None = None,
    tools: Toolset = NO_TOOLS,
) -> dict[str, Any]:
    objects = render_workload(on or platform(), team or tenant(), workload, tools)
    return {f"{o['kind']}/{o['metadata']['name']}": o for o in objects}


WORKLOADS = [
    job(),
    job(workers=3, files={"a.py": "1"}),
    model(),
    model(storageUri="oci://r/m:1", replicas=2),
    model(storageUri="models:/digits/1", env={"MLFLOW_TRACKING_URI": "http://mlflow"}),
    model(format="custom", image="r/chat:1"),
    model(requestLog={"uri": "s3://bucket/asked", "secret": "keys"}),
]


@pytest.mark.parametrize("workload", WORKLOADS)
def test_pods_are_restricted_with_a_read_only_root(workload: TrainingJob | Model) -> None:
    specs = [
        o["spec"]["template"]["spec"]
        for o in made(workload).values()
        if "template" in o.get("spec", {})
    ]
    assert specs
    for spec in specs:
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in [*spec["containers"], *spec.get("initContainers", [])]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": True,
            }
            assert "memory" in container["resources"]["limits"]


def test_several_workers_find_each_other() -> None:
    objects = made(job(workers=3, processes=2))
    pod = objects["Job/train"]["spec"]["template"]["spec"]
    env = {e["name"]: e.get("value") for e in pod["containers"][0]["env"]}
    assert objects["Service/train-workers"]["spec"]["clusterIP"] == "None"
    assert pod["subdomain"] == "train-workers"
    assert env["MASTER_ADDR"] == "train-0.train-workers"
    assert (env["NNODES"], env["NPROC_PER_NODE"], env["WORLD_SIZE"]) == ("3", "2", "6")
    assert "NODE_RANK" in env
    assert "RANK" not in env


def test_a_worker_of_one_process_knows_its_rank() -> None:
    pod = made(job(workers=2))["Job/train"]["spec"]["template"]["spec"]
    env = {e["name"]: e for e in pod["containers"][0]["env"]}
    assert "job-completion-index" in env["RANK"]["valueFrom"]["fieldRef"]["fieldPath"]
    assert env["LOCAL_RANK"]["value"] == "0"
    assert (
        "valueFrom" not in {e["name"]: e for e in _container(job(env={"RANK": "7"}))["env"]}["RANK"]
    )


def _container(workload: TrainingJob) -> Any:
    return made(workload)["Job/train"]["spec"]["template"]["spec"]["containers"][0]


def test_shared_memory_is_as_large_as_the_memory_and_a_signal_ends_the_command() -> None:
    pod = made(job(resources={"memory": "64Gi"}))["Job/train"]["spec"]["template"]["spec"]
    assert {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "64Gi"}} in pod["volumes"]
    assert {"name": "shm", "mountPath": "/dev/shm"} in pod["containers"][0]["volumeMounts"]
    assert pod["shareProcessNamespace"] is True
    small = made(job(sharedMemory="2Gi"))["Job/train"]["spec"]["template"]["spec"]
    assert small["volumes"][0]["emptyDir"]["sizeLimit"] == "2Gi"


def test_files_lie_in_folders() -> None:
    objects = made(job(files={"train.py": "import pkg.a", "pkg/a.py": ""}))
    keys = {"train.py": "import pkg.a", "pkg..a.py": ""}
    assert objects["ConfigMap/train-files"]["data"] == keys
    pod = objects["Job/train"]["spec"]["template"]["spec"]
    (volume,) = (one["configMap"] for one in pod["volumes"] if "configMap" in one)
    assert {one["path"]: one["key"] for one in volume["items"]} == {
        "train.py": "train.py",
        "pkg/a.py": "pkg..a.py",
    }


PATHS = st.lists(st.from_regex(r"\.?[-_a-z]{1,2}(\.[-_a-z]{1,2}){0,2}", fullmatch=True), min_size=1)


@given(st.sets(PATHS.map(lambda parts: "/".join(parts[:16])), min_size=1, max_size=20))
def test_no_two_files_have_one_key(paths: set[str]) -> None:
    assume(not any(b.startswith(f"{a}/") for a, b in itertools.permutations(paths, 2)))
    objects = made(job(files=dict.fromkeys(paths, "")))
    assert len(objects["ConfigMap/train-files"]["data"]) == len(paths)


@pytest.mark.parametrize("engine", ["native", "kubeflow", "ray"])
def test_code_of_a_volume_is_the_working_directory_and_read_only(engine: str) -> None:
    workload = job(
        code={"volume": "data", "path": "code/1"},
        volumes=[{"name": "data", "path": "/data"}],
        resources={"memory": "4Gi"},
    )
    objects = ENGINES[engine].render(platform(), tenant(), workload)
    pod = next(iter(ENGINES[engine].pods(objects))).spec
    (claim,) = (one for one in pod["volumes"] if "persistentVolumeClaim" in one)
    code = {"mountPath": "/app", "subPath": "code/1", "readOnly": True}
    mounts = pod["containers"][0]["volumeMounts"]
    assert {"name": claim["name"], **code} in mounts
    assert {"name": claim["name"], "mountPath": "/data"} in mounts
    assert pod["containers"][0]["workingDir"] == "/app"


def test_secrets_as_variables_and_as_files_and_to_pull_with() -> None:
    secrets = [{"name": "wandb"}, {"name": "key", "path": "/secrets/key"}]
    objects = made(job(secrets=secrets, imagePullSecrets=["pull"], ttlSecondsAfterFinished=60))
    spec = objects["Job/train"]["spec"]
    pod = spec["template"]["spec"]
    assert pod["containers"][0]["envFrom"] == [{"secretRef": {"name": "wandb"}}]
    assert {"name": "secret-key", "secret": {"secretName": "key"}} in pod["volumes"]
    mount = {"name": "secret-key", "mountPath": "/secrets/key", "readOnly": True}
    assert mount in pod["containers"][0]["volumeMounts"]
    assert pod["imagePullSecrets"] == [{"name": "pull"}]
    assert spec["ttlSecondsAfterFinished"] == 60


def test_a_flavor_is_selected_and_its_taint_alone_tolerated() -> None:
    flavors = [
        {"name": "a100", "taint": "gpu=a100", "nodeLabels": {"gpu": "a100"}},
        {"name": "l4", "taint": "l4"},
    ]
    wanted = job(resources={"gpu": 1, "gpuFlavor": "a100"})
    team = tenant(gpu={"guarantee": 1})
    pod = made(wanted, team=team, on=platform(gpu={"flavors": flavors}))["Job/train"]["spec"][
        "template"
    ]["spec"]
    assert pod["nodeSelector"] == {"gpu": "a100"}
    assert pod["tolerations"] == [{"key": "gpu", "operator": "Equal", "value": "a100"}]


def test_a_model_in_a_claim_is_waited_for_and_one_in_an_image_is_not() -> None:
    claim = made(model())["Deployment/digits"]["spec"]["template"]["spec"]
    image = made(model(storageUri="oci://r/digits:2"))["Deployment/digits"]["spec"]["template"][
        "spec"
    ]
    assert claim["initContainers"][0]["command"][-1] == "/mnt/models/digits"
    assert "initContainers" not in image
    assert image["volumes"][0] == {"name": "model", "image": {"reference": "r/digits:2"}}


def test_volumes_of_long_names_have_names_of_their_own() -> None:
    """A claim's name may have 63 characters, and so may that of a pod's volume."""
    claims = ["a" * 62 + last for last in "bc"]
    mounted = job(
        volumes=[{"name": name, "path": f"/{name}"} for name in claims],
        secrets=[{"name": name, "path": f"/s/{name}"} for name in claims],
        code={"volume": claims[0], "path": "src"},
    )
    pod = made(mounted)["Job/train"]["spec"]["template"]["spec"]
    names = [volume["name"] for volume in pod["volumes"]]
    assert len(set(names)) == len(names)
    assert all(len(name) <= 63 for name in names)
    mounts = {mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
    assert mounts == set(names)


def test_a_path_on_no_volume_or_out_of_one_is_refused() -> None:
    with pytest.raises(Unsupported, match="://"):
        made(model(storageUri="pvc://models/../other"))
    with pytest.raises(Unsupported, match="write pvc://<claim>"):
        made(model(storageUri="pvc:///iris"))


def test_each_worker_finds_data_before_it_begins() -> None:
    """Fetched by a Secret, or mounted; of no more than the worker asks for, and without its GPU."""
    data = [
        {"uri": "s3://bucket/flowers", "secret": "keys"},
        {"uri": "oci://manor.local/words:1", "path": "/words"},
    ]
    objects = made(job(data=data, resources={"gpu": 1}))
    (run,) = [obj for obj in objects.values() if obj["kind"] == "Job"]
    pod = run["spec"]["template"]["spec"]
    (fetching,), (worker,) = pod["initContainers"], pod["containers"]
    assert fetching["args"] == ["s3://bucket/flowers", "/data"]
    assert (
        "shareProcessNamespace" not in pod
    )  # which would show one container's environment to others
    assert fetching["envFrom"] == [{"secretRef": {"name": "keys"}}]
    keys = {mount["name"]: mount for mount in fetching["volumeMounts"]}["data-1-keys"]
    assert (keys["mountPath"], keys["readOnly"]) == ("/var/secrets", True)
    limits = {key: value for key, value in worker["resources"]["limits"].items() if "/" not in key}
    assert fetching["resources"]["limits"] == limits != worker["resources"]["limits"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert volumes["data-1"]["emptyDir"] == {}
    assert volumes["data-1-keys"]["secret"]["secretName"] == "keys"
    assert not [name for name in volumes if name.startswith("data-2-")]
    assert volumes["data-2"]["image"] == {"reference": "manor.local/words:1"}
    seen = [mount for mount in worker["volumeMounts"] if mount["name"].startswith("data-")]
    assert [mount["name"] for mount in seen] == ["data-1", "data-2"]  # and no key
    assert [(mount["mountPath"], mount["readOnly"]) for mount in seen] == [
        ("/data", True),
        ("/words", True),
    ]


TRACKED = Toolset((tool(env={"MLFLOW_TRACKING_URI": "http://mlflow.$namespace/$tenant"}),))
ML = {"namespaces": [{"name": "vision-home"}, {"name": "vision"}]}


def variables(objects: dict[str, Any], container: str = "containers") -> dict[str, str]:
    (workload,) = [o for o in objects.values() if o["kind"] in ("Job", "Deployment")]
    (found,) = workload["spec"]["template"]["spec"][container]
    return {each["name"]: each.get("value", "") for each in found["env"]}


@pytest.mark.parametrize("workload", [job(), model()])
def test_a_workload_has_the_variables_of_its_teams_tools(workload: TrainingJob | Model) -> None:
    given = made(workload, team=tenant(**ML), tools=TRACKED)
    assert variables(given)["MLFLOW_TRACKING_URI"] == "http://mlflow.vision-home/vision"
    assert "MLFLOW_TRACKING_URI" not in variables(made(workload))
    without = made(workload, team=tenant(**ML, tools=[]), tools=TRACKED)
    assert "MLFLOW_TRACKING_URI" not in variables(without)


@pytest.mark.parametrize("make", [job, model])
def test_what_a_workload_sets_itself_stands(make: Callable[..., TrainingJob | Model]) -> None:
    own = make(env={"MLFLOW_TRACKING_URI": "http://elsewhere"})
    assert variables(made(own, tools=TRACKED))["MLFLOW_TRACKING_URI"] == "http://elsewhere"


def test_of_a_variable_that_two_tools_set_the_first_ones_holds() -> None:
    both = Toolset((tool(env={"A": "1"}), tool("kiln", env={"A": "2", "B": "3"})))
    found = variables(made(job(), tools=both))
    assert (found["A"], found["B"]) == ("1", "3")


def test_a_registered_model_is_fetched_from_the_teams_mlflow() -> None:
    objects = made(model(storageUri="models:/digits/3"), tools=TRACKED)
    pod = objects["Deployment/digits"]["spec"]["template"]["spec"]
    (fetch,) = pod["initContainers"]
    assert fetch["command"][-2:] == ["models:/digits/3", "/mnt/models"]
    assert (
        variables(objects, "initContainers")["MLFLOW_TRACKING_URI"] == "http://mlflow.vision/vision"
    )
    assert {"name": "model", "emptyDir": {}} in pod["volumes"]
    mounts = [
        next(m for m in c["volumeMounts"] if m["name"] == "model")
        for c in (*pod["initContainers"], *pod["containers"])
    ]
    assert [mount.get("readOnly", False) for mount in mounts] == [False, True]


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("models:/digits", "write models:/<name>/<version>"),
        ("models:/digits/latest", "write models:/<name>/<version>"),
        ("models:/a/b/1", "write models:/<name>/<version>"),
        ("models:/digits/1", "nothing says where MLflow is"),
        ("models:/digits@best", "nothing says where MLflow is"),
    ],
)
def test_a_registered_model_has_a_version_and_a_registry(uri: str, told: str) -> None:
    with pytest.raises(Unsupported, match=re.escape(told)):
        made(model(storageUri=uri))


def test_a_server_of_ones_own_is_asked_below_its_name() -> None:
    server = {"args": ["--model", "$(MODEL_PATH)"], "port": 8000, "ready": "/health"}
    chat = model(format="custom", image="r/chat:1", server=server)
    objects = made(chat)
    (container,) = objects["Deployment/digits"]["spec"]["template"]["spec"]["containers"]
    assert container["args"] == server["args"]
    assert "command" not in container
    assert {"name": "MODEL_PATH", "value": "/mnt/models/digits"} in container["env"]
    assert container["ports"] == [{"name": "http", "containerPort": 8000}]
    assert container["readinessProbe"]["httpGet"] == {"path": "/health", "port": "http"}
    (rule,) = objects["HTTPRoute/digits"]["spec"]["rules"]
    assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": "/models/digits"}}]
    (rewrite,) = rule["filters"]
    assert rewrite["urlRewrite"]["path"]["replacePrefixMatch"] == "/"
    assert model_url(platform(), tenant(), chat) == "http://vision.ml.example.com/models/digits/"


def test_an_image_may_hold_its_model_itself() -> None:
    chat = model(format="custom", image="r/chat:1", storageUri=None)
    pod = made(chat)["Deployment/digits"]["spec"]["template"]["spec"]
    assert "initContainers" not in pod
    assert not [volume for volume in pod["volumes"] if volume["name"] == "model"]


def test_each_format_has_its_runtime() -> None:
    boosted = made(model(format="lightgbm", image="r/boosted:1"))["Deployment/digits"]
    (container,) = boosted["spec"]["template"]["spec"]["containers"]
    runtime = {"name": "MLSERVER_MODEL_IMPLEMENTATION", "value": "mlserver_lightgbm.LightGBMModel"}
    assert runtime in container["env"]


def test_a_canary_gets_its_share() -> None:
    objects = made(model(canary={"storageUri": "pvc://models/digits-2", "weight": 10}))
    (rule,) = objects["HTTPRoute/digits"]["spec"]["rules"]
    assert [(b["name"], b["weight"]) for b in rule["backendRefs"]] == [
        ("digits", 90),
        ("digits-canary", 10),
    ]
    selectors = [
        objects[f"Service/{name}"]["spec"]["selector"] for name in ("digits", "digits-canary")
    ]
    assert selectors[0] != selectors[1]


@pytest.mark.parametrize("engine", ["native", "kserve", "seldon"])
def test_a_shadow_gets_copies_and_answers_nothing(engine: str) -> None:
    canary = {"storageUri": "pvc://models/digits-2", "weight": 30, "shadow": True}
    shadowed = model(canary=canary, access={"mode": "public"})
    objects = ENGINES[engine].render(platform(), tenant(), shadowed)
    (rule,) = next(obj for obj in objects if obj["kind"] == "HTTPRoute")["spec"]["rules"]
    stable, copied = rule["backendRefs"]
    assert (stable["weight"], copied["weight"]) == (100, 0)
    (mirror,) = [one for one in rule["filters"] if one["type"] == "RequestMirror"]
    place = service(copied["name"], copied["port"])
    assert mirror["requestMirror"] == {"backendRef": place, "percent": 30}
    for obj in objects:
        if obj["kind"] == "SeldonDeployment":
            assert [one["traffic"] for one in obj["spec"]["predictors"]] == [100, 0]


def test_a_servers_own_metrics_have_a_port_of_their_name() -> None:
    """deploy/prometheus/models.podmonitor.yaml finds the pods, and the port, by these."""
    monitor = yaml.safe_load((DEPLOY / "prometheus/models.podmonitor.yaml").read_text())["spec"]
    template = made(model())["Deployment/digits"]["spec"]["template"]
    assert monitor["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
    assert set(monitor["podTargetLabels"]) <= set(template["metadata"]["labels"])
    (endpoint,) = monitor["podMetricsEndpoints"]
    assert {"name": endpoint["port"], "containerPort": 8082} in (
        template["spec"]["containers"][0]["ports"]
    )
    chat = made(model(format="custom", image="r/chat:1"))["Deployment/digits"]
    ports = chat["spec"]["template"]["spec"]["containers"][0]["ports"]
    assert [port["name"] for port in ports] == ["http"]


def test_a_model_is_asked_with_a_key_unless_it_says_public() -> None:
    """The policy stands before the one route, the canary's too; each keeps back what the other
    takes for granted."""
    canary = {"storageUri": "pvc://models/digits-2", "weight": 10}
    closed, public = made(model(canary=canary)), made(model(access={"mode": "public"}))
    policy = closed["SecurityPolicy/digits"]["spec"]
    (target,) = policy["targetRefs"]
    assert f"{target['kind']}/{target['name']}" in closed
    (provider,) = policy["jwt"]["providers"]
    assert provider["audiences"] == ["vision/digits"]
    assert "SecurityPolicy/digits" not in public
    removed = [
        backend["filters"][0]["requestHeaderModifier"]["remove"]
        for objects in (closed, public)
        for backend in objects["HTTPRoute/digits"]["spec"]["rules"][0]["backendRefs"]
    ]
    assert removed == [["Authorization"], ["Authorization"], ["X-Manor-Key"]]


def test_keys_are_those_of_the_spec_and_of_the_cluster() -> None:
    pair = [make_key("vision", "digits", name, None).public for name in ("b", "a")]
    one = model(access={"keys": [pair[0].model_dump(by_alias=True)]}).with_stored([*pair])

    def held(workload: Model) -> list[tuple[str, str]]:
        (provider,) = made(workload)["SecurityPolicy/digits"]["spec"]["jwt"]["providers"]
        keys = json.loads(provider["localJWKS"]["inline"])["keys"]
        return [(key["kid"], key["x"]) for key in keys]

    assert held(one) == [(key.name, key.public_key) for key in pair[::-1]]
    assert held(model()) == [("nobody", NOBODY)]
    assert "keys" not in str(spec_object(model().with_stored(pair)))


def test_each_key_is_bounded_by_itself() -> None:
    """By its own limit, or by the model's; where neither is said nothing counts."""
    names = [f"key-{number}" for number in range(20)]
    pair = make_key("vision", "digits", "own", None).public.model_dump(by_alias=True)
    keys = [{**pair, "name": name} for name in names]
    unbounded, some, all_ = (
        made(model(access={"keys": [*keys, {**pair, **own}], **usual})).get(
            "BackendTrafficPolicy/digits"
        )
        for own, usual in (
            ({}, {}),
            ({"requestsPerMinute": 5}, {}),
            ({"requestsPerMinute": 5}, {"requestsPerMinute": 60}),
        )
    )
    assert unbounded is None
    assert some is not None
    assert _limits(some) == [(["own"], 5)]
    assert all_ is not None
    assert _limits(all_) == [(["own"], 5), (sorted(names)[:16], 60), (sorted(names)[16:], 60)]
    (target,) = all_["spec"]["targetRefs"]
    assert (target["kind"], target["name"]) == ("HTTPRoute", "digits")
    assert "BackendTrafficPolicy/digits" not in made(model(access={"mode": "public"}))


def test_the_proxy_counts_the_tokens_of_bounded_keys_alone() -> None:
    keys = [{"name": "web", "publicKey": NOBODY, "tokensPerMinute": 5}]
    chat = {"format": "custom", "image": "r/chat:1", "storageUri": None}
    own = made(model(**chat, access={"keys": [*keys, {"name": "ci", "publicKey": NOBODY}]}))
    spec = own["EnvoyExtensionPolicy/digits"]["spec"]
    assert [each["name"] for each in spec["targetRefs"]] == ["digits"]
    assert [each["filterContext"] for each in spec["lua"]] == [{"tokensPerMinute": {"web": 5}}]
    assert "EnvoyExtensionPolicy/digits" not in made(model())
    served = model(**chat, access={"keys": keys})
    shared = platform(gateway={"isolation": "shared"})
    _, (told,) = checked(shared, {"vision": tenant()}, [served])
    assert told.path == ("spec", "access", "keys", 0, "tokensPerMinute")


def _limits(policy: dict[str, Any]) -> list[tuple[list[str], int]]:
    """Whom each rule counts, each for itself, and how many requests a minute it lets through."""
    found = []
    for rule in policy["spec"]["rateLimit"]["local"]["rules"]:
        ((each, these),) = [selector["headers"] for selector in rule["clientSelectors"]]
        assert (each["name"], each["type"]) == (these["name"], "Distinct")
        assert rule["limit"]["unit"] == "Minute"
        found.append((these["value"].split("|"), rule["limit"]["requests"]))
    return found


def test_no_model_has_more_rules_than_the_proxy_takes() -> None:
    """As many different limits as a Model may have, in the worst of ways."""
    keys = {f"key-{number}": min(number + 1, LIMITS_MOST) for number in range(KEYS_MOST)}
    assert len(limit_rules(keys)) <= 16
    longest = limit_rules({f"{number:02}".rjust(63, "k"): 1 for number in range(KEYS_MOST)})
    assert max(len(rule["clientSelectors"][0]["headers"][1]["value"]) for rule in longest) <= 1024


def test_nobody_has_the_key_that_stands_where_there_is_none() -> None:
    """It is no point of the curve: x² = (y² - 1) / (dy² + 1) has no solution."""
    prime, coordinate = 2**255 - 19, base64.urlsafe_b64decode(NOBODY + "=")
    d, y = -121665 * pow(121666, -1, prime), int.from_bytes(coordinate, "little")
    square = (y * y - 1) * pow(d * y * y + 1, -1, prime) % prime
    assert pow(square, (prime - 1) // 2, prime) == prime - 1


def test_replicas_get_a_budget_and_autoscaling_owns_their_number() -> None:
    assert "PodDisruptionBudget/digits" not in made(model())
    scaled = made(model(replicas=2, autoscaling={"maxReplicas": 4}))
    assert scaled["PodDisruptionBudget/digits"]["spec"]["maxUnavailable"] == 1
    assert scaled["HorizontalPodAutoscaler/digits"]["spec"]["minReplicas"] == 2
    assert "replicas" not in scaled["Deployment/digits"]["spec"]


def test_a_server_ends_once_the_proxy_knows_that_it_is_to() -> None:
    (server,) = made(model())["Deployment/digits"]["spec"]["template"]["spec"]["containers"]
    assert server["lifecycle"] == {"preStop": {"sleep": {"seconds": 5}}}


def test_requests_wait_before_a_model_that_may_have_no_replica() -> None:
    """The policy is that of the one form that the guardrail admits."""
    objects = made(model(autoscaling={"maxReplicas": 2, "idleAfter": "10m"}))
    admitted = yaml.safe_load(WAITS.read_text().replace("iris", "digits"))["spec"]
    assert objects["BackendTrafficPolicy/digits"]["spec"] == admitted
    deployment = objects["Deployment/digits"]["spec"]
    assert "replicas" not in deployment
    (server,) = deployment["template"]["spec"]["containers"]
    longest = int(admitted["timeout"]["http"]["maxConnectionDuration"].removesuffix("s"))
    assert server["lifecycle"]["preStop"]["sleep"]["seconds"] > longest
    assert server["startupProbe"]["periodSeconds"] == 1
    assert "HorizontalPodAutoscaler/digits" in objects
    both = yaml.safe_load(WAITS.with_name("waits-with-limits.yaml").read_text())["spec"]
    limited = model(
        autoscaling={"maxReplicas": 2, "idleAfter": "10m"},
        access={"keys": [{"name": "ci", "publicKey": NOBODY, "requestsPerMinute": 60}]},
    )
    spec = made(limited)["BackendTrafficPolicy/digits"]["spec"]
    assert spec.keys() == both.keys()
    asked = made(model(autoscaling={"maxReplicas": 2, "concurrency": 4}))
    assert not {"BackendTrafficPolicy/digits", "HorizontalPodAutoscaler/digits"} & asked.keys()


@pytest.mark.parametrize(
    ("spec", "field", "engines"),
    [
        (
            {"autoscaling": {"maxReplicas": 2, "idleAfter": "10m"}},
            ("autoscaling", "idleAfter"),
            set[str](),
        ),
        (
            {"autoscaling": {"maxReplicas": 2, "concurrency": 4}},
            ("autoscaling", "concurrency"),
            set[str](),
        ),
        (
            {"canary": {"storageUri": "pvc://models/2", "analysis": {}}},
            ("canary", "analysis"),
            {"kserve"},
        ),
    ],
)
def test_what_follows_requests_takes_its_engine_and_a_proxy_of_the_teams_own(
    spec: dict[str, Any], field: tuple[str, str], engines: set[str]
) -> None:
    for engine in ("kserve", "seldon"):
        found = [error.path for error in ENGINES[engine].unsupported(model(**spec))]
        assert found == ([] if engine in engines else [("spec", *field)])
    team, served = tenant(), model(**spec)
    assert not checked(platform(), {"vision": team}, [served])[1]
    shared = platform(gateway={"isolation": "shared"})
    _, (told,) = checked(shared, {"vision": team}, [served])
    assert (told.path, "gateway.isolation: tenant" in told.message) == (("spec", *field), True)
    with pytest.raises(Unsupported, match="a proxy of the team's own"):
        render_workload(shared, team, served)


def test_every_version_is_counted_apart_by_a_name_that_stays() -> None:
    """By filters of its own, also where there is one version."""
    alone, both = (
        made(model(**more))["HTTPRoute/digits"]["spec"]["rules"][0]
        for more in ({}, {"canary": {"storageUri": "pvc://models/2", "weight": 10}})
    )
    assert "filters" not in {**alone, **both}
    assert [len(rule["backendRefs"]) for rule in (alone, both)] == [1, 2]
    assert all(backend["filters"] for rule in (alone, both) for backend in rule["backendRefs"])


def test_a_route_names_the_tenants_own_gateway_and_host() -> None:
    route = made(model())["HTTPRoute/digits"]["spec"]
    assert route["rules"][0]["timeouts"] == {"request": "30m"}
    assert route["parentRefs"] == [parent("vision", namespace="manor-system")]
    assert route["hostnames"] == ["vision.ml.example.com"]
    assert (
        model_url(platform(), tenant(), model())
        == "http://vision.ml.example.com/v2/models/digits/infer"
    )


def test_a_gpu_pod_tolerates_the_tenants_flavors_and_no_other() -> None:
    team = tenant(gpu={"guarantee": 1, "flavors": ["a100"]})
    pod = made(job(resources={"gpu": 1}), team=team)["Job/train"]["spec"]["template"]["spec"]
    assert pod["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists"}]
    assert pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert "tolerations" not in made(job(), team=team)["Job/train"]["spec"]["template"]["spec"]


def test_a_sandboxed_tenant_runs_in_the_sandbox() -> None:
    on = platform(sandboxRuntimeClass="gvisor")
    for workload, key in ((job(), "Job/train"), (model(), "Deployment/digits")):
        pod = made(workload, team=tenant(sandbox=True), on=on)[key]["spec"]["template"]["spec"]
        assert pod["runtimeClassName"] == "gvisor"


def test_a_workload_outside_every_tenant_has_no_home() -> None:
    with pytest.raises(LookupError, match="belongs to no tenant"):
        tenant_of(job(), {})


QUEUE = "kueue.x-k8s.io/queue-name"


def labels_of(obj: Any) -> dict[str, str]:
    labels: dict[str, str] = obj["metadata"]["labels"]
    return labels


def test_what_holds_gpus_waits_in_the_first_queue_of_its_tenant() -> None:
    on, team = platform(engines={"queue": "kueue"}), tenant(queues=["batch", "urgent"])
    assert (
        labels_of(made(job(resources={"gpu": 1}), team=team, on=on)["Job/train"])[QUEUE] == "batch"
    )
    deployment = made(model(resources={"gpu": 1}), team=team, on=on)["Deployment/digits"]
    assert (
        labels_of(deployment)[QUEUE] == labels_of(deployment["spec"]["template"])[QUEUE] == "batch"
    )
    assert QUEUE not in deployment["spec"]["selector"]["matchLabels"]


def test_a_job_waits_in_the_queue_that_it_names() -> None:
    on, team = platform(engines={"queue": "kueue"}), tenant(queues=["batch", "urgent"])
    assert labels_of(made(job(queue="urgent"), team=team, on=on)["Job/train"])[QUEUE] == "urgent"
    assert QUEUE not in labels_of(made(job(), team=team, on=on)["Job/train"])


def test_no_queue_is_named_where_there_is_no_queue_system() -> None:
    assert QUEUE not in labels_of(made(job(resources={"gpu": 1}))["Job/train"])
