"""A probe pod, and the proof that it is still the one that the run started, as it was."""

from dataclasses import dataclass
from typing import Any

from manor.api.wellknown import PROBE_LABEL
from manor.verify.objects import Object, container, make, pod_spec
from manor.verify.probe.script import PYTHON

SEALED = {
    "readOnlyRootFilesystem": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
}


class Disturbed(Exception):
    """A probe was replaced, entered or changed, or its tenant could do so: what it says proves
    nothing."""


@dataclass(frozen=True)
class Running:
    """A probe pod that runs."""

    namespace: str
    name: str
    ip: str
    state: tuple[Any, ...]
    """Who it is and how it was made, as of `state_of`."""
    service_ip: str = ""

    @property
    def host(self) -> str:
        """The DNS name of its Service."""
        return f"{self.name}.{self.namespace}.svc.cluster.local"

    def check(self, live: Object) -> None:
        """Raises Disturbed where the pod of its name is another one, or not as it was."""
        if state_of(live) != self.state:
            raise Disturbed(
                f"the probe pod {self.namespace}/{self.name} was replaced, restarted or changed "
                f"while the run used it: "
                "what it saw proves nothing"
            )


def probe_pod(
    owner: Object, name: str, program: str, image: str, *, pod: Object | None = None, **fields: Any
) -> Object:
    """A pod in the namespace `owner` that runs `program`; `fields` are its container's, `pod` its
    own spec's.

    Its namespace is its controlling owner: a ReplicaSet or Job whose selector fits it would adopt
    one that has none, and delete it.
    """
    main = container(image, command=[*PYTHON, program], securityContext=SEALED, **fields)
    spec = pod_spec(
        main,
        terminationGracePeriodSeconds=0,
        activeDeadlineSeconds=3600,
        enableServiceLinks=False,
        **(pod or {}),
    )
    identity = {"name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}
    reference = {
        "apiVersion": "v1",
        "kind": "Namespace",
        **identity,
        "controller": True,
        "blockOwnerDeletion": False,
    }
    meta = {"labels": {PROBE_LABEL: name}, "ownerReferences": [reference]}
    return make("v1", "Pod", owner["metadata"]["name"], name, meta=meta, spec=spec)


def state_of(live: Object) -> tuple[Any, ...]:
    """What must not change while a run uses a pod: its identity, labels, spec, and the very
    containers that run."""
    meta, status = live["metadata"], live.get("status", {})
    containers = [
        (c["name"], c.get("containerID"), c["restartCount"])
        for c in status.get("containerStatuses", [])
    ]
    return meta["uid"], meta.get("labels"), live["spec"], containers


def started(live: Object, asked: Object, service_ip: str = "") -> Running:
    """The pod that was asked for, once it is ready. Raises Disturbed where it runs
    something else."""
    for field in ("image", "command"):
        made, wanted = (obj["spec"]["containers"][0].get(field) for obj in (live, asked))
        if made != wanted:
            raise Disturbed(
                f"the probe pod {asked['metadata']['name']} was made with {field} {made}, not "
                f"{wanted}"
            )
    meta = live["metadata"]
    return Running(
        meta["namespace"], meta["name"], live["status"]["podIP"], state_of(live), service_ip
    )
