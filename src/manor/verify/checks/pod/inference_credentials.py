"""A model is fetched with its own team's credentials, as an account of its own namespace."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.features import KSERVE
from manor.verify.inference import annotated, inference_service
from manor.verify.mechanisms import policy
from manor.verify.requests import create

CHECK = Check(
    id="MNR-POD-047",
    title="Fetch a model with another team's credentials",
    guarantee=(
        "A model is fetched with its own team's credentials, as an account of its own namespace."
    ),
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=("KServe: Storage Secrets", "CVE-2026-22872 (class)"),
    attempt=(
        "Creates InferenceServices that name a Secret or a service account of another namespace "
        "in the ways in which "
        "KServe's webhook, which may read both, is told of them."
    ),
    expect=(
        "Refused by the policy manor-kserve-services; the webhook looks into the model's "
        "namespace alone."
    ),
    remedy="Bind the policy again (`manor apply`).",
    requires=(KSERVE,),
    run=refused(
        {
            "another's Secret": create(annotated("storageSecretName", "$other/storage-config")),
            "another's Secret, by the older name": create(
                annotated("secretName", "$other/storage-config")
            ),
            "another's Secret for its log": create(
                annotated("logger-secret-name", "../$other/secrets/storage-config")
            ),
            "another's account": create(inference_service(serviceAccountName="$other/default")),
            "the controller's account": create(
                inference_service(
                    serviceAccountName="system:serviceaccount:kserve:kserve-controller-manager"
                )
            ),
            "another's account for its log": create(
                inference_service(logger={"storage": {"serviceAccountName": "$other/default"}})
            ),
        },
        by=policy("kserve-services"),
        control={
            "a Secret of its own": create(annotated("storageSecretName", "storage-config")),
            "an account of its own": create(inference_service(serviceAccountName="default")),
        },
    ),
)
