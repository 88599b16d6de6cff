"""The steps of an inference graph lead to Services of its own namespace."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.features import KSERVE, TWO_TENANTS
from manor.verify.inference import inference_graph
from manor.verify.mechanisms import policy
from manor.verify.requests import create

CHECK = Check(
    id="MNR-ROUTES-018",
    title="Lead an inference graph to another team's models",
    guarantee="The steps of an inference graph lead to Services of its own namespace.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=("KServe: InferenceGraph", "CWE-918"),
    attempt=(
        "Creates InferenceGraphs whose steps lead to another team's Service, to the API server, "
        "to the cloud's "
        "metadata, or to either behind a name that looks like one's own."
    ),
    expect="Refused by the policy manor-kserve-graphs; the network would stop the router as well.",
    remedy="Bind the policy again (`manor apply`).",
    requires=(KSERVE, TWO_TENANTS),
    run=refused(
        {
            "another team's Service": create(
                inference_graph("http://iris-predictor.$other.svc.cluster.local/v2")
            ),
            "the API server": create(inference_graph("https://kubernetes.default.svc/api")),
            "the metadata address": create(inference_graph("http://169.254.169.254/latest")),
            "another host behind a user's name": create(
                inference_graph("http://iris.$own.svc@iris.$other.svc/")
            ),
            "another host before a fragment": create(
                inference_graph("http://iris.$other.svc#.$own.svc.cluster.local/")
            ),
            "another scheme": create(inference_graph("file://iris.$own.svc/etc/passwd")),
        },
        by=policy("kserve-graphs"),
        control={
            "a Service of its own": create(
                inference_graph("http://iris-predictor.$own.svc.cluster.local/v2")
            ),
            "the same by its short name": create(inference_graph("http://iris-predictor:80")),
        },
    ),
)
