"""Runs from Python, in a script or a notebook: what `manor run` does, by the same functions.

from manor.client import Manor

with Manor("vision") as manor:
    job = manor.run("train.py", "--epochs", "3", gpu=1, memory="16Gi")
    for line in job.logs():
        print(line)
    job.wait()
"""

import asyncio
import tempfile
import threading
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Coroutine,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, Self, TypedDict, TypeVar, Unpack

from manor import jobs
from manor.engines import Phase
from manor.errors import ManorError
from manor.jobs import Copied, Ending
from manor.jobs.function import script_of
from manor.kube import Client
from manor.rollout import Standing, Trial

__all__ = [
    "Asked",
    "AsyncJob",
    "AsyncManor",
    "AsyncWorkspace",
    "Copied",
    "Ending",
    "Job",
    "Manor",
    "RunFailed",
    "Standing",
    "Trial",
    "Workspace",
]

T = TypeVar("T")
Code = str | Path | Callable[..., Any] | Sequence[str]
"""A Python script, a function, or a command of the image."""


class RunFailed(ManorError):
    """A run ended and did not succeed; `ending` says how."""

    def __init__(self, name: str, ending: Ending) -> None:
        super().__init__(f"{name} failed with exit code {ending.exit_code}: {ending.reason}")
        self.ending = ending


class Asked(TypedDict, total=False):
    """What a run may ask for, as the options of `manor run`; each is the TrainingJob's default
    where it is left out."""

    name: str
    """Name of the TrainingJob."""
    image: str
    """The Platform's training image where it is left out."""
    cpu: str
    """Cores of each worker."""
    memory: str
    """Bytes of each worker, such as 8Gi."""
    gpu: int
    """GPUs of each worker."""
    gpu_flavor: str
    """GPU flavor of the Platform."""
    workers: int
    """Pods that run at once."""
    processes: int
    """Processes that each worker is to start."""
    queue: str
    """Queue of the team."""
    env: Mapping[str, str]
    """Environment variables."""
    env_from: Sequence[str]
    """Secrets whose keys are environment variables."""
    volumes: Sequence[str]
    """Volumes of the team, each as NAME:/PATH or NAME:/PATH:ro."""
    data: Sequence[str]
    """Data that each worker finds, each as URI or URI:/PATH; at /data where there is no path."""
    outputs: Sequence[str]
    """Where what each worker writes is stored, each as URI or URI:/PATH; that of /out where there
    is no path."""
    connection: str
    """Secret by which data is fetched, and outputs are stored; see `manor connect`."""
    retries: int
    """How often a failed worker is started again."""
    timeout: int
    """Longest run in seconds."""
    schedule: str
    """When it runs, as a CronJob says it; once, and at once, where it is left out."""
    time_zone: str
    """Time zone of the schedule; UTC where it is left out."""
    sweep: Sequence[Mapping[str, object]]
    """Sets of parameters: each has a trial of its own, which finds them in its environment."""
    at_once: int
    """How many trials run at once, at most."""


class AsyncJob:
    """A run on the cluster."""

    def __init__(self, client: Client, name: str, namespace: str) -> None:
        self._client = client
        self.name = name
        self.namespace = namespace

    async def status(self) -> Standing:
        """How it stands, and why it is no further. NoSuchTarget where it is gone."""
        return await (await self._run()).standing()

    async def logs(self, worker: int = 0) -> AsyncGenerator[str, None]:
        """The lines of a worker's log as they come, until the run has ended; of a schedule its
        newest one, of a sweep those of a trial."""
        async with aclosing(jobs.follow(await self._run(), worker)) as lines:
            async for line in lines:
                yield line

    async def wait(self) -> Ending:
        """How it ended, once it has. RunFailed where it did not succeed."""
        ending = await jobs.wait(await self._run())
        if ending.phase is not Phase.COMPLETE:
            raise RunFailed(self.name, ending)
        return ending

    async def trials(self) -> tuple[Trial, ...]:
        """The trials of its sweep, in the order of its sets: how each stands, and its result."""
        return (await self.status()).trials

    async def cancel(self) -> None:
        """Stop it: it and its pods are deleted, of a schedule the run that goes on. RunError where
        it has ended."""
        await jobs.cancel(self._client, self.name, self.namespace)

    async def rerun(self, name: str = "") -> "AsyncJob":
        """Run it once more, of the same code, under the next name that is free."""
        made = await jobs.rerun(self._client, self.name, self.namespace, name)
        return AsyncJob(self._client, made.metadata.name, self.namespace)

    async def _run(self) -> jobs.Run:
        return await jobs.find(self._client, self.name, self.namespace)


