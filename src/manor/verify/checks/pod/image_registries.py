"""Images come from the tenant's registries alone."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.mechanisms import policy
from manor.verify.objects import container, pod
from manor.verify.requests import Request, create

IMAGES = {
    "evil.example/image:1": "evil.example/image",
    "evil.example/image@sha256:" + "0" * 64: "evil.example/image",
    "ubuntu": "docker.io/library/ubuntu",
    "library/ubuntu:24.04": "docker.io/library/ubuntu",
    "docker.io/library/ubuntu": "docker.io/library/ubuntu",
    "evil.example:5000/image": "evil.example:5000/image",
    "EVIL.example/image": "evil.example/image",
    "$registry.evil.example/image": "",
    "evil.example/$registry/image": "evil.example/",
    "$registry-evil/image": "",
    "$registry@evil.example/image": "",
    "localhost/image": "localhost/image",
    "127.0.0.1:5000/image": "127.0.0.1:5000/image",
}
"""Images, and where a container runtime takes each from."""


def _registry(text: str) -> str:
    """An allowed registry as a container runtime reads it; without a host it is on Docker Hub."""
    host, _, path = text.strip().rstrip("/").partition("/")
    if not ({".", ":"} & set(host) or host == "localhost"):
        host, path = "docker.io", f"{host}/{path}".rstrip("/")
    host = host.lower()
    host = "docker.io" if host == "index.docker.io" else host
    return f"{host}/{path}" if path else host


async def _foreign(context: AttackContext) -> dict[str, Request]:
    allowed = [f"{_registry(text)}/" for text in context.attacker.registries]
    return {
        image: create(pod(container(image)))
        for image, source in IMAGES.items()
        if not f"{source}/".startswith(tuple(allowed))
    }


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
        "Creates Pods with images of registries that it may not use: by tag, digest, short name, "
        "upper case, a port, and names that begin like an allowed registry."
    ),
    expect="Refused by the policy manor-images.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        _foreign,
        by=policy("images"),
        control=create(pod()),
    ),
)
