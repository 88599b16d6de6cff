"""TrainingJob and Model: what a data scientist runs in a tenant's namespace, beside a Workspace."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, PrivateAttr, model_validator
from pydantic.alias_generators import to_camel

from manor.api.meta import (
    DNS_LABEL,
    IMAGE,
    ApiVersion,
    EnvName,
    Host,
    Image,
    Kind,
    Misplaced,
    Name,
    NamespacedMetadata,
    Once,
    Spec,
    cel,
)
from manor.api.quantity import Bytes, Cores, Duration, seconds
from manor.api.schedule import CronSchedule, TimeZone
from manor.api.wellknown import GROUP

WORKLOAD_NAME_LIMIT = 50
"""Longest workload name, in characters: a pod of an indexed Job is named `<job>-<index>`, a label
of at most 63."""

APP_PATH = "/app"
"""Where a TrainingJob's files are, and where its command begins."""

DATA_PATH = "/data"
"""Where data is that says no path."""
OUTPUT_PATH = "/out"
"""Where outputs are written that say no path."""

FILES_LIMIT = 1_000_000
"""Most bytes of a TrainingJob's files: a ConfigMap holds 1 MiB."""
FILES_MOST = 200
"""Most files of a TrainingJob."""

KEYS_MOST = 64
"""Most keys of a Model: all are part of its proxy's configuration."""
LIMITS_MOST = 12
"""Most different limits of a Model's keys: Envoy Gateway takes 16 rules, and one counts 16 keys."""

_LIMITS = "self.keys.filter(k, has(k.requestsPerMinute)).map(k, k.requestsPerMinute)"
_DAY = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
_SEGMENT = r"\.?[-_a-zA-Z0-9]+(\.[-_a-zA-Z0-9]+)*"
FilePath = Annotated[str, Field(pattern=rf"^{_SEGMENT}(/{_SEGMENT}){{0,15}}$", max_length=230)]
"""A file or folder below another; a ConfigMap's key once each slash is two dots."""


def _shown(pattern: str) -> Any:
    return Field(max_length=512, json_schema_extra={"pattern": f"^{pattern}$"})


def _written(pattern: str, *forms: str) -> AfterValidator:
    """Of a URI that is none, what may be written is told, and not the pattern."""

    def fits(uri: str) -> str:
        if re.fullmatch(pattern, uri):
            return uri
        raise ValueError(f"{uri!r} is none of what this takes: {', '.join(forms)}")

    return AfterValidator(fits)


_BUCKETS = ("s3://<bucket>/…", "gs://<bucket>/…")
_REMOTE = (*_BUCKETS, "https://…", "hf://<repository>", "oci://<image>")
_VOLUME = "pvc://<volume>/…"
_STORED = rf"(((pvc|s3|gs|https|hf)://|models:/)[!-~]+|oci://{IMAGE})"
_FETCHED = rf"((s3|gs|https|hf)://[!-~]+|oci://{IMAGE})"
_PLACE = "://[a-zA-Z0-9][-._a-zA-Z0-9]*(/[!-~]*)?"
_OUTPUT, _LOGGED = f"(s3|gs){_PLACE}", f"(pvc|s3|gs){_PLACE}"
StorageUri = Annotated[
    str,
    _shown(_STORED),
    _written(_STORED, _VOLUME, "models:/<name>/<version>", *_REMOTE),
]
DataUri = Annotated[str, _shown(_FETCHED), _written(_FETCHED, *_REMOTE)]
"""Where data is, beside the team's volumes."""
OutputUri = Annotated[str, _shown(_OUTPUT), _written(_OUTPUT, *_BUCKETS)]
"""Where outputs are stored, beside the team's volumes."""
RequestLogUri = Annotated[str, _shown(_LOGGED), _written(_LOGGED, _VOLUME, *_BUCKETS)]
"""Where a model's requests are kept."""

_NO_PROGRAM = "the first word is the program, and it is empty"


def _starts(command: list[str]) -> list[str]:
    if command and not command[0]:
        raise ValueError(_NO_PROGRAM)
    return command


Command = Annotated[
    list[str],
    Field(
        max_length=1024,
        json_schema_extra=cel(("self.size() == 0 || self[0] != ''", _NO_PROGRAM)),
    ),
    AfterValidator(_starts),
]
"""A command and its arguments."""

RequestsPerMinute = Annotated[int, Field(ge=1, le=1_000_000)]
TokensPerMinute = Annotated[int, Field(ge=1, le=1_000_000_000)]


