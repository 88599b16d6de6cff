"""The pod of a TrainingJob's worker, which every engine starts from, and what its pods need beside
them."""

import json

from manor.api import Platform, Tenant, TrainingJob
from manor.api.workload import APP_PATH, Sweep, TrainingJobSpec
from manor.engines import outputs
from manor.engines.owned import object_of
from manor.engines.pods import (
    Parts,
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
    unexpanded,
    volume_name,
)
from manor.render.objects import Object

RENDEZVOUS_PORT = 29500
"""PyTorch's default port of the rendezvous."""
SWEEP = "MANOR_SWEEP"
"""The variable with all sets of a sweep."""
TRIAL = (
    "import json, os, sys; "
    f"sets = json.loads(os.environ.pop('{SWEEP}')); "
    "os.environ.update(sets[int(os.environ['JOB_COMPLETION_INDEX'])]); "
    "os.execvp(sys.argv[1], sys.argv[1:])"
)
"""What becomes the command of a trial, with the set of its index: nothing in a Job's template
differs by the index but that."""
RUN_NAME = "MANOR_RUN"
"""The variable by which a run of a schedule is told its name, which is that of its Job."""


def service_name(job: TrainingJob) -> str:
    """The headless Service by which several workers find each other."""
    return f"{job.metadata.name}-workers"


def environment(job: TrainingJob) -> dict[str, str]:
    """What every worker is told, whichever it is; the job's own variables come first."""
    spec = job.spec
    return {
        "HOME": "/tmp",  # noqa: S108 - the pod's own emptyDir
        # Its user ID has no name in the image; Python and PyTorch ask for one.
        "USER": "worker",
        "WORLD_SIZE": str(spec.workers * spec.processes),
        "NNODES": str(spec.workers),
        "NPROC_PER_NODE": str(spec.processes),
        "MASTER_PORT": str(RENDEZVOUS_PORT),
        **spec.env,
    }


def indexed_environment(job: TrainingJob, leader: str) -> list[Object]:
    """The environment of a pod of an indexed Job, which is told by its index who it is; `leader` is
    the host of the first one."""
    spec = job.spec
    variables = {"MASTER_ADDR": leader if spec.workers > 1 else "localhost"}
    # With several processes a worker the launcher (torchrun) says which is which.
    ranks = ["NODE_RANK", *(["RANK"] if spec.processes == 1 else [])]
    if spec.sweep:
        # Each trial is the only worker of its own; its index is that of its set.
        variables |= {**dict.fromkeys(ranks, "0"), SWEEP: _literal(spec.sweep)}
        ranks = []
    if spec.processes == 1:
        variables["LOCAL_RANK"] = "0"
    path = "metadata.annotations['batch.kubernetes.io/job-completion-index']"
    index = {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}
    computed = [{"name": rank, "valueFrom": index} for rank in ranks if rank not in spec.env]
    return computed + _run_name(spec) + env(variables | environment(job))


def _run_name(spec: TrainingJobSpec) -> list[Object]:
    """The name of the run, where it is not the job's."""
    path = "metadata.labels['batch.kubernetes.io/job-name']"
    label = {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}
    return [{"name": RUN_NAME, "valueFrom": label}] if spec.schedule else []


def _literal(sweep: Sweep) -> str:
    return unexpanded(json.dumps(sweep.parameters, ensure_ascii=False))


def _mounts(job: TrainingJob) -> Parts:
    """The job's volumes and their mounts: shared memory, files, claims, Secrets."""
    spec = job.spec
    volumes, mounts = shared_memory(spec.shared_memory or spec.resources.memory)
    if spec.files:
        mounts.append({"name": "files", "mountPath": APP_PATH, "readOnly": True})
        volumes.append({"name": "files", "configMap": _files_source(job)})
    if spec.code:
        code: Object = {
            "name": volume_name("volume", spec.code.volume),
            "mountPath": APP_PATH,
        }
        mounts.append({**code, "subPath": spec.code.path, "readOnly": True})
    mounts += claim_mounts(spec.volumes)
    volumes += claim_volumes(claim for _, claim in job.mounted)
    written = outputs.parts(spec.outputs)
    for more, seen in (secret_files(spec.secrets), data_parts(spec.data), written):
        volumes += more
        mounts += seen
    return volumes, mounts


def worker_pod(
    platform: Platform, tenant: Tenant, job: TrainingJob, name: str, variables: list[Object]
) -> Object:
    """The spec of a worker's pod; `name` is its container's, `variables` are its environment."""
    spec = job.spec
    volumes, mounts = _mounts(job)
    container: Object = {
        "name": name,
        "image": spec.image or platform.spec.images.training,
        "command": list(spec.command),
        "env": variables,
        "resources": resources(platform, tenant, spec.resources),
        "securityContext": container_security_context(),
        "volumeMounts": mounts,
        **secret_variables(spec.secrets),
    }
    if spec.has_code:
        container["workingDir"] = APP_PATH
    if spec.sweep:
        container["command"] = ["python3", "-c", TRIAL, *container["command"]]
        # Of a trial that fails without a word the end of its log is its result.
        container["terminationMessagePolicy"] = "FallbackToLogsOnError"
    container["command"] = outputs.awaited(container["command"], spec.outputs)
    containers = [container, *outputs.storers(platform, spec, _run_name(spec))]
    fields: Object = {"restartPolicy": "Never", **placement(platform, tenant, spec.resources)}
    # It asks for what the worker asks for, so that the pod is no larger; GPUs are the worker's own.
    amounts = resources(platform, tenant, spec.resources.model_copy(update={"gpu": 0}))
    fields |= data_fetchers(platform, spec.data, amounts) | pull_secrets(spec.image_pull_secrets)
    return pod_spec(containers, volumes, **(fields if spec.outputs else alone(fields)))


def files(job: TrainingJob) -> list[Object]:
    """The ConfigMap of the job's files, if it has any."""
    name = f"{job.metadata.name}-files"
    data = {_key(path): text for path, text in job.spec.files.items()}
    return [object_of("ConfigMap", "v1", name, job, data=data)] if data else []


def _key(path: str) -> str:
    """What a ConfigMap, whose keys have no slashes, calls a file; no path has two dots."""
    return path.replace("/", "..")


def _files_source(job: TrainingJob) -> Object:
    source: Object = {"name": f"{job.metadata.name}-files"}
    if any("/" in path for path in job.spec.files):
        source["items"] = [{"key": _key(path), "path": path} for path in sorted(job.spec.files)]
    return source
