"""Where a Service leads is decided by its selector: no tenant writes addresses."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import RBAC, any_of, policy
from manor.verify.objects import NAME, make, service
from manor.verify.requests import create

SLICE = make(
    "discovery.k8s.io/v1",
    "EndpointSlice",
    addressType="IPv4",
    endpoints=[{"addresses": ["10.244.0.9"]}],
    ports=[{"port": 80}],
    meta={"labels": {"kubernetes.io/service-name": NAME}},
)

CHECK = Check(
    id="MNR-ADMISSION-005",
    title="Point a Service at another tenant's Pods",
    guarantee="Where a Service leads is decided by its selector: no tenant writes addresses.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=("CVE-2021-25740",),
    attempt=(
        "Creates Endpoints and EndpointSlices with addresses of other tenants' pods and of nodes."
    ),
    expect="403 from RBAC, or refused by the policy manor-endpoints.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {
            "Endpoints": create(
                make(
                    "v1",
                    "Endpoints",
                    subsets=[{"addresses": [{"ip": "10.244.0.9"}], "ports": [{"port": 80}]}],
                )
            ),
            "an EndpointSlice": create(SLICE),
            "an EndpointSlice for nodes": create(
                make(
                    "discovery.k8s.io/v1",
                    "EndpointSlice",
                    addressType="IPv4",
                    endpoints=[{"addresses": ["172.30.7.2"]}],
                    ports=[],
                )
            ),
        },
        by=any_of(policy("endpoints"), RBAC),
        control={"a Service with a selector": create(service())},
    ),
)