FETCHED = ("s3", "gs", "https", "hf")
"""The schemes of the URIs whose files are fetched when a pod starts, and not mounted."""


def is_fetched(uri: str) -> bool:
    """Whether the files of a URI are fetched when a pod starts, and not mounted."""
    return scheme_of(uri) in FETCHED


def scheme_of(uri: str) -> str:
    """What a URI begins with."""
    return uri.partition("://")[0]


def connection_type(scheme: str) -> str:
    """The type of the Secret that is a team's connection to the stores of a scheme."""
    return f"{GROUP}/{scheme}"


Keyed = tuple[tuple[str | int, ...], str, str]
"""A field that names a Secret, that Secret, and the URI that it is to open."""


class WorkloadMetadata(NamespacedMetadata):
    """The metadata of a workload."""

    name: Annotated[str, Field(pattern=DNS_LABEL, min_length=1, max_length=WORKLOAD_NAME_LIMIT)]
    """Name of the workload, at most 50 characters."""


class Resources(Spec):
    """What one pod asks for; also its limit for memory and GPUs."""

    cpu: Cores = "500m"
    """CPU request, in cores."""
    memory: Bytes = "1Gi"
    """Memory request and limit, in bytes."""
    gpu: int = Field(default=0, ge=0, le=10_000)
    """GPUs, in whole pieces."""
    gpu_flavor: Name | None = None
    """GPU flavor of the Platform whose nodes it runs on; any of the tenant's when absent."""


class VolumeMount(Spec):
    """A volume of the tenant inside the job's pods."""

    name: Name
    """Name of the PersistentVolumeClaim."""
    path: str = Field(pattern=r"^(/[^/:\p{Cc}]+)+$", max_length=253)
    """Where the pods see it."""
    read_only: bool = False
    """Whether the pods may only read it."""


class CodeFolder(Spec):
    """A folder of a volume of the tenant."""

    volume: Name
    """Name of the PersistentVolumeClaim."""
    path: FilePath
    """The folder on it."""


class DataSource(Spec):
    """Data that each pod of a job finds when its command begins."""

    uri: DataUri
    """Where it is: `s3://<bucket>/<prefix>`, `gs://…`, `https://…` (a file, or an archive that is
    unpacked), `hf://<repository>`, or `oci://<image>`."""
    path: str = Field(default=DATA_PATH, pattern=r"^(/[^/:\p{Cc}]+)+$", max_length=253)
    """Folder where the pods find it, read-only. What is fetched lies on the node's disk while the
    pod lives, and counts as its ephemeral storage."""
    secret: Name | None = None
    """Secret of the namespace whose keys are the environment of what fetches, such as `manor
    connect` makes; nothing for public data."""


def fetched_data(sources: Sequence[DataSource]) -> list[tuple[str | int, ...]]:
    """The fields, below `data`, whose files are fetched when a pod starts."""
    return [("data", i, "uri") for i, source in enumerate(sources) if is_fetched(source.uri)]


def keyed(field: str, places: Iterable["DataSource | Output"]) -> list[Keyed]:
    """The Secrets by which data is fetched, or outputs are stored, at `field`."""
    return [
        ((field, i, "secret"), place.secret, place.uri)
        for i, place in enumerate(places)
        if place.secret
    ]


class Output(Spec):
    """What a job's command writes that is stored once the command has ended well."""

    uri: OutputUri
    """Where it is stored: `s3://<bucket>/<prefix>` or `gs://…`. With several workers, or trials,
    that of each is below its index, and of a schedule that of each run below the run's name."""
    path: str = Field(default=OUTPUT_PATH, pattern=r"^(/[^/:\p{Cc}]+)+$", max_length=253)
    """Folder where the command writes it. It lies on the node's disk until it is stored, and counts
    as the pod's ephemeral storage."""
    secret: Name | None = None
    """Secret of the namespace whose keys are the environment of what stores, such as `manor
    connect` makes; nothing where the pod is itself to the cloud."""


OWN = ["/tmp", "/dev/shm"]  # noqa: S108 - the pod's own
"""Paths at which every pod has something."""


def check_paths(
    own: Mapping[str, str], **lists: Sequence["VolumeMount | SecretUse | DataSource | Output"]
) -> None:
    """Refuses two things at one path of a pod; `own` says whose the path of others is."""
    taken = dict(own)
    for field, places in lists.items():
        for index, place in enumerate(places):
            if place.path is None:
                continue
            if whose := taken.get(place.path):
                message = f"{place.path} is {whose}; choose another path"
                raise Misplaced(message, field, index, "path")
            taken[place.path] = f"that of {field}[{index}]"


