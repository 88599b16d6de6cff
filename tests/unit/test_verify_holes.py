"""The table of known holes, and how versions are told."""

import pytest

from manor.verify import holes

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("component", "version", "ids"),
    [
        ("containerd", "2.4.2+unknown", set()),
        (
            "containerd",
            "2.2.4",
            {"CVE-2026-53488", "CVE-2026-53489", "CVE-2026-53492", "CVE-2026-50195"},
        ),
        ("containerd", "1.7.33", set()),
        ("containerd", "1.7.32-1~deb12u1", {"CVE-2026-53488"}),
        (
            "containerd",
            "2.2.3",
            {hole.id for hole in holes.table()["containerd"]} - {"CVE-2024-25621"},
        ),
        ("containerd", "1.6.20", {"CVE-2024-25621", "CVE-2026-46680", "CVE-2026-53488"}),
        ("kubernetes", "v1.37.2-gke.100", set()),
        ("kubernetes", "v1.33.1", {"CVE-2025-4563", "CVE-2025-5187"}),
        ("local-path-provisioner", "v0.0.30", {"CVE-2025-62878", "CVE-2026-44543"}),
        ("local-path-provisioner", "v0.0.36", set()),
        ("container-toolkit", "v1.17.7-ubuntu20.04", {"CVE-2025-23266"}),
    ],
)
def test_a_version_has_the_holes_of_its_line(component: str, version: str, ids: set[str]) -> None:
    told = holes.parse(version)
    assert told is not None
    assert {words.split()[0] for words in holes.found(component, told)} == ids


@pytest.mark.parametrize(
    ("image", "known"),
    [
        ("rancher/local-path-provisioner:v0.0.30", ("local-path-provisioner", (0, 0, 30))),
        (
            "mirror.example.com:5000/x/local-path-provisioner:v0.0.36@sha256:aa",
            ("local-path-provisioner", (0, 0, 36)),
        ),
        ("registry.k8s.io/ingress-nginx/controller@sha256:aa", ("ingress-nginx/controller", None)),
        ("mirror:5000/local-path-provisioner", ("local-path-provisioner", None)),
        (
            "nvcr.io/nvidia/k8s/container-toolkit:v1.17.7-ubuntu20.04",
            ("container-toolkit", (1, 17, 7)),
        ),
        ("registry.example.com/team/controller:v1", None),
        ("not-local-path-provisioner:v1", None),
    ],
)
def test_an_image_is_known_by_the_end_of_its_name(image: str, known: object) -> None:
    assert holes.component_of(image) == known


def test_every_entry_names_its_source_and_a_fix() -> None:
    for component, found in holes.table().items():
        assert found or component == "kueue/kueue"
        for hole in found:
            assert hole.fixed
            assert hole.source.startswith(("https://", "GHSA-"))
