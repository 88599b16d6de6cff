"""The registries hold for every container of everything that makes pods."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import policy
from manor.verify.objects import container, pod, pod_spec, workloads
from manor.verify.requests import create

EVIL = "evil.example/image:1"

CHECK = Check(
    id="MNR-POD-021",
    title="Run a foreign image as init container or by a template",
    guarantee="The registries hold for every container of everything that makes pods.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=(
        "CIS 5.5.1",
        "GHSA-gjw4-3v3v-rqxg (class)",
    ),
    attempt=(
        "Creates Pods with a foreign init container, and Deployments, ReplicaSets, StatefulSets, "
        "Jobs and "
        "CronJobs with a foreign image."
    ),
    expect="Refused by the policy manor-images.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {
            "an init container": create(pod(initContainers=[container(EVIL, name="init")])),
            **{kind: create(obj) for kind, obj in workloads(pod_spec(container(EVIL))).items()},
        },
        by=policy("images"),
        control={kind: create(obj) for kind, obj in workloads(pod_spec()).items()},
    ),
)
