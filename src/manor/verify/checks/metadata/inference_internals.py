"""What KServe tells itself by labels and annotations, no tenant writes onto an InferenceService."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.features import KSERVE
from manor.verify.inference import GROUP, annotated, inference_service
from manor.verify.mechanisms import policy
from manor.verify.requests import create

INTERNAL = f"internal.{GROUP}"

CHECK = Check(
    id="MNR-METADATA-018",
    title="Speak to KServe in its own words",
    guarantee=(
        "What KServe tells itself by labels and annotations, no tenant writes onto an "
        "InferenceService; nor what asks "
        "for devices or nodes past the budget."
    ),
    severity=Severity.MEDIUM,
    level=Level.DRY_RUN,
    references=("KServe: LocalModelCache", "KEP-4381 (device claims)"),
    attempt=(
        "Creates InferenceServices with labels and annotations that point to another namespace's "
        "model cache, that "
        "name a volume, a device class or a group of nodes."
    ),
    expect="Refused by the policy manor-kserve-services.",
    remedy="Bind the policy again (`manor apply`).",
    requires=(KSERVE,),
    run=refused(
        {
            "another's cached model": create(
                inference_service(
                    {
                        "labels": {
                            f"{INTERNAL}/localmodel": "m",
                            f"{INTERNAL}/localmodel-namespace": "$other",
                        }
                    }
                )
            ),
            "a cached model's volume": create(
                inference_service({"annotations": {f"{INTERNAL}/localmodel-pvc-name": "theirs"}})
            ),
            "a Secret's parameters": create(
                inference_service({"annotations": {f"{INTERNAL}/storage-spec-param": "{}"}})
            ),
            "a device by its class": create(annotated("exp-dra-device-class", "gpu.example.com")),
            "a group of nodes": create(annotated("nodegroup", "others")),
        },
        by=policy("kserve-services"),
        control=create(annotated("targetUtilizationPercentage", "60")),
    ),
)
