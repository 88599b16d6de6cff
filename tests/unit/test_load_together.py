"""What no single spec can know: names, hosts and budgets that are shared, told by file and line
before anything is written."""

import time
from pathlib import Path

import pytest
import yaml

from manor.api import Tenant
from manor.load import InvalidInput, Specs, load, read
from manor.rollout import compiled

pytestmark = pytest.mark.unit

PLATFORM = """\
apiVersion: manor.dev/v1alpha1
kind: Platform
metadata: {name: manor}
spec:
  domain: example.org
  images: {training: example.org/training, serving: {sklearn: example.org/serving}}
  network: {podCidrs: [10.244.0.0/16], serviceCidrs: [10.96.0.0/16], nodeCidrs: [10.0.0.0/24]}
"""


def spec(kind: str, name: str, body: str, place: str = "") -> str:
    where = f", namespace: {place}" if place else ""
    return (
        f"apiVersion: manor.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: "
        f"{name}{where}}}\nspec: {body}\n"
    )


def tenant(name: str, extra: str = "") -> str:
    return spec("Tenant", name, "{owners: [{name: ada}]" + (f", {extra}" if extra else "") + "}")


def model(name: str, place: str, extra: str = "") -> str:
    more = f", {extra}" if extra else ""
    return spec(
        "Model", name, "{format: sklearn, storageUri: 'pvc://models/v1'" + more + "}", place
    )


def problems(tmp_path: Path, *documents: str, known: Specs | None = None) -> list[str]:
    path = tmp_path / "specs.yaml"
    path.write_text("---\n".join([PLATFORM, *documents]))
    try:
        specs = load([path], known=known)
        everyone = Specs(specs.platform, (known.tenants if known else {}) | specs.tenants)
        compiled(specs, everyone)
    except InvalidInput as error:
        return [str(problem).removeprefix(f"{tmp_path}/") for problem in error.problems]
    return []


def known(*tenants: str, namespaces: dict[str, str] | None = None) -> Specs:
    specs = Specs(namespaces=namespaces or {})
    for text in tenants:
        made = Tenant.model_validate(yaml.safe_load(text))
        specs.tenants[made.name] = made
    return specs


TWO = tenant("ml", "namespaces: [{name: ml}, {name: ml-dev}]")


@pytest.mark.parametrize(
    ("documents", "wanted"),
    [
        (
            [TWO, model("churn", "ml"), model("churn", "ml-dev")],
            (
                "specs.yaml:21: metadata.name: it would answer at "
                "ml.example.org/v2/models/churn, as "
                "Model ml/churn has"
            ),
        ),
        (
            [
                TWO,
                model("churn", "ml", "canary: {storageUri: 'pvc://m', weight: 1}"),
                model("churn-canary", "ml"),
            ],
            (
                "metadata.name: it would become Deployment ml/churn-canary, as Model ml/churn has; "
                "choose another name"
            ),
        ),
        (
            [
                TWO,
                spec("TrainingJob", "fit", "{command: [x], workers: 2}", "ml"),
                model("fit-workers", "ml"),
            ],
            (
                "metadata.name: it would become Service ml/fit-workers, as TrainingJob ml/fit has; "
                "choose another name"
            ),
        ),
        (
            [tenant("envoy-gateway-system")],
            "namespace 'envoy-gateway-system' is the platform's own",
        ),
        (
            [tenant("a", "namespaces: [{name: kube-dns}]")],
            "is Kubernetes' or Manor's own; choose another",
        ),
        ([tenant("kube")], "spec.maxNamespaces: namespace 'kube-1' is the platform's own"),
        (
            [tenant("lime-1"), tenant("lime")],
            "spec.maxNamespaces: namespace 'lime-1' belongs to tenant 'lime-1' already: its "
            "owners may not make it;"
            " set maxNamespaces below 1",
        ),
        (
            [tenant("lime"), tenant("lime-1")],
            "namespace 'lime-1' is kept for owners of tenant 'lime' to make",
        ),
        (
            [tenant("tiny", "quota: {objects: 4}, namespaces: [{name: a}, {name: b}, {name: c}]")],
            "spec.quota.objects: Manor's own 4 networkpolicies do not fit into namespace a (its "
            "part: 2); "
            "write at least 12",
        ),
        (
            [tenant("big", "quota: {storage: 10Gi}, volumes: [{name: data, size: 1Ti}]")],
            (
                "spec.volumes[0].size: the volumes of namespace big ask for 1Ti, and its part of "
                "spec.quota.storage is 10"
            ),
        ),
        (
            [
                tenant(
                    "gpu",
                    "gpu: {guarantee: 4}, namespaces: [{name: gpu, share: 3}, {name: gpu-dev}]",
                ),
                spec(
                    "TrainingJob", "fit", "{command: [x], workers: 2, resources: {gpu: 2}}", "gpu"
                ),
            ],
            "spec.resources.gpu: its 2 pods ask for 4 nvidia.com/gpu at once; the part of "
            "namespace gpu is 3;"
            " no namespace of the tenant has as much",
        ),
        (
            [
                tenant(
                    "cpu", "quota: {cpu: 8}, namespaces: [{name: cpu, share: 3}, {name: cpu-dev}]"
                ),
                spec("TrainingJob", "fit", "{command: [x], resources: {cpu: 5}}", "cpu-dev"),
            ],
            (
                "spec.resources.cpu: its pod asks for 5 cpu at once; the part of namespace cpu-dev "
                "is 2; it fits into: cpu"
            ),
        ),
        (
            [
                tenant("s"),
                spec("Model", "m", "{format: sklearn, storageUri: 's3://bucket/model'}", "s"),
            ],
            (
                "specs.yaml:17: spec.storageUri: the Platform has no image that fetches "
                "and stores (spec.images.fetching)"
            ),
        ),
        (
            [tenant("s"), model("m", "s", "requestLog: {uri: 's3://bucket'}")],
            "spec.requestLog: it takes an image that the Platform has not (spec.images.proxy)",
        ),
        (
            [tenant("d", "hosts: [a.example.com, a.example.com]")],
            "spec.hosts[1]: a.example.com is given twice",
        ),
        (
            [tenant("d", "volumes: [{name: x, size: 1Gi}, {name: x, size: 2Gi, namespace: d}]")],
            "spec.volumes[1]: vol",
        ),
        (
            [TWO, model("m", "ml", "host: a.example.net")],
            "spec.host: 'a.example.net' is not a host of tenant 'ml'",
        ),
    ],
)
def test_what_cannot_be_is_told_by_file_and_line(
    tmp_path: Path, documents: list[str], wanted: str
) -> None:
    found = problems(tmp_path, *documents)
    assert any(wanted in problem for problem in found), found


