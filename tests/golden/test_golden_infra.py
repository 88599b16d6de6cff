"""The identities of resources, as recorded. A name that changes here is, to Pulumi, another
resource: people's tenants would be made anew. Where it must be, give it an alias, and say so in the
change log.
"""

from pathlib import Path

import pytest

from pulumi_programs import EXAMPLE, files, recorded, run_program

pytestmark = pytest.mark.unit

HERE = Path(__file__).parent
GKE = {
    "gcp:project": "my-project",
    "manor-gke:location": "europe-west4",
    "manor-gke:gpuPools": (
        '[{"name": "l4", "accelerator": "nvidia-l4", "machineType": "g2-standard-8"}]'
    ),
    "manor-gke:sandboxPool": '{"machineType": "n2-standard-4"}',
}


@pytest.mark.parametrize("name", ["two-teams", "gke"])
def test_urns_as_recorded(name: str, request: pytest.FixtureRequest) -> None:
    recorder = recorded(files(EXAMPLE)) if name == "two-teams" else run_program("gke", GKE)[0]
    urns = "".join(f"{urn}\n" for urn in sorted(recorder.registered))
    golden = HERE / f"infra-{name}.txt"
    if request.config.getoption("--regen-golden", default=False):
        golden.write_text(urns)
    assert urns == golden.read_text(), (
        "this makes people's resources anew; see the top of this file"
    )
