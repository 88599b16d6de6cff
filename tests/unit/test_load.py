"""Bad input: each mistake a user makes gets file, line, field, what is wrong and what to do."""

import io
from pathlib import Path

import pytest

from manor.limits import Cli, override
from manor.load import InvalidInput, load

pytestmark = pytest.mark.unit

PLATFORM = """\
apiVersion: manor.dev/v1alpha1
kind: Platform
metadata: {name: manor}
spec:
  domain: example.org
  network: {podCidrs: [10.244.0.0/16], serviceCidrs: [10.96.0.0/16], nodeCidrs: [10.0.0.0/24]}
"""


def tenant(name: str, spec: str = "", owners: str = "[{name: alice}]") -> str:
    return f"""\
apiVersion: manor.dev/v1alpha1
kind: Tenant
metadata: {{name: {name}}}
spec:
  owners: {owners}
{spec}"""


_BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{key}: &{key} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, key in zip("abcdefgh", "bcdefghi", strict=True)
)
"""A kilobyte of aliases of aliases: a thousand million values."""


def problems(tmp_path: Path, *documents: str) -> list[str]:
    path = tmp_path / "specs.yaml"
    path.write_text("---\n".join(documents))
    with pytest.raises(InvalidInput) as caught:
        load([path])
    return [str(problem).removeprefix(f"{tmp_path}/") for problem in caught.value.problems]


@pytest.mark.parametrize("source", ["/dev/zero", "-"])
def test_no_more_is_read_than_specs_have(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("a" * 3 * 2**20))
    with (
        override(cli=Cli(specs=2 * 2**20)),
        pytest.raises(InvalidInput, match="is larger than 2 MiB; make several files of it"),
    ):
        load([source])


def test_a_whole_number_may_have_a_point_as_in_json(tmp_path: Path) -> None:
    path = tmp_path / "specs.yaml"
    path.write_text("---\n".join([PLATFORM, tenant("a", "  gpu: {guarantee: 2.0}\n")]))
    assert load([path]).tenants["a"].spec.gpu.guarantee == 2


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("a: 1\n".encode("utf-16"), ":1: is UTF-16; save it as UTF-8"),
        ("a: 1\nb: é\n".encode("latin-1"), ":2: is no UTF-8 from here on; save it as UTF-8"),
    ],
)
def test_what_is_no_utf_8_is_told_by_its_line(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "specs.yaml").write_bytes(data)
    with pytest.raises(InvalidInput, match=f"specs.yaml{said}$"):
        load([tmp_path / "specs.yaml"])


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ("  quotas: {}\n", "specs.yaml:13: spec.quotas: unknown field; did you mean 'quota'?"),
        (
            "  quota: {cpus: 3}\n",
            "specs.yaml:13: spec.quota.cpus: unknown field; did you mean 'cpu'?",
        ),
        (
            "  quota:\n    cpu: 3\n    memroy:\n",
            "specs.yaml:15: spec.quota.memroy: unknown field; did you mean 'memory'?",
        ),
        (
            '  gpu: {guarantee: "2"}\n',
            "specs.yaml:13: spec.gpu.guarantee: must be a whole number; got '2'",
        ),
        (
            "  gpu:\n    guarantee: two\n",
            "specs.yaml:14: spec.gpu.guarantee: must be a whole number",
        ),
        (
            "  quota:\n    cpu: 4 cores\n",
            "specs.yaml:14: spec.quota.cpu: '4 cores' is not a quantity",
        ),
        (
            "  members:\n  - name: bob\n  - name: system:masters\n",
            "specs.yaml:15: spec.members[1]: 'system:masters' is",
        ),
        (
            "  members: [{kind: ServiceAccount, name: ci}]\n",
            "spec.members[0]: a ServiceAccount needs its namespace",
        ),
        (
            "  network: {egress: {cidrs: [10.0.0.1/8]}}\n",
            "specs.yaml:13: spec.network.egress.cidrs[0]: 10.0.0.1/8 has host bits set; write",
        ),
        ("  hosts: ['https://a.example.org']\n", "specs.yaml:13: spec.hosts[0]:"),
        (f"  hosts: [{'a' * 64}.example.org]\n", "specs.yaml:13: spec.hosts[0]:"),
        (
            "  namespaces: [{name: kube-system}]\n",
            "specs.yaml:13: spec.namespaces[0]: namespace 'kube-system' is",
        ),
        ("  sandbox: true\n", "specs.yaml:13: spec.sandbox: the Platform has no sandbox"),
        (
            "  gpu: {flavors: [a100]}\n",
            "specs.yaml:13: spec.gpu.flavors[0]: the Platform has no GPU flavor 'a100'",
        ),
        (
            "  nodePools: [gold]\n",
            "specs.yaml:13: spec.nodePools[0]: the Platform has no node pool 'gold'",
        ),
        ("  firstUserId: 1050\n", "specs.yaml:13: spec.firstUserId: must be a multiple of 100"),
        (
            "  gpu: {resources: {amd.com/gpu: 0}}\n",
            "spec.gpu.resources.amd.com/gpu: amd.com/gpu is not in",
        ),
        (
            "  gpu: {guarantee: 1, resources: {nvidia.com/gpu: 2}}\n",
            "spec.gpu.resources: these are 2 GPUs, and",
        ),
        (
            "  quota: {resources: {x.io/y: 1}}\n",
            "spec.quota.resources.x.io/y: x.io/y is not in the Platform's",
        ),
        (
            "  network: {platformPeers: [prometheus]}\n",
            "the Platform has no network peer 'prometheus'; it has: none",
        ),
        (
            "  network: {egress: {cidrs: [169.254.20.10/32]}}\n",
            "is within 169.254.0.0/16, which no tenant reaches",
        ),
        (
            "  network: {apiServer: true}\n",
            "spec.network.apiServer: the Platform does not say where",
        ),
        (
            "  network: {workloadIdentity: true}\n",
            "spec.network.workloadIdentity: the Platform does not say that pods have",
        ),
        (
            "  maxNamespaces: 1\n  maxNamespaces: 2\n",
            "specs.yaml:14: spec.maxNamespaces: this key is there twice",
        ),
    ],
)
def test_a_mistake_in_a_tenant_names_file_line_and_field(
    tmp_path: Path, spec: str, wanted: str
) -> None:
    found = problems(tmp_path, PLATFORM, tenant("team-a", spec))
    assert len(found) == 1
    assert wanted in found[0]


