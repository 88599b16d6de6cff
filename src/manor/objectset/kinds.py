"""Kinds, each by its group and its name, as one name is often used by several groups."""

from collections.abc import Iterable
from typing import Any

Object = dict[str, Any]
"""A Kubernetes object as the plain mapping that its YAML is."""

GroupKind = tuple[str, str]
"""The API group (empty for the core group) and the kind, whatever the version."""

CONFIG_MAP: GroupKind = ("", "ConfigMap")
LIMIT_RANGE: GroupKind = ("", "LimitRange")
NAMESPACE: GroupKind = ("", "Namespace")
PERSISTENT_VOLUME_CLAIM: GroupKind = ("", "PersistentVolumeClaim")
RESOURCE_QUOTA: GroupKind = ("", "ResourceQuota")
SECRET: GroupKind = ("", "Secret")
SERVICE: GroupKind = ("", "Service")
SERVICE_ACCOUNT: GroupKind = ("", "ServiceAccount")
CUSTOM_RESOURCE_DEFINITION: GroupKind = ("apiextensions.k8s.io", "CustomResourceDefinition")
CRON_JOB: GroupKind = ("batch", "CronJob")
JOB: GroupKind = ("batch", "Job")
CILIUM_NETWORK_POLICY: GroupKind = ("cilium.io", "CiliumNetworkPolicy")
NETWORK_POLICY: GroupKind = ("networking.k8s.io", "NetworkPolicy")
BACKEND_TRAFFIC_POLICY: GroupKind = ("gateway.envoyproxy.io", "BackendTrafficPolicy")
ENVOY_EXTENSION_POLICY: GroupKind = ("gateway.envoyproxy.io", "EnvoyExtensionPolicy")
SECURITY_POLICY: GroupKind = ("gateway.envoyproxy.io", "SecurityPolicy")
INFERENCE_SERVICE: GroupKind = ("serving.kserve.io", "InferenceService")
DEPLOYMENT: GroupKind = ("apps", "Deployment")
HTTP_ROUTE: GroupKind = ("gateway.networking.k8s.io", "HTTPRoute")
SELDON_DEPLOYMENT: GroupKind = ("machinelearning.seldon.io", "SeldonDeployment")
RAY_JOB: GroupKind = ("ray.io", "RayJob")
TENANT: GroupKind = ("manor.dev", "Tenant")
TRAINING_JOB: GroupKind = ("manor.dev", "TrainingJob")
MODEL: GroupKind = ("manor.dev", "Model")
WORKSPACE: GroupKind = ("manor.dev", "Workspace")
TRAIN_JOB: GroupKind = ("trainer.kubeflow.org", "TrainJob")

RUNS = frozenset({JOB, RAY_JOB, TRAIN_JOB, TRAINING_JOB, WORKSPACE})
"""Kinds that end, or may wait in a queue for long."""


def group_of(api_version: str) -> str:
    """The API group of an `apiVersion`: empty for the core group."""
    return api_version.rpartition("/")[0]


def kind_of(obj: Object) -> GroupKind:
    """The group and kind of `obj`."""
    return group_of(obj["apiVersion"]), obj["kind"]


def defined_kinds(objects: Iterable[Object]) -> dict[GroupKind, bool]:
    """The kinds that the CustomResourceDefinitions among `objects` define, and whether each is
    namespaced."""
    specs = [obj["spec"] for obj in objects if kind_of(obj) == CUSTOM_RESOURCE_DEFINITION]
    return {(spec["group"], spec["names"]["kind"]): spec["scope"] == "Namespaced" for spec in specs}