class AsyncWorkspace:
    """A workspace on the cluster."""

    def __init__(self, client: Client, name: str, namespace: str) -> None:
        self._client = client
        self.name = name
        self.namespace = namespace

    async def status(self) -> Standing:
        """How it stands. NoSuchTarget where there is none of the name."""
        return await (await jobs.workspace(self._client, self.name, self.namespace)).standing()

    async def start(self) -> None:
        """Start it, unless it runs; returns once it answers. RunError."""
        await jobs.start(self._client, self.name, self.namespace)

    async def stop(self) -> None:
        """Stop it; its home stays. RunError."""
        await jobs.stop(self._client, self.name, self.namespace)


class AsyncManor:
    """A namespace of a team on a cluster, with the rights of the kubeconfig's user."""

    def __init__(self, client: Client, namespace: str) -> None:
        self._client = client
        self.namespace = namespace

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        namespace: str | None = None,
        *,
        context: str | None = None,
        kubeconfig: str | Path | None = None,
    ) -> AsyncIterator[Self]:
        """The namespace, or that of the kubeconfig's context. KubeconfigError."""
        path = Path(kubeconfig) if kubeconfig else None
        async with Client.connect(path, context) as client:
            yield cls(client, namespace or client.namespace)

    async def run(
        self,
        code: Code,
        *args: Any,
        folder: str | Path | None = None,
        code_volume: str = "",
        kwargs: Mapping[str, Any] | None = None,
        **asked: Unpack[Asked],
    ) -> AsyncJob:
        """Run a script with its folder, a function, or a command, with these arguments.

        Of a function its source alone goes along, and `args` and `kwargs` must be JSON. `folder`
        goes along instead of the script's own; `code_volume` takes it. Raises BadRequest,
        CodeError, CarryFailed, InvalidInput, RunError.
        """
        with tempfile.TemporaryDirectory() as place:
            if callable(code):
                script = Path(place) / f"{getattr(code, '__name__', 'function')}.py"
                script.write_text(script_of(code, args, kwargs), encoding="utf-8")
                command, source = [str(script)], jobs.Source(None, code_volume)
            else:
                first = [str(code)] if isinstance(code, str | Path) else list(code)
                command = [*first, *map(str, args)]
                source = jobs.Source(Path(folder) if folder else None, code_volume)
            request = jobs.Request(command, **asked)
            made = await jobs.submit(self._client, request, self.namespace, source)
        return self.job(made.metadata.name)

    def job(self, name: str) -> AsyncJob:
        """The run of a name; nothing is asked of the cluster yet."""
        return AsyncJob(self._client, name, self.namespace)

    def workspace(self, name: str) -> AsyncWorkspace:
        """The workspace of a name; nothing is asked of the cluster yet."""
        return AsyncWorkspace(self._client, name, self.namespace)

    async def copy(self, source: str | Path, target: str | Path) -> Copied:
        """Copy a file, or what is in a folder, onto a volume of the team (VOLUME:/PATH), or off it.
        CarryFailed."""
        return await jobs.copy(self._client, str(source), str(target), self.namespace)


