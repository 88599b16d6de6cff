"""Pulumi programs run without Pulumi's engine: what they register is recorded, and can be made for
real."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, cast

import pulumi
from pulumi.runtime import config as pulumi_config
from pulumi.runtime import rpc
from pulumi.runtime.mocks import MockMonitor, MockResourceArgs, Mocks, set_mocks
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.settings import SETTINGS, set_root_resource
from pulumi.runtime.stack import run_pulumi_func
from pulumi.runtime.sync_await import _sync_await

SECRET = rpc._special_secret_sig


@dataclass(frozen=True)
class Registered:
    """What the engine would be asked for."""

    urn: str
    type: str
    name: str
    parent: str
    inputs: dict[str, Any]
    secrets: tuple[str, ...]
    provider: str
    depends_on: frozenset[str]
    deleted_with: str
    protect: bool
    retain: bool
    ignored: tuple[str, ...]
    timeout: str
    secret_outputs: tuple[str, ...]
    on_error: tuple[str, ...]


class DuplicateUrn(Exception):
    pass


class _NoCalls(Mocks):
    def call(self, args: Any) -> Any:
        answers = {"gcp:organizations/getProject:getProject": {"number": "123456789"}}
        return answers[args.token]

    def new_resource(self, args: MockResourceArgs) -> Any:
        raise AssertionError("the monitor answers")


def plain(value: Any) -> Any:
    """Inputs as a provider sees them: secrets unwrapped, whole numbers whole."""
    if isinstance(value, pulumi.Output):
        raise AssertionError("an Output among the inputs")
    if isinstance(value, Mapping):
        if value.get(rpc._special_sig_key) == SECRET:
            return plain(value["value"])
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _secret_keys(struct: Any) -> tuple[str, ...]:
    found = []
    for key, value in struct.fields.items():
        fields = value.struct_value.fields if value.HasField("struct_value") else {}
        if rpc._special_sig_key in fields and fields[rpc._special_sig_key].string_value == SECRET:
            found.append(key)
    return tuple(found)


Make = Callable[[str, str, dict[str, Any]], dict[str, Any]]


@dataclass
class Recorder(MockMonitor):
    """A monitor that records every registration; `make` answers with a resource's state (its inputs
    by default)."""

    make: Make = lambda type_, name, inputs: inputs
    registered: dict[str, Registered] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(_NoCalls())
        self._lock = threading.Lock()

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """As the engine has it: with the types of all parents but the stack."""
        qualified = parent.split("::")[2] if parent else ""
        whole = (
            f"{qualified}${type_}" if qualified and qualified != "pulumi:pulumi:Stack" else type_
        )
        return f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{whole}::{name}"

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the monitor's protocol
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == "pulumi:pulumi:Stack":
            return resource_pb2.RegisterResourceResponse(urn=urn)
        try:
            asyncio.get_event_loop()
        except RuntimeError:
            asyncio.set_event_loop(asyncio.new_event_loop())
        inputs = plain(rpc.deserialize_properties(request.object))
        entry = Registered(
            urn=urn,
            type=request.type,
            name=request.name,
            parent=request.parent,
            inputs=inputs,
            secrets=_secret_keys(request.object),
            provider=request.provider,
            depends_on=frozenset(request.dependencies),
            deleted_with=request.deletedWith,
            protect=request.protect,
            retain=request.retainOnDelete,
            ignored=tuple(request.ignoreChanges),
            timeout=request.customTimeouts.create,
            secret_outputs=tuple(request.additionalSecretOutputs),
            on_error=tuple(request.hooks.on_error),
        )
        with self._lock:
            if urn in self.registered:
                raise DuplicateUrn(urn)
            self.registered[urn] = entry
        state = self.make(request.type, request.name, inputs) if request.custom else {}
        return resource_pb2.RegisterResourceResponse(
            urn=urn,
            id=f"{request.name}-id",
            object=_sync_await(rpc.serialize_properties(state, {})),
        )

    def objects(self) -> dict[str, Registered]:
        """The Kubernetes objects by their logical names."""
        return {r.name: r for r in self.registered.values() if r.type.startswith("kubernetes:")}

    def of_type(self, type_: str) -> list[Registered]:
        return [r for r in self.registered.values() if r.type == type_]


def run(
    program: Callable[[], object],
    monitor: Recorder,
    *,
    project: str = "manor",
    stack: str = "test",
    config: Mapping[str, str] | None = None,
    preview: bool = False,
) -> dict[str, Any]:
    """Run a program to its end and return its stack outputs, secrets as `Output`s resolved to
    (value, is_secret)."""

    def inside() -> dict[str, Any]:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        set_root_resource(None)  # type: ignore[arg-type]
        SETTINGS.outputs.clear()
        set_mocks(_NoCalls(), project, stack, preview, monitor=monitor)
        pulumi_config.set_all_config(dict(config or {}))
        try:
            loop.run_until_complete(run_pulumi_func(cast(Callable[[], None], program)))
            exported = dict(getattr(pulumi.runtime.get_root_resource(), "outputs", {}))
            return {
                name: loop.run_until_complete(_resolved(value)) for name, value in exported.items()
            }
        finally:
            loop.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(inside).result()


async def _resolved(value: Any) -> tuple[Any, bool]:
    output = pulumi.Output.from_input(value)
    return await output.future(), await output.is_secret()
