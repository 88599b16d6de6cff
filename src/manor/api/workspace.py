"""Workspace: a notebook or IDE in a tenant's namespace."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from manor.api.meta import (
    ApiVersion,
    ClassName,
    EnvName,
    Image,
    Kind,
    Misplaced,
    Name,
    Once,
    Spec,
    cel,
)
from manor.api.platform import Platform
from manor.api.quantity import Bytes, Duration, seconds
from manor.api.workload import (
    ELSEWHERE,
    Command,
    DataSource,
    Keyed,
    Resources,
    SecretUse,
    VolumeMount,
    WorkloadMetadata,
    check_paths,
    data_rule,
    fetched_data,
    keyed,
    secret_rule,
)
from manor.api.workload import OWN as OWN_OF_PODS

HOME_PATH = "/home/work"
"""Where a Workspace's home is: HOME, and where its IDE begins."""
PROGRAM_PATH = "/manor"
"""Where the program is that starts the IDE and ends it."""
OWN = [*OWN_OF_PODS, PROGRAM_PATH, HOME_PATH]
"""Paths that the pod has something at."""


class Home(Spec):
    """The volume of a Workspace's own, which stays when it stops and when it is deleted."""

    size: Bytes = "10Gi"
    """Size of the volume, in bytes."""
    storage_class: ClassName | None = None
    """Storage class; the cluster's default when absent."""


class WorkspaceSpec(Spec):
    """Which IDE, on what, for how long."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "!has(self.size) || !has(self.resources)",
                "size says what resources say; leave one out",
            ),
            (
                f"!has(self.volumes) || self.volumes.all(v, !(v.path in {OWN}))",
                "the path is the pod's own; choose another",
            ),
            (
                data_rule(*OWN),
                "data cannot be where the pod, a volume or a Secret has something; choose another "
                "path",
            ),
            (
                secret_rule(*OWN),
                ELSEWHERE,
            ),
        )
    )

    image: Image | None = None
    """Image, with Python 3.9 or later; the Platform's workspace image when absent."""
    command: Command = []
    """The IDE, not run through a shell: it must listen on `port` of 127.0.0.1 alone.
    `$(MANOR_PORT)` and `$(MANOR_TOKEN)`, a secret made at each start, are replaced. JupyterLab when
    absent."""
    port: int = Field(default=8888, ge=1024, le=65535)
    """Port on which it answers inside the pod; nobody else reaches it."""
    size: Name | None = None
    """Size of the Platform's; its first one when absent."""
    resources: Resources | None = None
    """What it asks for, where the Platform has no sizes."""
    home: Home = Home()
    """Its home volume."""
    shared_memory: Bytes | None = None
    """Size of /dev/shm, which counts against the memory; as large as that when absent."""
    queue: Name | None = None
    """Queue of the tenant that admits it, where a queue system is on; its first one for GPUs, none
    otherwise."""
    volumes: Annotated[
        list[VolumeMount], Field(max_length=64), Once(("name",)), Once(("path",))
    ] = []
    """The tenant's volumes inside it."""
    data: Annotated[list[DataSource], Field(max_length=8), Once(("path",))] = []
    """Data that is fetched before the IDE starts."""
    env: dict[EnvName, str] = Field(default={}, max_length=256)
    """Environment variables; not for secrets."""
    secrets: list[SecretUse] = Field(default=[], max_length=20)
    """Secrets of the namespace, as environment variables or as files."""
    image_pull_secrets: list[Name] = Field(default=[], max_length=20)
    """Secrets of the namespace with which images are pulled."""
    idle_after: Duration | None = None
    """How long nothing must happen in it until it stops (`30m`, `2h`); the Platform's when
    absent."""
    lifetime: Duration | None = None
    """How long it runs at the most; the Platform's `lifetimeMost` when absent."""
    stopped: bool = False
    """Whether nothing of it shall be but its home. `manor stop` and `manor open` write it."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.size is not None and self.resources is not None:
            raise Misplaced("size says the same; leave one out", "resources")
        own = dict.fromkeys(OWN, "the pod's own")
        check_paths(own, volumes=self.volumes, secrets=self.secrets, data=self.data)
        return self


class Workspace(Kind):
    """A notebook or IDE, which stops when nobody uses it, and whose home stays."""

    api_version: ApiVersion
    kind: Literal["Workspace"]
    metadata: WorkloadMetadata
    spec: WorkspaceSpec = WorkspaceSpec()

    @property
    def mounted(self) -> list[tuple[tuple[str | int, ...], str]]:
        """The volumes that it mounts beside its home, each with the field that says so."""
        return [(("volumes", i, "name"), v.name) for i, v in enumerate(self.spec.volumes)]

    @property
    def fetched(self) -> list[tuple[str | int, ...]]:
        """The fields whose files are fetched when its pod starts."""
        return fetched_data(self.spec.data)

    @property
    def keyed(self) -> list[Keyed]:
        """The Secrets that are to open stores."""
        return keyed("data", self.spec.data)

    @property
    def home(self) -> str:
        """Name of the PersistentVolumeClaim that is its home."""
        return f"{self.metadata.name}-home"

    def resources(self, platform: Platform) -> Resources:
        """What it asks for. LookupError where it names a size that the Platform does not have."""
        sizes = {size.name: size for size in platform.spec.workspaces.sizes}
        if self.spec.size is not None:
            return sizes[self.spec.size]
        return self.spec.resources or next(iter(sizes.values()), Resources())

    def idle_seconds(self, platform: Platform) -> int:
        """After how many seconds without use it stops."""
        return seconds(self.spec.idle_after or platform.spec.workspaces.idle_after)

    def lifetime_seconds(self, platform: Platform) -> int:
        """How many seconds it runs at the most."""
        return seconds(self.spec.lifetime or platform.spec.workspaces.lifetime_most)
