"""A model server shares nothing with its node, whoever makes its pods."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.features import KSERVE
from manor.verify.inference import inference_service, serving_runtime
from manor.verify.mechanisms import policy
from manor.verify.requests import create

CHECK = Check(
    id="MNR-POD-046",
    title="Serve a model from the node's own namespaces",
    guarantee="A model server shares nothing with its node, whoever makes its pods.",
    severity=Severity.CRITICAL,
    level=Level.DRY_RUN,
    references=("Pod Security: Host Namespaces", "KServe: ServingRuntime"),
    attempt=(
        "Creates InferenceServices and ServingRuntimes whose predictor, transformer or workers "
        "ask for hostNetwork, "
        "hostPID or hostIPC."
    ),
    expect=(
        "Refused by the policy manor-kserve-services, by the field's name; their pods by Pod "
        "Security as well."
    ),
    remedy="Bind the policy again (`manor apply`).",
    requires=(KSERVE,),
    run=refused(
        {
            "a predictor with hostNetwork": create(inference_service(hostNetwork=True)),
            "a predictor with hostPID": create(inference_service(hostPID=True)),
            "workers with hostIPC": create(inference_service(workerSpec={"hostIPC": True})),
            "a runtime with hostNetwork": create(serving_runtime(hostNetwork=True)),
            "a runtime's workers with hostPID": create(
                serving_runtime(workerSpec={"hostPID": True})
            ),
            "a transformer with hostNetwork": create(
                inference_service(transformer={"hostNetwork": True})
            ),
        },
        by=policy("kserve-services"),
        control={
            "a plain one": create(inference_service()),
            "a plain runtime": create(serving_runtime()),
        },
    ),
)
