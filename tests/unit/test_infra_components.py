"""The components under Pulumi's mocks: what the engine would be asked for."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from pulumi.runtime.resource import all_aliases

from manor.api import Platform as PlatformSpec
from manor.engines import compile_specs
from manor.infra import Model, Platform, Tenant, TrainingJob, kubernetes_provider
from manor.infra.errors import DeferredValue, DuplicateComponent
from manor.load import InvalidInput, load
from manor.render import render_foundation, spec_object
from pulumi_programs import EXAMPLE, files, names, recorded
from pulumi_runs import DuplicateUrn, Recorder, run

pytestmark = pytest.mark.unit

PLATFORM: dict[str, Any] = yaml.safe_load((EXAMPLE / "platform.yaml").read_text())
TENANT: dict[str, Any] = yaml.safe_load((EXAMPLE / "tenant-a.yaml").read_text())
MODEL: dict[str, Any] = list(yaml.safe_load_all((EXAMPLE / "iris.yaml").read_text()))[1]


def changed(document: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {**document, "spec": {**document["spec"], **spec}}


def content(inputs: dict[str, Any]) -> dict[str, Any]:
    """An object without what is Pulumi's and the inventory's."""
    meta = {
        k: v for k, v in inputs["metadata"].items() if k not in ("annotations", "ownerReferences")
    }
    if "labels" in meta:
        meta["labels"] = {
            k: v
            for k, v in meta["labels"].items()
            if not k.startswith("applyset.kubernetes.io/part")
        }
    return {**inputs, "metadata": meta}


def test_pulumi_registers_exactly_what_render_prints() -> None:
    specs = load([EXAMPLE])
    assert specs.platform
    wanted = render_foundation()
    for each in compile_specs(specs.platform, specs.tenants, specs.all):
        wanted += [spec_object(each.spec), *each.objects]
    made = recorded(files(EXAMPLE)).objects()
    own = [n for n in made if n.endswith(":marks") or n == "manor:ConfigMap/manor-system/manor"]

    def key(obj: dict[str, Any]) -> tuple[str, str, str, str]:
        meta = obj["metadata"]
        return obj["apiVersion"], obj["kind"], meta.get("namespace", ""), meta["name"]

    registered = {key(r.inputs): content(r.inputs) for n, r in made.items() if n not in own}
    assert registered == {key(obj): content(obj) for obj in wanted}


def test_workloads_wait_for_their_whole_tenant_and_tenants_for_the_platform() -> None:
    made = recorded(files(EXAMPLE)).objects()
    platform = {n for n in made if n.startswith("manor:")}
    assert platform <= names(made["tenant-a:Tenant/tenant-a"].depends_on)
    tenant = {n for n in made if n.startswith("tenant-a:")}
    assert tenant <= names(made["tenant-a-model-iris:Model/tenant-a/iris"].depends_on)
    policies = {n for n, r in made.items() if r.inputs["kind"] == "ValidatingAdmissionPolicy"}
    assert policies
    assert policies <= platform


def test_children_belong_to_their_component() -> None:
    recorder = recorded(files(EXAMPLE))
    for name, one in recorder.objects().items():
        component = name.partition(":")[0]
        assert one.parent.endswith(f"::{component}")


@pytest.mark.parametrize("form", ["mapping", "model", "file"])
def test_a_spec_is_a_mapping_a_model_or_a_file(form: str) -> None:
    spec = {
        "mapping": PLATFORM,
        "model": PlatformSpec.model_validate(PLATFORM),
        "file": EXAMPLE / "platform.yaml",
    }

    def program() -> None:
        platform = Platform("manor", {"spec": spec[form]})
        Tenant("tenant-a", {"spec": EXAMPLE / "tenant-a.yaml", "platform": platform})

    stack = recorded(files(EXAMPLE / "platform.yaml", EXAMPLE / "tenant-a.yaml")).objects()
    made = recorded(program).objects()
    assert {n: r.inputs for n, r in made.items()} == {n: r.inputs for n, r in stack.items()}


def with_values_of_others(wrap: Callable[[Any], Any]) -> dict[str, Any]:
    network = {
        "podCidrs": wrap(["10.1.0.0/16"]),
        "serviceCidrs": [wrap("10.96.0.0/16")],
        "nodeCidrs": ["172.30.0.0/16"],
        "apiServers": [{"cidr": wrap("172.30.0.9/32")}],
    }
    return changed(PLATFORM, domain=wrap("ml.example.com"), network=network)


def test_values_of_other_resources_give_the_same_objects_as_values() -> None:
    tenant = changed(TENANT, network={"egress": {"internet": True}, "apiServer": True})

    def program(wrap: Callable[[Any], Any]) -> None:
        ground = Platform("manor", {"spec": with_values_of_others(wrap)})
        owner = Tenant("a", {"spec": tenant, "platform": ground})
        pulumi.export("urls", owner.urls)
        pulumi.export("model", Model("m", {"spec": MODEL, "tenant": owner}).url)

    made = []
    for wrap in (pulumi.Output.from_input, lambda value: value):
        recorder = Recorder()
        outputs = run(partial(program, wrap), recorder)
        made.append(({n: r.inputs for n, r in recorder.objects().items()}, outputs))
    assert made[0] == made[1]
    assert made[0][1]["urls"] == (["http://tenant-a.ml.example.com:30080"], False)
    assert "late.invalid" not in repr(made)
    assert "192.0.2." not in repr(made)


def test_a_late_value_is_checked_like_any_other() -> None:
    def program() -> None:
        Platform(
            "manor", {"spec": changed(PLATFORM, domain=pulumi.Output.from_input("Not a domain"))}
        )

    with pytest.raises(InvalidInput, match=r"manor: spec\.domain: "):
        recorded(program)


def test_a_secret_value_stays_secret() -> None:
    def program() -> None:
        ground = Platform("manor", {"spec": PLATFORM})
        tenant = Tenant("a", {"spec": TENANT, "platform": ground})
        job = {
            "apiVersion": "manor.dev/v1alpha1",
            "kind": "TrainingJob",
            "metadata": {"name": "t", "namespace": "tenant-a"},
            "spec": {"command": ["x"], "env": {"TOKEN": pulumi.Output.secret("hush")}},
        }
        TrainingJob("t", {"spec": job, "tenant": tenant})

    made = recorded(program).objects()
    assert made["t:Job/tenant-a/t"].secrets == ("spec",)
    assert made["a:NetworkPolicy/tenant-a/manor-default-deny"].secrets == ()


@pytest.mark.parametrize(
    ("platform", "message"),
    [
        (
            lambda: changed(PLATFORM, contact=pulumi.Output.from_input("x")),
            "spec.contact is an Output",
        ),
        (lambda: pulumi.Output.from_input(PLATFORM), "the whole spec is an Output"),
        (
            lambda: {**PLATFORM, "metadata": {"name": pulumi.Output.from_input("x")}},
            "name is an Output",
        ),
    ],
)
def test_an_output_where_none_can_be_is_refused_at_once(
    platform: Callable[[], Any], message: str
) -> None:
    recorder = Recorder()
    with pytest.raises(DeferredValue, match=message):
        run(lambda: Platform("manor", {"spec": platform()}), recorder)
    assert not recorder.objects()


def test_a_late_value_that_changes_the_set_is_refused() -> None:
    # A tenant's own hosts decide no names; a listener name is in the Gateway's body, and may
    # change.
    def program() -> None:
        ground = Platform("manor", {"spec": PLATFORM})
        Tenant(
            "a",
            {
                "spec": changed(
                    TENANT, network={"egress": {"cidrs": pulumi.Output.from_input([])}}
                ),
                "platform": ground,
            },
        )

    with pytest.raises(DeferredValue, match="other objects"):
        recorded(program)


def test_two_components_for_one_tenant_are_refused() -> None:
    def program() -> None:
        ground = Platform("manor", {"spec": PLATFORM})
        Tenant("one", {"spec": TENANT, "platform": ground})
        Tenant("two", {"spec": TENANT, "platform": ground})

    with pytest.raises(
        DuplicateComponent, match="two: Tenant tenant-a is made by component 'one' already"
    ):
        recorded(program)


def test_a_namespace_that_another_tenant_has_is_refused() -> None:
    other = {**changed(TENANT, namespaces=[{"name": "tenant-a"}]), "metadata": {"name": "other"}}

    def program() -> None:
        ground = Platform("manor", {"spec": PLATFORM})
        Tenant("one", {"spec": TENANT, "platform": ground})
        Tenant("two", {"spec": other, "platform": ground})

    with pytest.raises(InvalidInput, match="belongs to tenant 'tenant-a' already"):
        recorded(program)


def test_one_name_twice_is_refused() -> None:
    def program() -> None:
        Platform("manor", {"spec": PLATFORM})
        Platform("manor", {"spec": PLATFORM})

    with pytest.raises(Exception, match=r".*") as caught:
        recorded(program)
    assert DuplicateUrn.__name__ in repr(caught.value) + repr(caught.value.__cause__)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (changed(TENANT, sandbox=True), "spec.sandbox: the Platform has no sandbox"),
        (changed(TENANT, quotas={}), "spec.quotas: unknown field; did you mean 'quota'"),
        (MODEL, "kind: must be Tenant; got 'Model'"),
        (Path("nowhere.yaml"), "nowhere.yaml: no such file"),
    ],
)
def test_a_bad_spec_names_what_is_wrong(spec: Any, message: str) -> None:
    def program() -> None:
        Tenant("a", {"spec": spec, "platform": Platform("manor", {"spec": PLATFORM})})

    with pytest.raises(InvalidInput, match=message):
        recorded(program)


def test_consent_between_tenants_is_known_to_both() -> None:
    a = changed(TENANT, network={"allow": ["tenant-b"]})
    b = {**changed(TENANT, network={"allow": ["tenant-a"]}), "metadata": {"name": "tenant-b"}}

    def program() -> None:
        ground = Platform("manor", {"spec": PLATFORM, "tenants": [a, b]})
        for spec in (a, b):
            Tenant(spec["metadata"]["name"], {"spec": spec, "platform": ground})

    made = recorded(program).objects()
    assert "tenant-a:NetworkPolicy/tenant-a/manor-peers" in made
    assert "tenant-b:NetworkPolicy/tenant-b/manor-peers" in made


def test_a_renamed_component_renames_all_of_it() -> None:
    def program() -> None:
        ground = Platform("manor", {"spec": PLATFORM})
        renamed = pulumi.ResourceOptions(aliases=[pulumi.Alias(name="old")])
        tenant = Tenant("new", {"spec": TENANT, "platform": ground}, renamed)
        # The engine works out the aliases of children by the rule of which the SDK has a copy.
        for name, child in tenant._objects.items():
            pulumi.export(name, all_aliases([], name, child._type, tenant)[0])

    former = run(program, Recorder())
    assert len(former) > 15
    for name, (urn, _) in former.items():
        assert names([urn]) == {name.replace("new:", "old:", 1)}


def test_the_provider_is_the_one_that_is_given_and_has_the_settings_that_manor_needs() -> None:
    def program() -> None:
        cluster = kubernetes_provider("c", kubeconfig="{}")
        opts = pulumi.ResourceOptions(provider=cluster)
        Tenant("a", {"spec": TENANT, "platform": Platform("manor", {"spec": PLATFORM}, opts)}, opts)

    recorder = recorded(program)
    assert {one.provider.split("::")[-2] for one in recorder.objects().values()} == {"c"}
    (provider,) = recorder.of_type("pulumi:providers:kubernetes")
    settings = provider.inputs
    assert settings["upsertExistingObjects"] == "true"
    assert settings["enableServerSideApply"] == "true"
    assert settings["enableConfigMapMutable"] == "true"
    assert settings["enablePatchForce"] == "false"
    assert "500" in settings["kubeClientSettings"]


def test_what_a_component_waits_for_its_objects_wait_for() -> None:
    def program() -> None:
        first = pulumi.ComponentResource("test:index:First", "first")
        pulumi.CustomResource("test:index:Thing", "thing", {}, pulumi.ResourceOptions(parent=first))
        Platform("manor", {"spec": PLATFORM}, pulumi.ResourceOptions(depends_on=[first]))

    made = recorded(program).objects()
    assert "thing" in names(made["manor:Namespace/manor-system"].depends_on)
