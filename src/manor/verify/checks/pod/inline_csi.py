"""Storage comes by claims alone, so that storage classes and quota count."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import policy
from manor.verify.objects import pod
from manor.verify.requests import create

CHECK = Check(
    id="MNR-POD-015",
    title="Mount an inline CSI volume",
    guarantee="Storage comes by claims alone, so that storage classes and quota count.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=(
        "Pod Security Standards: Volume Types",
        "CVE-2020-8555 (class)",
    ),
    attempt="Creates Pods with inline CSI volumes of drivers that nobody can have allowed.",
    expect="Refused by the policy manor-pods.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {
            "a secrets driver": create(
                pod(
                    volumes=[
                        {
                            "name": "v",
                            "csi": {"driver": "secrets-store.csi.invalid", "readOnly": True},
                        }
                    ]
                )
            ),
            "a host driver": create(
                pod(volumes=[{"name": "v", "csi": {"driver": "hostpath.csi.invalid"}}])
            ),
        },
        by=policy("pods"),
        control=create(pod()),
    ),
)
