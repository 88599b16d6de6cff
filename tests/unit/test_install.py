"""What is published by a system's makers, and what is made of it before it is installed."""

import base64
import io
import json
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from cryptography import x509

from manor.api.tool import GoModule, ToolInstall
from manor.install import InstallError, hardened, image_words, images_of, manifests, module_folder
from manor.install.certificate import PLACEHOLDER, Pair, certified
from manor.install.certificate import made as made_for
from manor.install.installation import pair_for
from manor.install.modules import hash_of
from manor.kube import Client
from manor.kube.errors import api_error
from manor.tools import toolbox
from tool_examples import tool

pytestmark = pytest.mark.unit

INSTALL = {"namespace": "forge-system", "image": "registry.example/forge/smith:v1", "ports": [9443]}
CONTAINER = {
    "name": "smith",
    "resources": {"requests": {"memory": "1Mi"}, "limits": {"memory": "1Mi"}},
    "securityContext": {"allowPrivilegeEscalation": False},
}


def obj(kind: str, name: str = "smith", **body: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, **body}


def binding(role: str) -> dict[str, Any]:
    return obj("ClusterRoleBinding", roleRef={"kind": "ClusterRole", "name": role})


def deployment(**container: Any) -> dict[str, Any]:
    return obj(
        "Deployment", spec={"template": {"spec": {"containers": [{**CONTAINER, **container}]}}}
    )


def made(*objects: dict[str, Any], **install: Any) -> list[dict[str, Any]]:
    return hardened("forge", ToolInstall.model_validate({**INSTALL, **install}), objects)


def test_its_namespace_is_closed_and_restricted() -> None:
    namespace, policy = made(obj("Namespace", "forge-system"))
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert policy["spec"] == {
        "podSelector": {},
        "policyTypes": ["Ingress"],
        "ingress": [{"ports": [{"protocol": "TCP", "port": 9443}]}],
    }


def test_its_webhooks_see_the_tenants_that_use_it_alone_and_fail_closed() -> None:
    selector = {"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["b"]}]}
    webhooks = [
        {"name": "a", "failurePolicy": "Ignore"},
        {"name": "b", "namespaceSelector": selector},
    ]
    given = obj("MutatingWebhookConfiguration", webhooks=webhooks)
    given["metadata"]["namespace"] = "forge-system"
    found = made(given)[-1]
    chosen = {"key": "tools.manor.dev/forge", "operator": "In", "values": ["true"]}
    assert found["webhooks"][0] == {
        "name": "a",
        "failurePolicy": "Fail",
        "namespaceSelector": {"matchExpressions": [chosen]},
    }
    assert found["webhooks"][1]["namespaceSelector"]["matchExpressions"] == [
        *selector["matchExpressions"],
        chosen,
    ]
    assert "namespace" not in found["metadata"]


def test_roles_for_people_are_left_out_and_wildcards_stop_it() -> None:
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
    kept = made(
        obj("ClusterRole", rules=rules),
        obj("ClusterRole", "for-people", rules=rules),
        binding("smith"),
    )
    assert [each["metadata"]["name"] for each in kept if each["kind"] == "ClusterRole"] == ["smith"]
    for field in ("apiGroups", "resources", "verbs"):
        broad = obj("ClusterRole", rules=[{**rules[0], field: ["*"]}])
        with pytest.raises(InstallError, match=f"ClusterRole smith grants {field}: '\\*'"):
            made(broad, binding("smith"))
        assert made(broad, binding("smith"), broad=["smith"])


@pytest.mark.parametrize(
    ("container", "message"),
    [
        ({"resources": {}}, "states no requests of memory"),
        ({"resources": {"requests": {"memory": "1Mi"}}}, "states no limits of memory"),
        ({"securityContext": {}}, "does not rule out privilege escalation"),
    ],
)
def test_a_container_that_is_open_stops_it(container: dict[str, Any], message: str) -> None:
    assert made(deployment())
    with pytest.raises(InstallError, match=message):
        made(deployment(**container))


def test_what_is_not_wanted_of_the_chart_is_left_out(proxy: Path, tmp_path: Path) -> None:
    module = {"path": "forge.example/Smith", "version": "v1.0.0", "sum": hash_of(proxy)}
    helm = tmp_path / "helm"
    helm.write_text(
        f"#!/bin/sh\nprintf '%s\\n---\\n%s' '{json.dumps(obj('Secret'))}' "
        f"'{json.dumps(obj('ConfigMap'))}'\n"
    )
    helm.chmod(0o755)
    install = {
        **INSTALL,
        "module": module,
        "chart": "chart",
        "without": ["Secret"],
        "objects": [obj("Secret", "own")],
    }
    kept = manifests(tool(install=install), helm=str(helm))
    assert [each["metadata"]["name"] for each in kept if each["kind"] == "Secret"] == ["own"]
    assert "ConfigMap" in [each["kind"] for each in kept]


CERTIFICATE = {"secret": "smith-cert", "service": "smith"}
SERVICE = {"name": "smith", "namespace": "forge-system"}
OTHER = {"name": "smith", "namespace": "elsewhere"}


def test_whoever_names_the_service_trusts_its_certificate_alone() -> None:
    install = ToolInstall.model_validate({**INSTALL, "certificate": CERTIFICATE})
    webhooks = [{"clientConfig": {"service": SERVICE}}, {"clientConfig": {"service": OTHER}}]
    objects = [
        obj("MutatingWebhookConfiguration", webhooks=webhooks),
        obj("APIService", spec={"service": SERVICE, "insecureSkipTLSVerify": True}),
        obj(
            "CustomResourceDefinition",
            spec={"conversion": {"webhook": {"clientConfig": {"service": SERVICE}}}},
        ),
    ]
    # Placeholders first, as `manifests` leaves them, and the real ones over them.
    printed = certified(install, objects, PLACEHOLDER)
    pair = made_for("smith.forge-system.svc")
    hooks, api, crd, secret = certified(install, printed, pair)
    assert hooks["webhooks"] == [
        {"clientConfig": {"service": SERVICE, "caBundle": pair.certificate}},
        {"clientConfig": {"service": OTHER}},
    ]
    assert api["spec"] == {"service": SERVICE, "caBundle": pair.certificate}
    assert crd["spec"]["conversion"]["webhook"]["clientConfig"]["caBundle"] == pair.certificate
    assert secret["data"] == {"tls.crt": pair.certificate, "tls.key": pair.key}
    assert pair.key not in json.dumps([hooks, api, crd, printed])


class Cluster:
    """A cluster that holds this Secret, or none."""

    def __init__(self, **data: str) -> None:
        self.data = data

    async def get(self, *_: str) -> dict[str, Any]:
        if not self.data:
            raise api_error(404, "")
        return {"data": self.data}


async def test_a_certificate_is_kept_until_it_nears_its_end_or_is_anothers() -> None:
    install = ToolInstall.model_validate({**INSTALL, "certificate": CERTIFICATE})

    async def pair_on(cluster: Cluster) -> Pair:
        return await pair_for(cast(Client, cluster), install)

    def holding(pair: Pair) -> Cluster:
        return Cluster(**{"tls.crt": pair.certificate, "tls.key": pair.key})

    first = await pair_on(Cluster())
    assert await pair_on(holding(first)) == first
    host = "smith.forge-system.svc"
    for bad in (
        made_for(host, timedelta(days=300)),
        made_for("other.forge-system.svc"),
        Pair("bm9uZQ==", ""),
    ):
        assert await pair_on(holding(bad)) not in (bad, first)
    (named,) = ssl_names(first)
    assert named == host


def ssl_names(pair: Pair) -> list[str]:
    certificate = x509.load_pem_x509_certificate(base64.b64decode(pair.certificate))
    return certificate.extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    ).value.get_values_for_type(x509.DNSName)