_DATA_AT = f"(has(d.path) ? d.path : '{DATA_PATH}')"
_OUTPUT_AT = f"(has(o.path) ? o.path : '{OUTPUT_PATH}')"


def data_rule(*own: str) -> str:
    """CEL: no data is at one of the pod's `own` paths, or where a volume is."""
    return f"!has(self.data) || self.data.all(d, {_free(_DATA_AT, own)})"


def output_rule(*own: str) -> str:
    """CEL: no output is at one of the pod's `own` paths, or where a volume or data is."""
    clear = f"(!has(self.data) || self.data.all(d, {_DATA_AT} != {_OUTPUT_AT}))"
    return f"!has(self.outputs) || self.outputs.all(o, {_free(_OUTPUT_AT, own)} && {clear})"


ELSEWHERE = (
    "a Secret cannot be where the pod, a volume or another Secret has something; choose another "
    "path"
)
_HAS_CODE = "(has(self.code) || (has(self.files) && self.files.size() > 0))"


def secret_rule(*own: str) -> str:
    """CEL: no Secret is at one of the pod's `own` paths, or where a volume or another Secret is."""
    once = "self.secrets.exists_one(x, has(x.path) && x.path == s.path)"
    return (
        f"!has(self.secrets) || self.secrets.all(s, !has(s.path) || (!(s.path in {list(own)}) "
        f"&& {_no_volume('s.path')} && {once}))"
    )


def _free(path: str, own: Sequence[str]) -> str:
    secrets = f"(!has(self.secrets) || self.secrets.all(s, !has(s.path) || s.path != {path}))"
    return f"!({path} in {list(own)}) && {_no_volume(path)} && {secrets}"


def _no_volume(path: str) -> str:
    return f"(!has(self.volumes) || self.volumes.all(v, v.path != {path}))"


class SecretUse(Spec):
    """A Secret of the namespace inside the job's pods."""

    name: Name
    """Name of the Secret."""
    path: str | None = Field(default=None, pattern=r"^(/[^/:\p{Cc}]+)+$", max_length=253)
    """Folder where the pods see its keys as files; they are environment variables when absent."""


OF_A_SCHEDULE = (
    "time_zone",
    "concurrency_policy",
    "suspend",
    "successful_jobs_history_limit",
    "failed_jobs_history_limit",
)
"""Fields of a TrainingJob that are said of its schedule."""


SETS_MOST = 100
"""Most sets of a sweep: each trial has its line in the job's status."""
PARAMETERS_LIMIT = 16_384
"""Most characters of all sets: they are one variable of the pods, and Linux bounds those."""
Parameters = Annotated[
    dict[EnvName, Annotated[str, Field(max_length=1024)]], Field(min_length=1, max_length=16)
]


class Sweep(Spec):
    """The same command with several sets of parameters, each a trial."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "self.parameters.map(one, one.map(name, name.size() + one[name].size()).sum())"
                f".sum() <= {PARAMETERS_LIMIT}",
                f"the parameters are longer than {PARAMETERS_LIMIT} characters together",
            )
        )
    )

    parameters: list[Parameters] = Field(min_length=1, max_length=SETS_MOST)
    """The sets: each trial finds the values of its own as environment variables. What it writes to
    /dev/termination-log is its result."""
    at_once: int = Field(default=1, ge=1, le=SETS_MOST)
    """How many trials run at once, at most."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        size = sum(len(name) + len(value) for one in self.parameters for name, value in one.items())
        if size > PARAMETERS_LIMIT:
            message = f"{size} characters together; {PARAMETERS_LIMIT} at most"
            raise Misplaced(message, "parameters")
        return self


