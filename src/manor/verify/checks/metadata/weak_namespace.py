"""A self-made namespace is `restricted` and bears no label but those it must."""

from manor.api.wellknown import TENANT_LABEL
from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import RBAC, any_of, policy
from manor.verify.objects import Object, make
from manor.verify.requests import create, merged

OWN = {TENANT_LABEL: "$tenant"}
OWNER = {"apiVersion": "v1", "kind": "Namespace", "name": "kube-system", "uid": "0"}


def space(name: str, labels: dict[str, str]) -> Object:
    """A namespace with these labels."""
    return make("v1", "Namespace", None, name, meta={"labels": labels})


CHECK = Check(
    id="MNR-METADATA-007",
    title="Create a namespace without Pod Security or with labels that let others in",
    guarantee="A self-made namespace is `restricted` and bears no label but those it must.",
    severity=Severity.CRITICAL,
    level=Level.DRY_RUN,
    references=(
        "projectcapsule/capsule#200",
        "CIS 5.2.1",
        "Pod Security Standards",
    ),
    attempt=(
        "Creates namespaces with Pod Security privileged or pinned to an old version, with "
        "labels that "
        "others' selectors match, owner references, finalizers and annotations."
    ),
    expect="Refused by the policy manor-namespaces.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {
            "privileged": create(
                space("$slot", {**OWN, "pod-security.kubernetes.io/enforce": "privileged"})
            ),
            "an old version": create(
                space("$slot", {**OWN, "pod-security.kubernetes.io/enforce-version": "v1.0"})
            ),
            "a label of another's selector": create(
                space("$slot", {**OWN, "team": "$other_tenant"})
            ),
            "the gateway's name label": create(
                space("$slot", {**OWN, "name": "envoy-gateway-system"})
            ),
            "an owner reference": create(
                merged(space("$slot", OWN), {"metadata": {"ownerReferences": [OWNER]}})
            ),
            "a finalizer": create(
                merged(space("$slot", OWN), {"metadata": {"finalizers": ["manor.dev/keep"]}})
            ),
            "a node selector": create(
                merged(
                    space("$slot", OWN),
                    {
                        "metadata": {
                            "annotations": {"scheduler.alpha.kubernetes.io/node-selector": "a=b"}
                        }
                    },
                )
            ),
        },
        by=any_of(policy("namespaces"), RBAC),
        control=create(space("$slot", OWN)),
    ),
)