@pytest.mark.parametrize(
    ("one", "other", "wanted"),
    [
        ("", "", "metadata.name: Tenant 'team-b' is defined twice; it is also at"),
        (
            "  namespaces: [{name: shared}]\n",
            "  namespaces: [{name: shared}]\n",
            "belongs to tenant 'team-a' already",
        ),
        (
            "",
            "  namespaces: [{name: team-a}]\n",
            "namespace 'team-a' belongs to tenant 'team-a' already",
        ),
        (
            "",
            "  namespaces: [{name: team-a-5}]\n",
            "namespace 'team-a-5' is kept for owners of tenant 'team-a'",
        ),
        (
            "  hosts: [a.example.com]\n",
            "  hosts: [a.example.com]\n",
            "overlaps 'a.example.com' of tenant 'team-a'",
        ),
        (
            "  hosts: ['*.example.com']\n",
            "  hosts: [x.example.com]\n",
            "overlaps '*.example.com' of tenant 'team-a'",
        ),
        ("", "  hosts: [team-a.example.org]\n", "overlaps 'team-a.example.org' of tenant 'team-a'"),
        (
            "  firstUserId: 5000\n",
            "  firstUserId: 5000\n",
            "spec.firstUserId: user IDs 5000 to 5099 are tenant 'team-a'",
        ),
        (
            "",
            "  firstUserId: 1971306800\n",
            "spec.firstUserId: user IDs 1971306800 to 1971306899 are tenant 'team-a'",
        ),
        ("", "  hosts: ['*.example.org']\n", "overlaps 'team-a.example.org' of tenant 'team-a'"),
    ],
)
def test_two_tenants_cannot_share(tmp_path: Path, one: str, other: str, wanted: str) -> None:
    twice = "defined twice" in wanted
    first = tenant("team-b" if twice else "team-a", one)
    found = problems(tmp_path, PLATFORM, first, tenant("team-b", other))
    assert any(wanted in problem for problem in found), found