class TrainingJobSpec(Spec):
    """What to run, how many times, on what."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                (
                    f"!has(self.files) || self.files.map(name, self.files[name].size()).sum() <= "
                    f"{FILES_LIMIT}"
                ),
                f"the files are larger than {FILES_LIMIT} bytes together; put them on a volume",
            ),
            (
                "!has(self.files) || self.files.all(a, "
                "!self.files.exists(b, b.startsWith(a + '/')))",
                "one of the files is the folder of another",
            ),
            (
                f"!has(self.volumes) || self.volumes.all(v, !(v.path in {OWN})"
                f" && (v.path != '{APP_PATH}' || !has(self.code)"
                " && (!has(self.files) || self.files.size() == 0)))",
                f"the path is the pod's own, as {APP_PATH} is with files or code; choose another",
            ),
            (
                data_rule(*OWN, APP_PATH),
                "data cannot be where the pod, a volume or a Secret has something, nor at "
                f"{APP_PATH}; choose another path",
            ),
            (
                secret_rule(*OWN),
                ELSEWHERE,
            ),
            (
                f"!{_HAS_CODE} || !has(self.secrets) "
                f"|| self.secrets.all(s, !has(s.path) || s.path != '{APP_PATH}')",
                f"a Secret cannot be at {APP_PATH}, with files or code; choose another path",
            ),
            (
                output_rule(*OWN, APP_PATH),
                "outputs cannot be where the pod, a volume, a Secret or data has something, nor at "
                f"{APP_PATH}; choose another path",
            ),
            (
                "!has(self.code) || !has(self.files) || self.files.size() == 0",
                f"files and code would both be {APP_PATH}; leave one out",
            ),
            (
                "has(self.schedule) || !("
                + " || ".join(f"has(self.{to_camel(field)})" for field in OF_A_SCHEDULE)
                + ")",
                "what is said of a schedule needs one; add schedule",
            ),
            (
                "!has(self.sweep) || !has(self.workers) || self.workers == 1",
                "each trial of a sweep is one worker; leave workers out",
            ),
        )
    )

    image: Image | None = None
    """Image; the Platform's training image when absent."""
    command: Command = Field(min_length=1)
    """Command and arguments, not run through a shell."""
    files: dict[FilePath, Annotated[str, Field(max_length=FILES_LIMIT)]] = Field(
        default={}, max_length=FILES_MOST
    )
    """Small text files (path: content) that the command finds under /app, the working directory."""
    code: CodeFolder | None = None
    """A folder of a volume that the command finds, read-only, as /app, the working directory;
    `manor run` puts code there that is too large for `files`."""
    env: dict[EnvName, str] = Field(default={}, max_length=256)
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
    shared_memory: Bytes | None = None
    """Size of /dev/shm, which counts against the memory; as large as that when absent."""
    queue: Name | None = None
    """Queue of the tenant that admits the job, where a queue system is on; its first one for GPUs,
    none otherwise."""
    volumes: Annotated[
        list[VolumeMount], Field(max_length=64), Once(("name",)), Once(("path",))
    ] = []
    """The tenant's volumes inside the workers."""
    data: Annotated[list[DataSource], Field(max_length=8), Once(("path",))] = []
    """Data that is fetched into each worker before its command begins."""
    outputs: Annotated[list[Output], Field(max_length=8), Once(("path",))] = []
    """What each worker's command writes that is stored once it has ended well; the image's python3
    starts the command. A worker whose outputs cannot be stored has failed."""
    retries: int = Field(default=3, ge=0, le=100)
    """How often a worker that failed is started again before the job fails. Of several, those
    that fail because one is lost start again with it, which is one restart of each."""
    timeout_seconds: int | None = Field(default=None, ge=1, le=2**31 - 1)
    """Longest run in seconds; the job fails after that."""
    ttl_seconds_after_finished: int | None = Field(default=None, ge=0)
    """Seconds after its end when the job and its pods are removed; they stay when absent. A spec
    that is applied again after that runs again."""
    schedule: CronSchedule | None = None
    """When it runs, again and again, as a CronJob says it: minute, hour, day of the month, month
    and day of the week, such as `0 3 * * *`, or `@daily`. It runs once, at once, when absent."""
    time_zone: TimeZone | None = None
    """Time zone of the schedule, such as Europe/Berlin; UTC when absent."""
    concurrency_policy: Literal["Allow", "Forbid", "Replace"] | None = None
    """What becomes of a run that is due while the last one goes on: it is left out (`Forbid`, also
    when absent), takes its place (`Replace`), or runs beside it (`Allow`)."""
    suspend: bool | None = None
    """Whether no run of the schedule begins; what runs goes on."""
    successful_jobs_history_limit: int | None = Field(default=None, ge=1, le=100)
    """How many runs of the schedule that succeeded are kept, with their logs; 3 when absent."""
    failed_jobs_history_limit: int | None = Field(default=None, ge=1, le=100)
    """How many runs of the schedule that failed are kept, with their logs; 1 when absent."""
    sweep: Sweep | None = None
    """Runs the command once for each set of parameters, by the image's python3; `retries` counts
    for each, and one that fails stops no other."""

    @property
    def has_code(self) -> bool:
        """Whether something is under /app, which is the working directory then."""
        return bool(self.files or self.code)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (size := sum(len(text.encode()) for text in self.files.values())) > FILES_LIMIT:
            raise Misplaced(
                f"{size} bytes together; {FILES_LIMIT} at most: put larger ones on a volume",
                "files",
            )
        for path in self.files:
            if folders := [
                str(above) for above in PurePosixPath(path).parents if str(above) in self.files
            ]:
                raise Misplaced(f"{folders[0]} is a file, and the folder of {path}", "files")
        if self.code and self.files:
            raise Misplaced(f"files and code would both be {APP_PATH}; leave one out", "code")
        own = dict.fromkeys(OWN, "the pod's own")
        code = {APP_PATH: "the code's"}
        # Without files and code a volume may be there: data and outputs belong elsewhere.
        volumes, secrets, data, outputs = self.volumes, self.secrets, self.data, self.outputs
        check_paths(own | (code if self.has_code else {}), volumes=volumes, secrets=secrets)
        check_paths(code, data=data, outputs=outputs)
        check_paths(own, volumes=volumes, secrets=secrets, data=data, outputs=outputs)
        return self

    @model_validator(mode="after")
    def _check_runs(self) -> Self:
        if self.schedule is None:
            for field in OF_A_SCHEDULE:
                if getattr(self, field) is not None:
                    raise Misplaced("it is said of a schedule; add schedule", to_camel(field))
        if self.sweep and self.workers > 1:
            raise Misplaced("each trial of a sweep is one worker; leave it out", "workers")
        return self


