"""A model is served and scaled in the ways that keep to its own namespace."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.features import KSERVE
from manor.verify.inference import annotated, inference_service
from manor.verify.mechanisms import policy
from manor.verify.requests import create

PROMETHEUS = {
    "metric": {
        "backend": "prometheus",
        "serverAddress": "http://prometheus.$other:9090",
        "query": "up",
    }
}

CHECK = Check(
    id="MNR-ADMISSION-018",
    title="Have a model served or scaled by other controllers",
    guarantee="A model is served and scaled in the ways that keep to its own namespace.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=("KServe: Deployment modes", "KEDA: Authentication", "kserve/kserve#2197 (class)"),
    attempt=(
        "Creates InferenceServices that pick another deployment mode (Knative, ModelMesh, a name "
        "of no mode) or let "
        "KEDA ask addresses of the tenant's choosing with rights of its own."
    ),
    expect="Refused by the policy manor-kserve-services.",
    remedy="Bind the policy again (`manor apply`).",
    requires=(KSERVE,),
    run=refused(
        {
            "Knative": create(annotated("deploymentMode", "Knative")),
            "Knative, by its older name": create(annotated("deploymentMode", "Serverless")),
            "ModelMesh": create(annotated("deploymentMode", "ModelMesh")),
            "no mode at all": create(annotated("deploymentMode", "")),
            "KEDA": create(annotated("autoscalerClass", "keda")),
            "a metric from another team's Prometheus": create(
                inference_service(
                    autoScaling={"metrics": [{"type": "External", "external": PROMETHEUS}]}
                )
            ),
        },
        by=policy("kserve-services"),
        control={
            "the mode Standard": create(annotated("deploymentMode", "Standard")),
            "its own CPU": create(
                inference_service(minReplicas=1, maxReplicas=2, scaleMetric="cpu")
            ),
        },
    ),
)