def test_every_problem_is_reported_not_the_first_one_only(tmp_path: Path) -> None:
    found = problems(tmp_path, PLATFORM, tenant("team-a", "  a: 1\n"), tenant("team-b", "  b: 1\n"))
    assert len(found) == 2


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("apiVersion: manor.dev/v1alpha1\nkind: Tenant\nspec: {owners: [", "not valid YAML"),
        ("kind: [\n", "specs.yaml:2: not valid YAML"),
        ("- 1\n", "specs.yaml:1: not an object"),
        ("kind: {a: b}\napiVersion: manor.dev/v1alpha1\n", "specs.yaml:1: kind: unknown kind"),
        ("a: !!int b\n", "specs.yaml:1: not valid YAML: 'b' cannot be read as int"),
        ("a: !!bool b\n", "specs.yaml:1: not valid YAML: 'b' cannot be read as bool"),
        (f"a:\n  {'9' * 5000}\n", "specs.yaml:2: not valid YAML: '9999"),
        ("a:\n  0x_\n", "specs.yaml:2: not valid YAML: '0x_' cannot be read as int"),
        ("a:\n  NO: b\n", "specs.yaml:2: a.NO: YAML reads the key as bool"),
        ("a:\n  {[b]: c}\n", "specs.yaml:2: a: YAML reads the key as seq"),
        ("a: &a\n  b: *a\n", "specs.yaml:1: fields inside fields"),
        (f"a:\n  {'[' * 200_000}{']' * 200_000}\n", "specs.yaml:2: fields inside fields"),
        (_BOMB, "specs.yaml:1: more than 200000 fields, each alias (*) counted"),
        (tenant("team", owners="[{name: 1}]"), "must be text, and YAML reads 1 as none"),
        ("apiVersion: v1\nkind: Pod\n", "apiVersion: must be manor.dev/v1alpha1; got 'v1'"),
        (
            "apiVersion: manor.dev/v1alpha1\nkind: Team\n",
            "kind: unknown kind 'Team'; one of Platform, Tool, Tenant",
        ),
        (tenant("a" * 41), "metadata.name:"),
        (tenant("Team"), "metadata.name:"),
        (tenant("team", owners="[]"), "spec.owners:"),
        (tenant("team"), "there is no Platform in these files nor on the cluster"),
    ],
)
def test_half_written_and_wrong_files(tmp_path: Path, text: str, wanted: str) -> None:
    assert any(wanted in problem for problem in problems(tmp_path, text))


def test_what_looks_like_a_date_is_text(tmp_path: Path) -> None:
    """As kubectl has it; 2026-13-45 as well, which is no date."""
    for name in ("2026-01-31", "2026-13-45"):
        assert not any(
            "owners" in problem
            for problem in problems(tmp_path, tenant("team", owners=f"[{{name: {name}}}]"))
        )


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for source, wanted in (
        (tmp_path / "none.yaml", "no such file"),
        (tmp_path, "no \\*.yaml file in this folder"),
    ):
        with pytest.raises(InvalidInput, match=wanted):
            load([source])


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_standard_input_that_is_no_text(monkeypatch: pytest.MonkeyPatch, errors: str) -> None:
    given = io.TextIOWrapper(io.BytesIO(b"a: \xff"), encoding="utf-8", errors=errors)
    monkeypatch.setattr("sys.stdin", given)
    with pytest.raises(InvalidInput, match="<stdin>:1: is no UTF-8 from here on; save it as UTF-8"):
        load(["-"])


def test_a_folder_is_read_whole_and_in_order(tmp_path: Path) -> None:
    (tmp_path / "platform.yaml").write_text(PLATFORM)
    (tmp_path / "teams").mkdir()
    (tmp_path / "teams" / "b.yml").write_text(tenant("team-b"))
    (tmp_path / "teams" / "a.yaml").write_text(tenant("team-a") + "---\n" + tenant("team-c"))
    assert list(load([tmp_path]).tenants) == ["team-a", "team-c", "team-b"]


WORKLOAD = """\
apiVersion: manor.dev/v1alpha1
kind: Model
metadata: {name: iris, namespace: NAMESPACE}
spec: {format: sklearn, storageUri: "URI"}
"""


@pytest.mark.parametrize(
    ("namespace", "uri", "wanted"),
    [
        (
            "team-x",
            "pvc://models",
            "metadata.namespace: namespace 'team-x' belongs to no tenant; one of: team-a",
        ),
        ("team-a", "pvc://models", "spec.image: the Platform has no serving image for sklearn"),
        (
            "team-a",
            "ftp://models",
            "spec.storageUri: 'ftp://models' is none of what this takes: pvc://<volume>/…, ",
        ),
    ],
)
def test_a_workload_that_cannot_run_here(
    tmp_path: Path, namespace: str, uri: str, wanted: str
) -> None:
    workload = WORKLOAD.replace("NAMESPACE", namespace).replace("URI", uri)
    assert any(wanted in p for p in problems(tmp_path, PLATFORM, tenant("team-a"), workload))


TRAINING = """\
apiVersion: manor.dev/v1alpha1
kind: TrainingJob
metadata: {name: train, namespace: vision}
spec:
  command: [python3]
  image: registry.example.com/training:1
  queue: urgent
"""


@pytest.mark.parametrize(
    ("platform", "wanted"),
    [
        (
            PLATFORM,
            "spec.queue: the Platform has no queue system: "
            "set its spec.engines.queue, or remove this",
        ),
        (
            PLATFORM + "  engines: {queue: kueue}\n",
            "spec.queue: 'urgent' is not a queue of tenant 'vision'; one of: default",
        ),
    ],
)
def test_a_queue_that_nobody_has(tmp_path: Path, platform: str, wanted: str) -> None:
    (problem,) = problems(tmp_path, platform, tenant("vision"), TRAINING)
    assert problem.endswith(wanted)