class TrainingJob(Kind):
    """A run of training code to completion."""

    api_version: ApiVersion
    kind: Literal["TrainingJob"]
    metadata: WorkloadMetadata
    spec: TrainingJobSpec

    @property
    def mounted(self) -> list[tuple[tuple[str | int, ...], str]]:
        """The volumes that it mounts, each with the field that says so."""
        code = self.spec.code
        return [
            *([(("code", "volume"), code.volume)] if code else []),
            *((("volumes", i, "name"), volume.name) for i, volume in enumerate(self.spec.volumes)),
        ]

    @property
    def fetched(self) -> list[tuple[str | int, ...]]:
        """The fields whose files the Platform's image fetches when a pod starts, or stores when it
        ends."""
        outputs = [("outputs", i, "uri") for i in range(len(self.spec.outputs))]
        return [*fetched_data(self.spec.data), *outputs]

    @property
    def keyed(self) -> list[Keyed]:
        """The Secrets that are to open stores."""
        return [*keyed("data", self.spec.data), *keyed("outputs", self.spec.outputs)]


class Autoscaling(Spec):
    """Replicas by use."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "!has(self.cpuPercent) || !has(self.concurrency)",
                "cpuPercent and concurrency each say when a replica is added; leave one out",
            ),
        )
    )

    max_replicas: int = Field(ge=1, le=1000)
    """Most replicas; `replicas` is the least while it is asked."""
    cpu_percent: int | None = Field(default=None, ge=1, le=100)
    """Average CPU use of the request, in percent, that adds a replica (HorizontalPodAutoscaler); 80
    when absent, and nothing where there is `concurrency`."""
    concurrency: int | None = Field(default=None, ge=1, le=10_000)
    """Requests through the gateway that a replica shall have at once, on average; more add one."""
    idle_after: Duration | None = None
    """After how long without a request through the gateway it has no replica at all (`30m`). The
    next request waits at the gateway until one is there. It keeps `replicas` when absent."""

    @property
    def by_cpu(self) -> int | None:
        """The CPU use that adds a replica, where it is that."""
        return None if self.concurrency else self.cpu_percent or 80

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.cpu_percent and self.concurrency:
            raise Misplaced("concurrency says when a replica is added; leave one out", "cpuPercent")
        return self


class Analysis(Spec):
    """How a canary is judged by what its team's proxy sees of it, and what follows by itself."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "!has(self.steps) || self.steps.isSorted()",
                "each step is a larger share than the one before",
            ),
        )
    )

    steps: list[Annotated[int, Field(ge=1, le=100)]] = Field(
        default=[10, 50], min_length=1, max_length=10
    )
    """Shares of requests, in percent, that become its `weight` one after the other, the first once
    it answers. After the last it takes the model's place."""
    interval: Duration = "5m"
    """How long each share is looked at."""
    min_requests: int = Field(default=20, ge=1, le=1_000_000)
    """Requests that it must have answered until a share is judged."""
    max_error_percent: int = Field(default=1, ge=0, le=100)
    """Most of them, in percent, that may fail (5xx, or no answer), unless as many of the model's
    own do."""
    max_p99_milliseconds: int | None = Field(default=None, ge=1, le=3_600_000)
    """Within which 99 of a hundred must be answered; any time does when absent."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.steps != sorted(self.steps):
            raise Misplaced("each step is a larger share than the one before", "steps")
        return self


class Canary(Spec):
    """A second version that gets a part of the traffic."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            ("has(self.weight) || has(self.analysis)", "weight is missing"),
            (
                "!has(self.analysis) || !has(self.shadow) || !self.shadow",
                "a shadow's answers go to nobody, and are not judged; leave analysis out",
            ),
        )
    )

    storage_uri: StorageUri
    """Where its files are."""
    weight: int = Field(default=0, ge=0, le=100)
    """Share of requests it gets, in percent; with an analysis, that writes it."""
    shadow: bool = False
    """Whether it gets copies of these requests, and what it answers goes to nobody: the model
    answers all of them."""
    analysis: Analysis | None = None
    """Judges it, raises its share step by step, and makes it the model or takes it away, by itself;
    nothing changes by itself when absent."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.analysis is None and "weight" not in self.model_fields_set:
            raise Misplaced("this field is required without an analysis; add it", "weight")
        if self.analysis and self.shadow:
            message = "a shadow's answers go to nobody, and are not judged; leave it out"
            raise Misplaced(message, "analysis")
        return self

    @property
    def answers(self) -> int:
        """Share of requests that it answers, in percent."""
        return 0 if self.shadow else self.weight


class Server(Spec):
    """A server of one's own: an image that answers HTTP as a user other than root."""

    command: Command = []
    """What is run in place of the image's entry point, not through a shell. `$(MODEL_PATH)` is
    where the model's files are."""
    args: list[str] = Field(default=[], max_length=1024)
    """Arguments in place of the image's own."""
    port: int = Field(default=8080, ge=1, le=65535)
    """Port on which it answers."""
    ready: str = Field(default="/", pattern=r"^/[!-~]*$", max_length=1024)
    """Path that it answers well (200 to 399) once it can serve."""


