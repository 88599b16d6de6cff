"""What every team's models are served by is the platform's to write."""

from manor.verify.access import Access, no_access
from manor.verify.check import Check, Level, Severity
from manor.verify.features import KSERVE

GROUP = "serving.kserve.io"
WRITES = "create update patch delete deletecollection"

CHECK = Check(
    id="MNR-RBAC-029",
    title="Change what every team's models are served by",
    guarantee="What every team's models are served by is the platform's to write.",
    severity=Severity.CRITICAL,
    level=Level.STATIC,
    references=("KServe: ClusterServingRuntime", "KServe: ClusterStorageContainer"),
    attempt=(
        "Asks to write ClusterServingRuntimes and ClusterStorageContainers, whose images run in "
        "every team's pods, "
        "KServe's own configuration, and models of its servers' agents (TrainedModels)."
    ),
    expect="The authorizer (RBAC) answers `not allowed`.",
    remedy="Remove the binding that gives it.",
    requires=(KSERVE,),
    run=no_access(
        Access(WRITES, "clusterservingruntimes", GROUP, namespace=None),
        Access(WRITES, "clusterstoragecontainers", GROUP, namespace=None),
        Access(WRITES, "trainedmodels", GROUP, namespace="$own"),
        Access(
            "get update patch delete",
            "configmaps",
            namespace="kserve",
            name="inferenceservice-config",
        ),
        control=Access("create", "inferenceservices", GROUP, namespace="$own"),
    ),
)
