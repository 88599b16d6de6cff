"""What a worker's command writes, stored once it has ended well: a container for each output, which
waits for the command's end beside it and can fail the pod."""

from collections.abc import Iterator

from manor.api import Platform
from manor.api.workload import Output, TrainingJobSpec
from manor.engines.pods import (
    Parts,
    container_security_context,
    env,
    key_volumes,
    unexpanded,
    with_keys,
)
from manor.engines.programs import program
from manor.render.objects import Object

INDEX = "JOB_COMPLETION_INDEX"
"""The variable by which the controller of Jobs tells each container the index of its pod."""
AMOUNTS = {
    "requests": {"cpu": "100m", "memory": "512Mi"},
    "limits": {"memory": "512Mi"},
}
"""What each container that stores asks for: it holds parts of some files at once."""


def _named(outputs: list[Output]) -> list[tuple[str, Output]]:
    """Each with the name of its volume and of what stores it."""
    return [(f"output-{number}", output) for number, output in enumerate(outputs, start=1)]


def parts(outputs: list[Output]) -> Parts:
    """Where outputs are written."""
    volumes, mounts = [], []
    for name, output in _named(outputs):
        volumes += [{"name": name, "emptyDir": {}}, *key_volumes(name, output.secret)]
        mounts.append({"name": name, "mountPath": output.path})
    return volumes, mounts


def awaited(command: list[str], outputs: list[Output]) -> list[str]:
    """The command, started by what tells the containers of its outputs how it ended."""
    names = ",".join(name for name, _ in _named(outputs))
    return ["python3", "-c", program("outputs/start.py"), names, *command] if outputs else command


def storers(platform: Platform, spec: TrainingJobSpec, told: list[Object]) -> Iterator[Object]:
    """The containers that store outputs; `told` are the variables by which they know their run."""
    below = [f"$({one['name']})" for one in told]
    if spec.workers > 1 or spec.sweep:
        below.append(f"$({INDEX})")
    for name, output in _named(spec.outputs):
        # The kubelet expands what stands below, and nothing of the URI.
        uri = "/".join([unexpanded(output.uri).rstrip("/"), *below])
        container = {
            "name": name,
            "image": platform.spec.images.fetching,
            "command": [
                "python3",
                "-c",
                program("buckets.py", "outputs/upload.py"),
                name,
                output.path,
                uri,
            ],
            "env": [*told, *env({"HOME": "/tmp"})],  # noqa: S108 - the pod's own emptyDir
            "resources": AMOUNTS,
            "securityContext": container_security_context(),
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "volumeMounts": [{"name": name, "mountPath": output.path, "readOnly": True}],
        }
        yield with_keys(container, name, output.secret)