class _Loop:
    """An event loop in a thread of its own: a notebook has one that runs already."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """What the work comes to; Ctrl-C cancels it."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except KeyboardInterrupt:
            future.cancel()
            raise

    def stop(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Job:
    """A run on the cluster; see AsyncJob, whose methods it has without `await`."""

    def __init__(self, job: AsyncJob, loop: _Loop) -> None:
        self._job = job
        self._loop = loop

    @property
    def name(self) -> str:
        """Name of the TrainingJob."""
        return self._job.name

    @property
    def namespace(self) -> str:
        """Where it is."""
        return self._job.namespace

    def status(self) -> Standing:
        """How it stands, and why it is no further. NoSuchTarget where it is gone."""
        return self._loop.do(self._job.status())

    def logs(self, worker: int = 0) -> Iterator[str]:
        """The lines of a worker's log as they come, until the run has ended; of a schedule its
        newest one, of a sweep those of a trial."""
        lines = self._job.logs(worker)

        async def following() -> str | None:
            return await anext(lines, None)

        try:
            while (line := self._loop.do(following())) is not None:
                yield line
        finally:
            self._loop.do(lines.aclose())

    def wait(self) -> Ending:
        """How it ended, once it has. RunFailed where it did not succeed."""
        return self._loop.do(self._job.wait())

    def trials(self) -> tuple[Trial, ...]:
        """The trials of its sweep, in the order of its sets: how each stands, and its result."""
        return self._loop.do(self._job.trials())

    def cancel(self) -> None:
        """Stop it: it and its pods are deleted, of a schedule the run that goes on. RunError where
        it has ended."""
        self._loop.do(self._job.cancel())

    def rerun(self, name: str = "") -> "Job":
        """Run it once more, of the same code, under the next name that is free."""
        return Job(self._loop.do(self._job.rerun(name)), self._loop)

    def __repr__(self) -> str:
        return f"Job({self.namespace}/{self.name})"


class Workspace:
    """A workspace on the cluster; see AsyncWorkspace, whose methods it has without `await`."""

    def __init__(self, workspace: AsyncWorkspace, loop: _Loop) -> None:
        self._workspace = workspace
        self._loop = loop

    @property
    def name(self) -> str:
        """Name of the Workspace."""
        return self._workspace.name

    @property
    def namespace(self) -> str:
        """Where it is."""
        return self._workspace.namespace

    def status(self) -> Standing:
        """How it stands. NoSuchTarget where there is none of the name."""
        return self._loop.do(self._workspace.status())

    def start(self) -> None:
        """Start it, unless it runs; returns once it answers. RunError."""
        self._loop.do(self._workspace.start())

    def stop(self) -> None:
        """Stop it; its home stays. RunError."""
        self._loop.do(self._workspace.stop())

    def __repr__(self) -> str:
        return f"Workspace({self.namespace}/{self.name})"


class Manor:
    """A namespace of a team on a cluster, with the rights of the kubeconfig's user; closed by
    `close`, or at the end of a `with` block. KubeconfigError."""

    def __init__(
        self,
        namespace: str | None = None,
        *,
        context: str | None = None,
        kubeconfig: str | Path | None = None,
    ) -> None:
        self._loop, self._stack = _Loop(), AsyncExitStack()
        connecting = AsyncManor.connect(namespace, context=context, kubeconfig=kubeconfig)
        try:
            self._manor = self._loop.do(self._stack.enter_async_context(connecting))
        except BaseException:
            self._loop.stop()
            raise

    @property
    def namespace(self) -> str:
        """Where its runs are."""
        return self._manor.namespace

    def run(
        self,
        code: Code,
        *args: Any,
        folder: str | Path | None = None,
        code_volume: str = "",
        kwargs: Mapping[str, Any] | None = None,
        **asked: Unpack[Asked],
    ) -> Job:
        """Run a script with its folder, a function, or a command; see AsyncManor.run."""
        return Job(
            self._loop.do(
                self._manor.run(
                    code, *args, folder=folder, code_volume=code_volume, kwargs=kwargs, **asked
                )
            ),
            self._loop,
        )

    def job(self, name: str) -> Job:
        """The run of a name; nothing is asked of the cluster yet."""
        return Job(self._manor.job(name), self._loop)

    def workspace(self, name: str) -> Workspace:
        """The workspace of a name; nothing is asked of the cluster yet."""
        return Workspace(self._manor.workspace(name), self._loop)

    def copy(self, source: str | Path, target: str | Path) -> Copied:
        """Copy a file, or what is in a folder, onto a volume of the team (VOLUME:/PATH), or off it.
        CarryFailed."""
        return self._loop.do(self._manor.copy(source, target))

    def close(self) -> None:
        """End the connection."""
        self._loop.do(self._stack.aclose())
        self._loop.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()
