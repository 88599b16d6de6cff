"""A tenant's pods name no host in probes and lifecycle hooks."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import POD_SECURITY
from manor.verify.objects import container, pod
from manor.verify.requests import create

CHECK = Check(
    id="MNR-POD-014",
    title="Let the kubelet connect elsewhere by a probe",
    guarantee="A tenant's pods name no host in probes and lifecycle hooks.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=(
        "CVE-2020-8555 (class)",
        "Pod Security Standards: Host Probes / Lifecycle Hooks",
        "NSA/CISA: Kubernetes Pod security",
    ),
    attempt="Creates Pods of its own that break the control “Host Probes / Lifecycle Hooks”.",
    expect="403 from Pod Security (`violates PodSecurity`).",
    remedy=(
        "Label the namespace `pod-security.kubernetes.io/enforce: restricted` again (`manor "
        "apply`)."
    ),
    run=refused(
        {
            "a liveness probe to the metadata address": create(
                pod(
                    container(
                        livenessProbe={
                            "httpGet": {"host": "169.254.169.254", "path": "/", "port": 80}
                        }
                    )
                )
            ),
            "a readiness probe of a TCP port of the node": create(
                pod(container(readinessProbe={"tcpSocket": {"host": "127.0.0.1", "port": 10250}}))
            ),
            "a hook": create(
                pod(
                    container(
                        lifecycle={
                            "postStart": {"httpGet": {"host": "10.0.0.1", "path": "/", "port": 80}}
                        }
                    )
                )
            ),
        },
        by=POD_SECURITY,
        control=create(pod()),
    ),
)
