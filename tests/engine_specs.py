"""A Platform, a tenant and workloads for the tests of engines."""

from typing import Any

from manor.api import Model, Platform, Tenant, TrainingJob, Workspace

META = {"apiVersion": "manor.dev/v1alpha1"}
NETWORK = {
    "podCidrs": ["10.244.0.0/16"],
    "serviceCidrs": ["10.96.0.0/16"],
    "nodeCidrs": ["10.0.0.0/24"],
}
FLAVORS = [{"name": "a100", "taint": "nvidia.com/gpu"}, {"name": "l4", "taint": "l4-only"}]


def platform(**spec: Any) -> Platform:
    images = {"training": "r/training:1", "serving": {"sklearn": "r/serving:1"}}
    whole = {
        "domain": "ml.example.com",
        "network": NETWORK,
        "images": images,
        "gpu": {"flavors": FLAVORS},
        **spec,
    }
    return Platform.model_validate({**META, "kind": "Platform", "spec": whole})


def tenant(**spec: Any) -> Tenant:
    body = {"owners": [{"name": "ada"}], **spec}
    return Tenant.model_validate(
        {**META, "kind": "Tenant", "metadata": {"name": "vision"}, "spec": body}
    )


def job(**spec: Any) -> TrainingJob:
    metadata = {"name": "train", "namespace": "vision"}
    body = {"command": ["python3", "train.py"], **spec}
    return TrainingJob.model_validate(
        {**META, "kind": "TrainingJob", "metadata": metadata, "spec": body}
    )


def model(**spec: Any) -> Model:
    metadata = {"name": "digits", "namespace": "vision"}
    body = {"format": "sklearn", "storageUri": "pvc://models/digits", **spec}
    return Model.model_validate({**META, "kind": "Model", "metadata": metadata, "spec": body})


def notes(**spec: Any) -> Workspace:
    metadata = {"name": "notes", "namespace": "vision"}
    return Workspace.model_validate(
        {**META, "kind": "Workspace", "metadata": metadata, "spec": spec}
    )