@pytest.mark.parametrize(
    "documents",
    [
        [TWO, model("churn", "ml"), model("churn-v2", "ml-dev")],
        [tenant("x", "hosts: [a.x.org, b.x.org], namespaces: [{name: x}, {name: y}]"),
         model("m", "x"),
         model("m", "y", "host: b.x.org")],
        [tenant("lime-1"), tenant("lime", "maxNamespaces: 0")],
        [tenant("lime", "namespaces: [{name: lime}, {name: lime-1}]")],
        [tenant("h", ("hosts: [a-b.example.com, a.b.example.com, '*.x.example.com', "
                     "any.x.example.com]"))],
        [spec("Tenant", "n, labels: , annotations: ", ("\n  owners: [{name: a}]\n  members:\n  "
                                                      "quota:\n  network:\n"))],
    ],
)  # fmt: skip
def test_what_can_be_is_taken(tmp_path: Path, documents: list[str]) -> None:
    assert problems(tmp_path, *documents) == []


def test_the_older_tenant_has_a_name_and_keeps_it(tmp_path: Path) -> None:
    both = known(tenant("lime-1"), tenant("lime"))
    assert problems(tmp_path, tenant("lime-1"), known=both) == []
    assert "belongs to tenant 'lime-1' already" in problems(tmp_path, tenant("lime"), known=both)[0]
    hosts = known(tenant("old", "hosts: [a.x.org]"), tenant("young", "hosts: [a.x.org]"))
    assert problems(tmp_path, tenant("old", "hosts: [a.x.org]"), known=hosts) == []
    assert (
        "overlaps 'a.x.org' of tenant 'old'"
        in problems(tmp_path, tenant("young", "hosts: [a.x.org]"), known=hosts)[0]
    )


def test_a_namespace_that_exists_is_nobodys_to_make(tmp_path: Path) -> None:
    there = {"lime-3": "", "lime-4": "lime"}
    (problem,) = problems(tmp_path, tenant("lime"), known=known(namespaces=there))
    assert "namespace 'lime-3' exists and is not this tenant's" in problem
    assert problems(tmp_path, tenant("lime"), known=known(tenant("lime"), namespaces=there)) == []


def test_a_volume_that_is_not_there_is_told(tmp_path: Path) -> None:
    job = spec(
        "TrainingJob", "fit", "{command: [x], volumes: [{name: datasets, path: /data}]}", "ml"
    )
    there = known(tenant("ml", "volumes: [{name: models, size: 1Gi}]"))
    there.claims = {"ml": ["own"]}
    (problem,) = problems(tmp_path, job, known=there)
    assert (
        "spec.volumes[0].name: namespace 'ml' has no volume 'datasets'; it has: models, own"
        in problem
    )
    there.claims = {"ml": ["datasets"]}
    assert problems(tmp_path, job, known=there) == []


def test_a_file_that_is_no_yaml_hides_no_other(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("kind: [\n")
    (tmp_path / "b.yaml").write_text(tenant("b", "quotas: {}"))
    with pytest.raises(InvalidInput) as caught:
        read([tmp_path])
    assert ["a.yaml" in str(p) or "spec.quotas" in str(p) for p in caught.value.problems] == [
        True,
        True,
    ]


def test_a_file_with_nothing_in_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_text("# nothing\n")
    with pytest.raises(
        InvalidInput, match=r"empty.yaml: nothing to do: there is no document in it"
    ):
        read([tmp_path / "empty.yaml"])


def test_checks_take_time_linear_in_the_tenants(tmp_path: Path) -> None:
    from manor.load import Document, consistency, validated

    def entry(number: int) -> consistency.Entry:
        spec = {
            "owners": [{"name": "a"}],
            "hosts": [f"{number}.apps.example.com", f"*.{number}.example.org"],
        }
        body = {
            "apiVersion": "manor.dev/v1alpha1",
            "kind": "Tenant",
            "metadata": {"name": f"t{number}"},
            "spec": spec,
        }
        document = Document(body, "", {(): 1})
        return document, validated(document)

    (tmp_path / "p.yaml").write_text(PLATFORM)
    platform = load([tmp_path / "p.yaml"])
    entries = [entry(number) for number in range(5000)]
    began = time.process_time()
    assert consistency.check(entries, platform) == []
    assert time.process_time() - began < 2
