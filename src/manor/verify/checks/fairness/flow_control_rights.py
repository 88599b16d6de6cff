"""Flow control, priority classes and runtime classes are the platform's alone."""

from manor.verify.access import Access, no_access
from manor.verify.check import Check, Level, Severity

CHECK = Check(
    id="MNR-FAIRNESS-002",
    title="Move oneself to a better priority level",
    guarantee="Flow control, priority classes and runtime classes are the platform's alone.",
    severity=Severity.HIGH,
    level=Level.STATIC,
    references=(
        "Kubernetes: API Priority and Fairness",
        "Kubernetes: Pod priority and preemption (abuse)",
    ),
    attempt=(
        "Asks to write FlowSchemas, PriorityLevelConfigurations, PriorityClasses and "
        "RuntimeClasses."
    ),
    expect="The authorizer (RBAC) answers `not allowed`.",
    remedy="Remove the ClusterRoleBinding that gives it.",
    run=no_access(
        Access("create update patch delete", "flowschemas", "flowcontrol.apiserver.k8s.io", None),
        Access(
            "create update patch delete",
            "prioritylevelconfigurations",
            "flowcontrol.apiserver.k8s.io",
            None,
        ),
        Access("create update patch delete", "priorityclasses", "scheduling.k8s.io", None),
        Access("create update patch delete", "runtimeclasses", "node.k8s.io", None),
    ),
)