class ModelKey(Spec):
    """The public half of a key, by which the gateway knows requests that bear it."""

    name: Name
    """Its name, of which the model's server is told."""
    public_key: str = Field(pattern=r"^[-_A-Za-z0-9]{43}$")
    """An Ed25519 public key: its 32 bytes in base64url."""
    expires: Annotated[str, Field(pattern=rf"^{_DAY}T{_TIME}Z$")] | None = None
    """Until when the key holds, as the key itself says; it does not end when absent."""
    requests_per_minute: RequestsPerMinute | None = None
    """How many requests it may make; the Model's `requestsPerMinute` when absent."""
    tokens_per_minute: TokensPerMinute | None = None
    """How many tokens it may use; the Model's `tokensPerMinute` when absent."""


class Access(Spec):
    """Who may ask a model through the gateway, and how often."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            *(
                (
                    f"!has(self.{field}) || !has(self.mode) || self.mode != 'public'",
                    f"{field} is of each key, and a public model has none",
                )
                for field in ("requestsPerMinute", "tokensPerMinute")
            ),
            (
                f"!has(self.keys) || [{_LIMITS}].all(own, own.transformList(i, one, "
                "own.indexOf(one) == i, one).size() + "
                f"(has(self.requestsPerMinute) ? 1 : 0) <= {LIMITS_MOST})",
                f"more than {LIMITS_MOST} different limits",
            ),
        )
    )

    mode: Literal["keys", "public"] = "keys"
    """`keys`: who bears one of its keys. `public`: whoever reaches the gateway."""
    keys: Annotated[
        list[ModelKey],
        Field(
            max_length=KEYS_MOST,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
            },
        ),
        Once(("name",)),
    ] = []
    """The keys that open it; nobody may ask it while there is none. `manor keys` makes them, in the
    Model on the cluster; a file need not name them."""
    requests_per_minute: RequestsPerMinute | None = None
    """How many requests each key may make that says no other number; any when absent. The proxy
    answers what is more with 429."""
    tokens_per_minute: TokensPerMinute | None = None
    """How many tokens, asked and answered, each key may use that says no other number; any when
    absent. Of format `custom` alone, whose server tells them as OpenAI's (`total_tokens`)."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        usual, own = self.requests_per_minute, {key.requests_per_minute for key in self.keys}
        for field, of_each in (
            ("requestsPerMinute", usual),
            ("tokensPerMinute", self.tokens_per_minute),
        ):
            if self.mode == "public" and of_each is not None:
                message = "it is of each key, and a public model has none; remove it"
                raise Misplaced(message, field)
        if len(own - {None}) + (usual is not None) > LIMITS_MOST:
            raise Misplaced(f"more than {LIMITS_MOST} different limits", "keys")
        return self

    @property
    def counts_tokens(self) -> list[tuple[str | int, ...]]:
        """The fields that bound tokens."""
        usual = [("tokensPerMinute",)] if self.tokens_per_minute else []
        own = (place for place, key in enumerate(self.keys) if key.tokens_per_minute)
        return [*usual, *(("keys", place, "tokensPerMinute") for place in own)]


