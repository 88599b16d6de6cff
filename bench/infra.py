"""Pulumi: 100 tenants rendered and registered. How much of it is Manor's, and how much Pulumi's own
SDK.

Pulumi's engine and providers are left out: a monitor in this process answers every registration at
once. The peer, in the same run, is the same resources registered by a bare loop over the SDK. All
in CPU seconds, which other work on the machine does not lengthen much.
"""

import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import pulumi
import yaml

from manor.api import Tenant
from manor.engines import compile_specs
from manor.infra import make_all
from manor.infra.registration import registrations
from manor.infra.resources import KubernetesObject
from manor.load import Specs, load
from manor.render import spec_object
from pulumi_runs import Recorder, run

TENANTS = 100
EXAMPLE = Path(__file__).parents[1] / "examples" / "01-two-teams"


def specs(count: int) -> Specs:
    """The example's Platform and `count` tenants like its first."""
    platform = load([EXAMPLE / "platform.yaml"]).platform
    written = yaml.safe_load((EXAMPLE / "tenant-a.yaml").read_text())
    names = [f"team-{number:03}" for number in range(count)]
    made = {name: Tenant.model_validate({**written, "metadata": {"name": name}}) for name in names}
    return Specs(platform=platform, tenants=made)


def own_part(given: Specs) -> float:
    """CPU seconds to render all and decide what is registered."""
    assert given.platform
    began = time.process_time()
    for each in compile_specs(given.platform, given.tenants, given.all):
        registrations(each.spec.metadata.name, spec_object(each.spec), each.objects)
    return time.process_time() - began


def registered(given: Specs) -> tuple[float, Recorder]:
    """CPU seconds for the components, and what they registered."""
    recorder = Recorder(make=lambda type_, name, inputs: {})
    began = time.process_time()
    run(lambda: make_all(given) and None, recorder)
    return time.process_time() - began, recorder


def bare(objects: dict[str, Any]) -> float:
    """CPU seconds for the same resources without parents, dependencies and components."""

    def program() -> None:
        for name, one in objects.items():
            KubernetesObject(name, one.type, one.inputs, pulumi.ResourceOptions())

    began = time.process_time()
    run(program, Recorder(make=lambda type_, name, inputs: {}))
    return time.process_time() - began


def main() -> None:
    """Print the table."""
    given = specs(TENANTS)
    registered(specs(2))  # imports and caches
    whole, recorder = registered(given)
    own = own_part(given)
    peer = bare(recorder.objects())
    count = len(recorder.registered)
    print(f"{TENANTS} tenants, {count} resources")
    print(f"render and decide (Manor)             {own:6.2f} s  {own / whole:4.0%} of the whole")
    print(
        f"the components under Pulumi's SDK     {whole:6.2f} s  {1000 * whole / count:.2f} ms a "
        f"resource"
    )
    print(
        f"bare registrations by the SDK (peer)  {peer:6.2f} s  {1000 * peer / count:.2f} ms a "
        f"resource"
    )


if __name__ == "__main__":
    main()
