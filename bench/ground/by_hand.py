"""The plain Kubernetes objects that somebody writes who has no Manor: of the same images, commands,
volumes and sizes as a team's workloads."""

from collections.abc import Iterator

from manor.api import Platform, Tenant, Workload
from manor.engines import render_workload
from manor.engines.native.workspace import JUPYTERLAB
from manor.kube import Object
from manor.render.objects import Object as Rendered

WRITTEN = ("Job", "Deployment", "Service")
USER = {"runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532}
"""What admission writes into the pods of a team."""
PORT, TOKEN = 8888, "by-hand"
"""Of the notebook."""


def workload(
    platform: Platform, tenant: Tenant, spec: Workload, name: str, namespace: str
) -> Iterator[Object]:
    """What a workload becomes, without its code and the way in."""
    for obj in render_workload(platform, tenant, spec):
        if obj["kind"] in WRITTEN:
            if template := obj["spec"].get("template"):
                _mend(template["spec"], name)
            made = {key: obj[key] for key in ("apiVersion", "kind", "spec")}
            yield {**made, "metadata": {"name": name, "namespace": namespace}}


def _mend(pod: Rendered, code: str) -> None:
    """Run it as some user, with the code that `kubectl create configmap` took."""
    pod["securityContext"] |= USER
    for volume in pod["volumes"]:
        if "configMap" in volume:
            volume["configMap"] = {"name": code}


def notebook(image: str, size: dict[str, str], namespace: str) -> Object:
    """A pod with JupyterLab."""
    container: Object = {
        "name": "ide",
        "image": image,
        "command": [
            word.replace("$(MANOR_PORT)", str(PORT)).replace("127.0.0.1", "0.0.0.0")
            for word in JUPYTERLAB
        ],
        # A port that is closed still would end the forwarding.
        "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1},
        "env": [
            {"name": "HOME", "value": "/home/work"},
            {"name": "JUPYTER_TOKEN", "value": TOKEN},
        ],
        "workingDir": "/home/work",
        "resources": {"requests": size, "limits": {"memory": size["memory"]}},
        "volumeMounts": [{"name": "home", "mountPath": "/home/work"}],
    }
    home = {"name": "home", "persistentVolumeClaim": {"claimName": "home"}}
    pod = {"containers": [container], "volumes": [home], "securityContext": USER}
    meta = {"name": "notes", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": pod}


def place(namespace: str) -> list[Object]:
    """The namespace, with a volume for models and one for the notebook's home."""
    body = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    claims = [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "namespace": namespace},
            "spec": body,
        }
        for name in ("models", "home")
    ]
    return [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}, *claims]