class RequestLog(Spec):
    """Where the requests of a model are kept, with its answers."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "!has(self.secret) || !self.uri.startsWith('pvc://')",
                "a volume is mounted, and takes no secret",
            )
        )
    )

    uri: RequestLogUri
    """Where they are stored: `pvc://<claim>/<folder>`, `s3://<bucket>/<prefix>` or `gs://…`, in a
    folder for each day."""
    secret: Name | None = None
    """Secret of the namespace whose keys are the environment of what stores, such as `manor
    connect` makes; nothing where the pod is itself to the cloud."""
    sample_percent: int = Field(default=100, ge=1, le=100)
    """Share of the requests that is kept, in percent."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.secret and self.claim:
            raise Misplaced("a volume is mounted, and takes no secret; remove it", "secret")
        return self

    @property
    def claim(self) -> str:
        """The volume that they are stored on; empty where they are in a bucket."""
        scheme, _, place = self.uri.partition("://")
        return place.partition("/")[0] if scheme == "pvc" else ""


class ModelSpec(Spec):
    """Which model, from where, how many."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            ("has(self.storageUri) || self.format == 'custom'", "storageUri is missing"),
            ("has(self.image) || self.format != 'custom'", "format custom needs an image"),
            ("!has(self.server) || self.format == 'custom'", "server is for format custom alone"),
            (
                "self.format == 'custom' || !has(self.access) || !has(self.access.tokensPerMinute) "
                "&& (!has(self.access.keys) || self.access.keys.all(k, !has(k.tokensPerMinute)))",
                "access.tokensPerMinute is for format custom alone",
            ),
            (
                (
                    "!has(self.autoscaling) || !has(self.replicas) || self.autoscaling.maxReplicas "
                    ">= self.replicas"
                ),
                "autoscaling.maxReplicas is less than replicas",
            ),
        )
    )

    format: Literal["custom", "huggingface", "lightgbm", "mlflow", "sklearn", "xgboost"]
    """Model format; decides MLServer's runtime. `custom` is any image that answers HTTP."""
    storage_uri: StorageUri | None = None
    """Where the model's files are: `pvc://<claim>/<path>`, `oci://<image>`, or
    `models:/<name>/<version>` of the team's MLflow; `s3://…`, `gs://…`, `https://…` and
    `hf://<repository>` are fetched when a replica starts. A custom image may hold them itself."""
    storage_secret: Name | None = None
    """Secret of the namespace with which the files are fetched, the canary's too, such as `manor
    connect` makes."""
    image: Image | None = None
    """Serving image; the Platform's for the format when absent."""
    env: dict[EnvName, str] = Field(default={}, max_length=256)
    """Environment variables of the server; not for secrets."""
    server: Server | None = None
    """How the image of format custom is run and asked."""
    replicas: int = Field(default=1, ge=1, le=1000)
    """Replicas, or the fewest when autoscaling."""
    autoscaling: Autoscaling | None = None
    """Add replicas under load; fixed when absent."""
    canary: Canary | None = None
    """A second version for a part of the traffic."""
    resources: Resources = Resources()
    """What each replica asks for."""
    host: Host | None = None
    """Which of the tenant's host names serves it; the first one when absent."""
    access: Access = Access()
    """Who may ask it through the gateway; who has a key, when absent."""
    request_log: RequestLog | None = None
    """Keep what it is asked and answers; nothing is kept when absent."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        custom = self.format == "custom"
        if self.storage_uri is None and not custom:
            raise Misplaced("this field is required; add it", "storageUri")
        if self.image is None and custom:
            raise Misplaced("this field is required with format custom; add it", "image")
        if self.server is not None and not custom:
            raise Misplaced(f"{self.format} has a server of its own; remove it", "server")
        if not custom and (fields := self.access.counts_tokens):
            message = f"a server of {self.format} does not tell its tokens; remove it"
            raise Misplaced(message, "access", *fields[0])
        if self.autoscaling is not None and self.autoscaling.max_replicas < self.replicas:
            raise ValueError("autoscaling.maxReplicas is less than replicas")
        return self


class Model(Kind):
    """A model behind the Open Inference Protocol, or behind one of its own."""

    api_version: ApiVersion
    kind: Literal["Model"]
    metadata: WorkloadMetadata
    spec: ModelSpec
    _stored: tuple[ModelKey, ...] = PrivateAttr(())

    def with_stored(self, keys: Iterable[ModelKey]) -> "Model":
        """The same model, to which the cluster's own has these keys besides; no file says so."""
        if self._stored == (stored := tuple(keys)):
            return self
        model = Model.model_construct(self.model_fields_set, **dict(self))
        model._stored = stored
        return model

    @property
    def open_to(self) -> list[ModelKey]:
        """The keys that open it: the spec's, and those of other names that the cluster keeps."""
        named = {key.name for key in self.spec.access.keys}
        return [*self.spec.access.keys, *(key for key in self._stored if key.name not in named)]

    @property
    def limits(self) -> dict[str, int]:
        """How many requests a minute its keys may make, by the names of those that are bounded."""
        return self._bounded(lambda one: one.requests_per_minute)

    @property
    def token_limits(self) -> dict[str, int]:
        """How many tokens a minute its keys may use, by the names of those that are bounded."""
        return self._bounded(lambda one: one.tokens_per_minute)

    def _bounded(self, limit: Callable[[Access | ModelKey], int | None]) -> dict[str, int]:
        usual = limit(self.spec.access)
        found = {key.name: limit(key) or usual for key in self.open_to}
        return {name: most for name, most in found.items() if most}

    @property
    def by_requests(self) -> list[tuple[str | int, ...]]:
        """The fields of its spec that follow what it is asked: the operator sees to them."""
        scaling, canary = self.spec.autoscaling, self.spec.canary
        fields: dict[tuple[str | int, ...], object] = {}
        if scaling:
            fields["autoscaling", "concurrency"] = scaling.concurrency
            fields["autoscaling", "idleAfter"] = scaling.idle_after
        if canary:
            fields["canary", "analysis"] = canary.analysis
        return [field for field, value in fields.items() if value is not None]

    @property
    def idle_seconds(self) -> int | None:
        """After how many seconds without a request it has no replica; None where it always has
        one."""
        scaling = self.spec.autoscaling
        return seconds(scaling.idle_after) if scaling and scaling.idle_after else None

    @property
    def public(self) -> bool:
        """Whether whoever reaches the gateway may ask it."""
        return self.spec.access.mode == "public"

    @property
    def custom(self) -> bool:
        """Whether it brings a server of its own, with a protocol of its own."""
        return self.spec.format == "custom"

    @property
    def mounted(self) -> list[tuple[tuple[str | int, ...], str]]:
        """The volumes that it mounts, each with the field that says so."""
        found: list[tuple[tuple[str | int, ...], str]] = [
            (path, uri.removeprefix("pvc://").partition("/")[0])
            for path, uri in self.uris.items()
            if uri.startswith("pvc://")
        ]
        log = self.spec.request_log
        return [*found, (("requestLog", "uri"), log.claim)] if log and log.claim else found

    @property
    def uris(self) -> dict[tuple[str | int, ...], str]:
        """Its storage URIs, by the field of its spec that says each."""
        spec = self.spec
        found: dict[tuple[str | int, ...], str] = {}
        if spec.storage_uri:
            found["storageUri",] = spec.storage_uri
        if spec.canary:
            found["canary", "storageUri"] = spec.canary.storage_uri
        return found

    @property
    def fetched(self) -> list[tuple[str | int, ...]]:
        """The fields whose files are fetched when a pod starts."""
        return [path for path, uri in self.uris.items() if is_fetched(uri)]

    @property
    def keyed(self) -> list[Keyed]:
        """The Secrets that are to open stores, with each URI that they are for."""
        secret, log = self.spec.storage_secret, self.spec.request_log
        uris = [uri for uri in self.uris.values() if is_fetched(uri)] if secret else []
        found: list[Keyed] = [(("storageSecret",), str(secret), uri) for uri in uris]
        return (
            [*found, (("requestLog", "secret"), log.secret, log.uri)]
            if log and log.secret
            else found
        )
