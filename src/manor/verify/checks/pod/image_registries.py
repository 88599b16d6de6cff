"""Images come from the tenant's registries alone."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import policy
from manor.verify.objects import container, pod
from manor.verify.requests import create

IMAGES = (
    "evil.example/image:1",
    "evil.example/image@sha256:" + "0" * 64,
    "ubuntu",
    "library/ubuntu:24.04",
    "docker.io/library/ubuntu",
    "evil.example:5000/image",
    "EVIL.example/image",
    "$registry.evil.example/image",
    "evil.example/$registry/image",
    "$registry-evil/image",
    "$registry@evil.example/image",
    "localhost/image",
    "127.0.0.1:5000/image",
)

CHECK = Check(
    id="MNR-POD-020",
    title="Run an image from elsewhere",
    guarantee="Images come from the tenant's registries alone.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=(
        "CIS 5.5.1",
        "NSA/CISA: Supply chain",
        "CVE-2022-47633 (class)",
    ),
    attempt=(
        "Creates Pods with images of other registries: by tag, digest, short name, upper case, a "
        "port, and "
        "names that begin like an allowed registry."
    ),
    expect="Refused by the policy manor-images.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {image: create(pod(container(image))) for image in IMAGES},
        by=policy("images"),
        control=create(pod()),
    ),
)
