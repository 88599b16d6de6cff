"""A Workspace as a Job of one pod: where it ends by itself, its resources are free, whoever
watches."""

import json
from importlib.resources import files
from typing import Any

from manor.api import Platform, Tenant, Workspace
from manor.api.workspace import HOME_PATH, PROGRAM_PATH
from manor.engines.owned import object_of
from manor.engines.pods import (
    alone,
    claim_mounts,
    claim_volumes,
    container_security_context,
    data_fetchers,
    data_parts,
    env,
    placement,
    pod_spec,
    pull_secrets,
    resources,
    secret_files,
    secret_variables,
    shared_memory,
)
from manor.engines.queues import queue_labels
from manor.render import labels
from manor.render.objects import Object

PROGRAM = f"{PROGRAM_PATH}/attendant.py"
JUPYTERLAB = (
    *("python3", "-m", "jupyterlab", "--ServerApp.ip=127.0.0.1"),
    *("--ServerApp.port=$(MANOR_PORT)", "--ServerApp.port_retries=0"),
    *("--ServerApp.open_browser=False", f"--ServerApp.root_dir={HOME_PATH}"),
)
"""The token is in its environment. Where it listens on a loopback address, it refuses other host
names than those of one."""
STARTS = 10
"""How often what failed is started again: a kernel that takes too much memory ends the pod."""
UP = {"periodSeconds": 1, "failureThreshold": 300, "timeoutSeconds": 5}
"""How long the IDE may take to answer, in seconds."""
LATE = 3600
"""Seconds by which the Job's own deadline, which ends what does not end by itself, is later."""


def workspace(platform: Platform, tenant: Tenant, space: Workspace) -> list[Object]:
    """Its home; unless it is stopped, also the Job, and the program that runs in it."""
    if space.spec.stopped:
        return [_home(space)]
    wanted = space.resources(platform)
    queue = queue_labels(platform, tenant, gpu=wanted.gpu, queue=space.spec.queue)
    settings: dict[str, Any] = {
        "command": space.spec.command or list(JUPYTERLAB),
        "port": space.spec.port,
        "idle": space.idle_seconds(platform),
        "lifetime": space.lifetime_seconds(platform),
    }
    source = files("manor.engines").joinpath("attendant.py").read_text(encoding="utf-8")
    program = {"attendant.py": source, "workspace.json": json.dumps(settings)}
    spec = {
        "backoffLimit": STARTS,
        "activeDeadlineSeconds": settings["lifetime"] + LATE,
        # A drained node or a preempted pod is no failure of the workspace's.
        "podFailurePolicy": {
            "rules": [
                {
                    "action": "Ignore",
                    "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
                },
            ]
        },
        "template": {
            "metadata": {"labels": labels.workload_labels(space.kind, space.metadata.name)},
            "spec": _pod(platform, tenant, space),
        },
    }
    return [
        _home(space),
        object_of("ConfigMap", "v1", _program(space), space, data=program),
        object_of("Job", "batch/v1", space.metadata.name, space, queue, spec=spec),
    ]


def _program(space: Workspace) -> str:
    return f"{space.metadata.name}-attendant"


def _home(space: Workspace) -> Object:
    home = space.spec.home
    spec: Object = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": home.size}},
    }
    if home.storage_class is not None:
        spec["storageClassName"] = home.storage_class
    return object_of("PersistentVolumeClaim", "v1", space.home, space, spec=spec)


def _pod(platform: Platform, tenant: Tenant, space: Workspace) -> Object:
    spec, wanted = space.spec, space.resources(platform)
    variables = {"HOME": HOME_PATH, "USER": "work", "SHELL": "/bin/bash", **spec.env}
    container: Object = {
        "name": "ide",
        "image": spec.image or platform.spec.images.workspace,
        "command": ["python3", PROGRAM],
        "env": env(variables),
        "resources": resources(platform, tenant, wanted),
        "securityContext": container_security_context(),
        # By a command in the pod: nothing outside it reaches the IDE.
        "startupProbe": {**UP, "exec": {"command": ["python3", PROGRAM, "ready"]}},
        "workingDir": HOME_PATH,
        "volumeMounts": [
            {"name": "home", "mountPath": HOME_PATH},
            {"name": "program", "mountPath": PROGRAM_PATH, "readOnly": True},
        ],
        **secret_variables(spec.secrets),
    }
    volumes: list[Object] = [
        {"name": "home", "persistentVolumeClaim": {"claimName": space.home}},
        {"name": "program", "configMap": {"name": _program(space)}},
    ]
    shared = shared_memory(spec.shared_memory or wanted.memory)
    claims = claim_volumes(claim for _, claim in space.mounted), claim_mounts(spec.volumes)
    for more, mounts in (shared, claims, secret_files(spec.secrets), data_parts(spec.data)):
        volumes += more
        container["volumeMounts"] += mounts
    fields: Object = {"restartPolicy": "Never", **placement(platform, tenant, wanted)}
    amounts = resources(platform, tenant, wanted.model_copy(update={"gpu": 0}))
    fields |= data_fetchers(platform, spec.data, amounts) | pull_secrets(spec.image_pull_secrets)
    return pod_spec([container], volumes, **alone(fields))
