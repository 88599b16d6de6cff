"""The lease that an operator renews, as the API server holds it."""

from datetime import UTC, datetime, timedelta

from manor.kube import Object


def lease(age: float = 0.0, holder: str = "pod-1") -> Object:
    renewed = datetime.now(UTC) - timedelta(seconds=age)
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "manor-operator", "namespace": "manor-system"},
        "spec": {
            "holderIdentity": holder,
            "leaseDurationSeconds": 15,
            "renewTime": renewed.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        },
    }
