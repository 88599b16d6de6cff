"""TrainingJob and Model: what a data scientist runs in a tenant's namespace."""

import re
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from manor.api.meta import DNS_LABEL, ApiVersion, Name, NamespacedMetadata, Spec, cel
from manor.api.platform import without_status
from manor.api.quantity import Quantity

WORKLOAD_NAME_LIMIT = 50
"""Longest workload name, in characters: a pod of an indexed Job is named `<job>-<index>`, a label of at most 63."""

FILES_LIMIT = 1_000_000
"""Most bytes of a TrainingJob's files: a ConfigMap holds 1 MiB."""

STORAGE_URI = r"^(pvc|s3|gs|https|oci)://[^\s]+$"


class WorkloadMetadata(NamespacedMetadata):
    """The metadata of a workload."""

    name: Annotated[str, Field(pattern=DNS_LABEL, min_length=1, max_length=WORKLOAD_NAME_LIMIT)]
    """Name of the workload, at most 50 characters."""


class Resources(Spec):
    """What one pod asks for; also its limit for memory and GPUs."""

    cpu: Quantity = "500m"
    """CPU request, in cores."""
    memory: Quantity = "1Gi"
    """Memory request and limit, in bytes."""
    gpu: int = Field(default=0, ge=0)
    """GPUs, in whole pieces."""
    gpu_flavor: Name | None = None
    """GPU flavor of the Platform whose nodes it runs on; any of the tenant's when absent."""


class VolumeMount(Spec):
    """A volume of the tenant inside the job's pods."""

    name: Name
    """Name of the PersistentVolumeClaim."""
    path: str = Field(pattern=r"^/.+")
    """Where the pods see it."""
    read_only: bool = False
    """Whether the pods may only read it."""


class SecretUse(Spec):
    """A Secret of the namespace inside the job's pods."""

    name: Name
    """Name of the Secret."""
    path: str | None = Field(default=None, pattern=r"^/.+")
    """Folder where the pods see its keys as files; they are environment variables when absent."""


class TrainingJobSpec(Spec):
    """What to run, how many times, on what."""

    image: str | None = None
    """Image; the Platform's training image when absent."""
    command: list[str] = Field(min_length=1)
    """Command and arguments, not run through a shell."""
    files: dict[str, str] = Field(default={}, max_length=50)
    """Small text files (name: content) that the command finds under /app, the working directory."""
    env: dict[str, str] = {}
    """Environment variables; not for secrets."""
    secrets: list[SecretUse] = Field(default=[], max_length=20)
    """Secrets of the namespace, as environment variables or as files."""
    image_pull_secrets: list[Name] = Field(default=[], max_length=20)
    """Secrets of the namespace with which images are pulled."""
    workers: int = Field(default=1, ge=1, le=1000)
    """Pods that run at once, each with its index in JOB_COMPLETION_INDEX."""
    processes: int = Field(default=1, ge=1, le=64)
    """Processes that each worker should start, given to it as NPROC_PER_NODE."""
    resources: Resources = Resources()
    """What each worker asks for."""
    queue: Name | None = None
    """Queue of the tenant that admits the job, where a queue system is on; its first one for GPUs, none otherwise."""
    volumes: list[VolumeMount] = []
    """The tenant's volumes inside the workers."""
    retries: int = Field(default=3, ge=0, le=100)
    """How often failed workers are started again before the job fails."""
    timeout_seconds: int | None = Field(default=None, ge=1)
    """Longest run in seconds; the job fails after that."""
    ttl_seconds_after_finished: int | None = Field(default=None, ge=0)
    """Seconds after its end when the job and its pods are removed; they stay when absent. A spec that is applied again
    after that runs again."""

    @model_validator(mode="after")
    def _check_files(self) -> Self:
        for name in self.files:
            if not re.fullmatch(r"[-._a-zA-Z0-9]{1,253}", name):
                raise ValueError(f"files: {name!r} is not a file name (letters, digits, '-', '_' and '.')")
        if (size := sum(len(text.encode()) for text in self.files.values())) > FILES_LIMIT:
            raise ValueError(f"files: {size} bytes together; 1000000 at most: put larger ones on a volume")
        return self


class TrainingJob(Spec):
    """A run of training code to completion."""

    api_version: ApiVersion
    kind: Literal["TrainingJob"]
    metadata: WorkloadMetadata
    spec: TrainingJobSpec

    @model_validator(mode="before")
    @classmethod
    def _drop_status(cls, data: object) -> object:
        return without_status(data)


class Autoscaling(Spec):
    """Replicas by CPU use (HorizontalPodAutoscaler)."""

    max_replicas: int = Field(ge=1, le=1000)
    """Most replicas; `replicas` is the least."""
    cpu_percent: int = Field(default=80, ge=1, le=100)
    """Average CPU use of the request, in percent, that adds a replica."""


class Canary(Spec):
    """A second version that gets a part of the traffic."""

    storage_uri: str = Field(pattern=STORAGE_URI)
    """Where its files are."""
    weight: int = Field(ge=0, le=100)
    """Share of requests it gets, in percent."""


class ModelSpec(Spec):
    """Which model, from where, how many."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "!has(self.autoscaling) || !has(self.replicas) || self.autoscaling.maxReplicas >= self.replicas",
                "autoscaling.maxReplicas is less than replicas",
            )
        )
    )

    format: Literal["sklearn"]
    """Model format; decides the serving runtime."""
    storage_uri: str = Field(pattern=STORAGE_URI)
    """Where the model's files are: `pvc://<claim>/<path>` or `oci://<image>`; other schemes where the engine can."""
    image: str | None = None
    """Serving image; the Platform's for the format when absent."""
    replicas: int = Field(default=1, ge=1, le=1000)
    """Replicas, or the fewest when autoscaling."""
    autoscaling: Autoscaling | None = None
    """Add replicas under load; fixed when absent."""
    canary: Canary | None = None
    """A second version for a part of the traffic."""
    resources: Resources = Resources()
    """What each replica asks for."""
    host: str | None = None
    """Which of the tenant's host names serves it; the first one when absent."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.autoscaling is not None and self.autoscaling.max_replicas < self.replicas:
            raise ValueError("autoscaling.maxReplicas is less than replicas")
        return self


class Model(Spec):
    """A model behind the Open Inference Protocol."""

    api_version: ApiVersion
    kind: Literal["Model"]
    metadata: WorkloadMetadata
    spec: ModelSpec

    @model_validator(mode="before")
    @classmethod
    def _drop_status(cls, data: object) -> object:
        return without_status(data)


Workload = TrainingJob | Model