def test_a_mirror_takes_the_place_of_the_makers_registry() -> None:
    install = ToolInstall.model_validate(INSTALL)
    assert image_words(install, None)["image"] == "registry.example/forge/smith:v1"
    assert image_words(install, "mirror.example/ml")["image"] == "mirror.example/ml/smith:v1"


def test_images_beside_the_controllers_are_known_by_the_registrys_word() -> None:
    image = "$registry/fetcher:$tag"
    config = obj("ConfigMap", data={"fetcher": f'{{"image": "{image}", "cpu": 1}}', "again": image})
    values = {"proxy": "$registry/net/proxy:v2", "image": "$repository:$tag"}
    install = ToolInstall.model_validate({**INSTALL, "values": values, "objects": [config]})
    assert images_of(install, None) == [
        "registry.example/forge/smith:v1",
        "registry.example/forge/net/proxy:v2",
        "registry.example/forge/fetcher:v1",
    ]
    assert images_of(install, "mirror.example/ml")[-1] == "mirror.example/ml/fetcher:v1"


def test_a_mirror_for_kserve_holds_what_its_configuration_names() -> None:
    install = toolbox({})["kserve"].spec.install
    assert install is not None
    held = [image.rpartition("/")[2] for image in images_of(install, "mirror.example/ml")]
    names = ["kserve-controller", "storage-initializer", "agent", "router"]
    assert held == [f"{name}:v0.20.0" for name in names]


def archive(**files: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as target:
        for name, text in files.items():
            target.writestr(f"forge.example/Smith@v1.0.0/{name}", text)
    return made.getvalue()


@pytest.fixture
def proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The zip of a module at a module proxy that is a folder, which Go takes too."""
    path = tmp_path / "proxy" / "forge.example" / "!smith" / "@v" / "v1.0.0.zip"
    path.parent.mkdir(parents=True)
    path.write_bytes(archive(**{"go.mod": "module forge.example/Smith\n"}))
    monkeypatch.setenv("GOPROXY", f"{(tmp_path / 'proxy').as_uri()},direct")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return path


def test_a_modules_files_are_those_of_its_hash(proxy: Path) -> None:
    module = GoModule(path="forge.example/Smith", version="v1.0.0", sum=hash_of(proxy))
    folder = module_folder(module)
    assert (folder / "go.mod").read_text() == "module forge.example/Smith\n"
    proxy.unlink()
    assert module_folder(module) == folder  # from the cache


def test_other_files_than_those_pinned_are_refused(proxy: Path) -> None:
    module = GoModule(path="forge.example/Smith", version="v1.0.0", sum=hash_of(proxy))
    proxy.write_bytes(archive(**{"go.mod": "module evil\n"}))
    with pytest.raises(InstallError, match="is not what it was"):
        module_folder(module)
    proxy.unlink()
    with pytest.raises(InstallError, match=r"cannot be fetched from file:"):
        module_folder(module)


@pytest.mark.parametrize(("notice", "said"), [("", "makers' guide"), ("by hand", "by hand")])
def test_what_nobody_can_install_says_what_to_do(notice: str, said: str) -> None:
    with pytest.raises(InstallError, match=f"does not say how it is installed: .*{said}"):
        manifests(tool(notice=notice))
