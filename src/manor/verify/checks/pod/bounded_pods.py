"""A pod has the fields that somebody decided on, and so many of each as a node can bear."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import policy
from manor.verify.objects import Object, container, pod
from manor.verify.requests import create


def _mounting(number: int) -> Object:
    volumes = [
        {"name": f"v{n}", "secret": {"secretName": "verify-probe", "optional": True}}
        for n in range(number)
    ]
    return pod(volumes=volumes)


def _projecting(number: int) -> Object:
    items = [{"key": "key", "path": f"f{n}"} for n in range(number)]
    return pod(volumes=[{"name": "v", "secret": {"secretName": "verify-probe", "items": items}}])


CHECK = Check(
    id="MNR-POD-041",
    title="Fill the node's memory by mounts, and use fields that nobody decided on",
    guarantee="A pod has the fields that somebody decided on, and bounded lists of them.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=(
        "Kubernetes: Secrets (kept in memory of the node)",
        "Kubernetes: Pod Security Standards (Windows, seccomp)",
    ),
    attempt=(
        "Creates Pods with 61 volumes of one Secret, one Secret's key under 61 names, 41 "
        "containers, a grace period of "
        "thirty years, the node's own DNS, a seccomp profile of the node's, another host name."
    ),
    expect="Refused by the policy manor-pod-fields.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {
            "volumes of one Secret": create(_mounting(61)),
            "one key under many names": create(_projecting(61)),
            "containers": create(pod(*({**container(), "name": f"c{n}"} for n in range(41)))),
            "a grace period": create(pod(terminationGracePeriodSeconds=1_000_000_000)),
            "the node's DNS": create(pod(dnsPolicy="Default")),
            "a profile of the node's": create(
                pod(
                    security={
                        "seccompProfile": {
                            "type": "Localhost",
                            "localhostProfile": "verify-probe.json",
                        }
                    }
                )
            ),
            "another host name": create(pod(hostnameOverride="verify-probe")),
        },
        by=policy("pod-fields"),
        control={"a few volumes": create(_mounting(3)), "a few names": create(_projecting(3))},
    ),
)
